"""Large payloads of a cell's outputs: kept as objects, named in their place by their digest."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any, Protocol

LARGE_CHARS = 4096
"""A payload of so many characters or more is an object of its own."""


class Objects(Protocol):
    """Where payloads go: the store has both methods."""

    def put(self, data: bytes) -> Any:
        """Keep bytes; `str` of the answer is their digest."""

    def get(self, digest: Any) -> bytes:
        """The bytes of that digest."""


class Cleaner(Protocol):
    """Takes secrets out of text."""

    def text(self, text: str) -> str:
        """The text without its secrets."""


def fold(output: dict[str, Any], store: Objects, cleaner: Cleaner) -> dict[str, Any]:
    """The output with each large payload replaced by `{"digest", "size_bytes", "encoding"}`, secrets taken out."""
    if output.get("output_type") == "stream":
        return {**output, "text": _fold(cleaner.text(_joined(output.get("text", ""))), "text/plain", store)}
    if "data" not in output:
        return output
    data = {}
    for mime, payload in output["data"].items():
        text = _joined(payload)
        if isinstance(text, str):
            text = text if is_binary(mime) else cleaner.text(text)
            data[mime] = _fold(text, mime, store)
        else:
            data[mime] = payload
    return {**output, "data": data}


def unfold(output: dict[str, Any], store: Objects, parse: Any) -> dict[str, Any]:
    """The output as it was; `parse` makes a digest of its text."""
    found = dict(output)
    if isinstance(found.get("text"), dict):
        found["text"] = _unfold(found["text"], store, parse)
    if "data" in found:
        found["data"] = {mime: _unfold(payload, store, parse) for mime, payload in found["data"].items()}
    return found


def is_payload(value: Any) -> bool:
    """Whether `fold` put this in the place of a payload."""
    return isinstance(value, dict) and value.keys() == {"digest", "size_bytes", "encoding"}


def is_binary(mime: str) -> bool:
    """Whether the notebook format holds this MIME type as base64."""
    return mime.startswith(("image/", "audio/", "video/", "application/pdf")) and not mime.endswith("+xml")


def is_text(payload: Any) -> bool:
    """Whether a payload is a text, in one piece or by lines."""
    return isinstance(payload, str) or (
        isinstance(payload, list) and all(isinstance(line, str) for line in payload)
    )


def _joined(payload: Any) -> Any:
    return "".join(payload) if isinstance(payload, list) and is_text(payload) else payload


def _fold(text: Any, mime: str, store: Objects) -> Any:
    if not isinstance(text, str) or len(text) < LARGE_CHARS:
        return text
    raw, encoding = _bytes_of(text, mime)
    return {"digest": str(store.put(raw)), "size_bytes": len(raw), "encoding": encoding}


def _bytes_of(text: str, mime: str) -> tuple[bytes, str]:
    """The bytes that the text stands for, where it can be written again exactly as it was."""
    if is_binary(mime):
        try:
            raw = base64.b64decode(text)
        except (binascii.Error, ValueError):
            return text.encode("utf-8", "surrogatepass"), "utf-8"
        for encoding, written in _CODECS.items():
            if written(raw) == text:
                return raw, encoding
    return text.encode("utf-8", "surrogatepass"), "utf-8"


def _plain_base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


_CODECS: dict[str, Callable[[bytes], str]] = {
    "base64": _plain_base64,
    "base64-line": lambda raw: _plain_base64(raw) + "\n",
    "base64-lines": lambda raw: base64.encodebytes(raw).decode(),
}


def _unfold(payload: Any, store: Objects, parse: Any) -> Any:
    if not is_payload(payload):
        return payload
    raw = store.get(parse(payload["digest"]))
    codec = _CODECS.get(payload["encoding"])
    return codec(raw) if codec else raw.decode("utf-8", "surrogatepass")
