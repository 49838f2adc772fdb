"""The outputs of a cell, seen as they leave for the front end and not touched."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

Output = dict[str, Any]
KINDS = frozenset(
    {"stream", "display_data", "execute_result", "error", "update_display_data", "clear_output"}
)


class OutputLog:
    """Messages of one cell, gathered to nbformat outputs as a front end would."""

    def __init__(self) -> None:
        self.outputs: list[Output] = []
        self._displays: dict[str, Output] = {}
        self._clear_next = False

    def feed(self, kind: str, content: dict[str, Any]) -> None:
        """One message of the kernel. Source: "Messages on the IOPub" of the Jupyter messaging protocol."""
        if kind == "clear_output":
            self._clear_next = bool(content.get("wait"))
            if not self._clear_next:
                self._clear()
            return
        if kind == "update_display_data":
            self._update(content)
            return
        if self._clear_next:
            self._clear_next = False
            self._clear()
        if kind == "stream":
            self._stream(content["name"], content["text"])
            return
        output: Output = {"output_type": kind, **{k: v for k, v in content.items() if k != "transient"}}
        self.outputs.append(output)
        display_id = content.get("transient", {}).get("display_id")
        if display_id:
            self._displays[display_id] = output

    @property
    def error(self) -> Output | None:
        """The last error output."""
        return next((output for output in reversed(self.outputs) if output["output_type"] == "error"), None)

    def _clear(self) -> None:
        self.outputs.clear()
        self._displays.clear()

    def _stream(self, name: str, text: str) -> None:
        last = self.outputs[-1] if self.outputs else None
        if last is None or last["output_type"] != "stream" or last["name"] != name:
            last = {"output_type": "stream", "name": name, "parts": []}
            self.outputs.append(last)
        # joined once at the end: a cell may print a hundred thousand times
        last["parts"].append(text)

    def _update(self, content: dict[str, Any]) -> None:
        shown = self._displays.get(content.get("transient", {}).get("display_id", ""))
        if shown is not None:
            shown["data"], shown["metadata"] = content["data"], content["metadata"]

    def take(self) -> list[Output]:
        """The outputs as the notebook format has them."""
        found = []
        for output in self.outputs:
            if output["output_type"] == "stream":
                text = written("".join(output["parts"]))
                found.append({"output_type": "stream", "name": output["name"], "text": text})
            else:
                found.append(output)
        return found


def written(text: str) -> str:
    """Text as a terminal shows it: what a carriage return wrote over is gone (progress bars)."""
    if "\r" not in text:
        return text
    lines = (line.rstrip("\r") for line in text.split("\n"))
    return "\n".join(line.rpartition("\r")[2] for line in lines)


class KernelTap:
    """Sees what an ipykernel sends, by its session: every stream, display, result and error goes through it.

    A message belongs to the cell whose request the kernel names as its parent,
    as in the front end: the run holds what the notebook shows below the cell.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._session = shell.display_pub.session
        self._send: Callable[..., Any] = self._session.send
        self._logs: dict[str, OutputLog] = {}
        self._session.send = self._tapped

    def close(self) -> None:
        """Leave the session as it was."""
        del self._session.send

    def open(self) -> tuple[str, OutputLog]:
        """Begin to log the cell that is executed now; the key is for `finish`."""
        key = str(self._shell.display_pub.parent_header.get("msg_id", ""))
        self._logs[key] = OutputLog()
        return key, self._logs[key]

    def finish(self, key: str) -> None:
        """Wait until what the cell wrote has passed, and end its log."""
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._logs.pop(key, None)

    def _tapped(self, stream: Any, msg_or_type: Any, *arguments: Any, **named: Any) -> Any:
        # (content, parent, …): the kernel gives them by place here and by name there, so all go on as they came
        if self._logs:
            whole = isinstance(msg_or_type, dict)
            kind = msg_or_type["header"]["msg_type"] if whole else msg_or_type
            if kind in KINDS:
                if whole:
                    content, header = msg_or_type["content"], msg_or_type["parent_header"]
                else:
                    content, header = (
                        _argument(at, name, arguments, named) for at, name in enumerate(("content", "parent"))
                    )
                self._feed(kind, content, header)
        return self._send(stream, msg_or_type, *arguments, **named)

    def _feed(self, kind: str, content: dict[str, Any], parent: dict[str, Any] | None) -> None:
        header = (parent or {}).get("header", parent) or {}
        log = self._logs.get(header.get("msg_id", ""))
        if log is not None:
            log.feed(kind, content)


def _argument(at: int, name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> Any:
    return arguments[at] if len(arguments) > at else named.get(name)


class TerminalTap:
    """Sees what a plain IPython terminal prints: stdout and stderr pass through while a cell runs."""

    def __init__(self) -> None:
        self._open: list[tuple[TextIO, TextIO]] = []

    def close(self) -> None:
        """Nothing stays behind."""

    def open(self) -> tuple[str, OutputLog]:
        """Begin to log the cell that is executed now."""
        log = OutputLog()
        self._open.append((sys.stdout, sys.stderr))
        sys.stdout, sys.stderr = (
            _Tee(stream, name, log) for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr"))
        )
        return "", log

    def finish(self, key: str) -> None:
        """End the log of the cell."""
        del key
        sys.stdout, sys.stderr = self._open.pop()


class _Tee:
    """A stream that is also logged."""

    def __init__(self, stream: TextIO, name: str, log: OutputLog) -> None:
        self._stream, self._name, self._log = stream, name, log

    def write(self, text: str) -> int:
        self._log.feed("stream", {"name": self._name, "text": text})
        return self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def tap(shell: Any) -> KernelTap | TerminalTap:
    """The way to see the outputs of this shell."""
    return KernelTap(shell) if getattr(shell.display_pub, "session", None) is not None else TerminalTap()
