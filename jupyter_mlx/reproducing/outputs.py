"""How the outputs of two executions compare, as the notebook format holds them."""

from __future__ import annotations

import base64
import binascii
import itertools
import re
from collections.abc import Iterable, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

from . import content
from .checks import Check, State, Tolerance, texts

Output = Mapping[str, Any]

_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_PASSED_OVER = frozenset({"application/vnd.jupyter.widget-view+json"})
_RICHEST = (
    "image/png",
    "image/jpeg",
    "text/html",
    "text/latex",
    "text/markdown",
    "image/svg+xml",
    "text/plain",
)


def compare(was: Sequence[Output], now: Sequence[Output], tolerance: Tolerance) -> list[Check]:
    """Each output with its counterpart, in their order; what was written to stderr is not compared."""
    before, after = _streams(was), _streams(now)
    found = (
        [_stream("stdout", before, after, tolerance)] if {"stdout"} & (before.keys() | after.keys()) else []
    )
    if "stderr" in before or "stderr" in after:
        found.append(Check("stderr", "not-compared", detail="warnings and progress differ from run to run"))
    shown = itertools.zip_longest(_shown(was), _shown(now))
    for number, (a, b) in enumerate(shown, 1):
        found.append(_output(f"output {number}", a, b, tolerance))
    return found


def _streams(outputs: Iterable[Output]) -> dict[str, str]:
    found: dict[str, str] = {}
    for output in outputs:
        if output.get("output_type") == "stream":
            name = str(output.get("name", "stdout"))
            found[name] = found.get(name, "") + _joined(output.get("text", ""))
    return found


def _stream(name: str, was: Mapping[str, str], now: Mapping[str, str], tolerance: Tolerance) -> Check:
    before, after = (_as_seen(each.get(name, "")) for each in (was, now))
    state, detail = texts(before, after, tolerance)
    return Check(name, state, detail=detail)


def _as_seen(text: str) -> str:
    """Without colours, and of a line that was written over what stood there last."""
    return "\n".join(line.rstrip("\r").rpartition("\r")[2] for line in _ANSI.sub("", text).split("\n"))


def _shown(outputs: Iterable[Output]) -> list[Output]:
    """What is displayed; what is told elsewhere, or by widgets alone, is left out."""
    return [
        output
        for output in outputs
        if output.get("output_type") in {"display_data", "execute_result"}
        and output.get("data")
        and not (_PASSED_OVER & output["data"].keys())
    ]


def _output(name: str, was: Output | None, now: Output | None, tolerance: Tolerance) -> Check:
    if was is None or now is None:
        one = was or now or {}
        state: State = "missing" if now is None else "new"
        return Check(name, state, detail=f"{_kind(one)} was shown only {'then' if now is None else 'now'}")
    before, after = was["data"], now["data"]
    kind = next((mime for mime in _RICHEST if mime in before and mime in after), None)
    if kind is None:
        same = before == after
        return Check(
            name, "same" if same else "different", detail="" if same else f"{_kind(was)} → {_kind(now)}"
        )
    state, detail = _payload(kind, _joined(before[kind]), _joined(after[kind]), tolerance)
    return Check(name, state, detail=f"{kind}: {detail}" if detail else kind)


def _kind(output: Output) -> str:
    return ", ".join(sorted(output.get("data", {}))) or str(output.get("output_type"))


def _payload(kind: str, was: str, now: str, tolerance: Tolerance) -> tuple[State, str]:
    if was == now:
        return "same", ""
    if kind in {"image/png", "image/jpeg"}:
        try:
            images = [base64.b64decode(text) for text in (was, now)]
        except (binascii.Error, ValueError):
            return "different", "no image"
        return content.images(images[0], images[1], tolerance)
    if kind == "text/html":
        return texts(_text_of(was), _text_of(now), tolerance)
    return texts(was, now, tolerance)


def _joined(payload: Any) -> str:
    return "".join(payload) if isinstance(payload, list) else str(payload)


class _Words(HTMLParser):
    """Collects the text of a page, a cell of a table a line; not ids and styles, which libraries make up anew."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "script"}
        if tag == "img":
            self.words.append(next((value or "" for key, value in attrs if key == "src"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script"} and self._hidden > 0

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.words.append(data.strip())


def _text_of(html: str) -> str:
    words = _Words()
    words.feed(html)
    words.close()
    return "\n".join(words.words)
