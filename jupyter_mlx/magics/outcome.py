"""How a tracked cell ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jupyter_mlx.ledger.run import Failure, Status

if TYPE_CHECKING:
    from .outputs import OutputLog


def outcome(result: Any, log: OutputLog) -> tuple[Status, Failure | None]:
    """How the cell ended, and by which exception."""
    error = None if result is None else result.error_before_exec or result.error_in_exec
    if result is None or isinstance(error, (KeyboardInterrupt, asyncio.CancelledError)):
        return "interrupted", _failure(error, log)
    return ("finished", None) if error is None else ("failed", _failure(error, log))


def _failure(error: BaseException | None, log: OutputLog) -> Failure | None:
    shown = log.error
    if shown is not None:
        return Failure(shown["ename"], shown["evalue"], tuple(shown["traceback"]))
    return Failure(type(error).__name__, _text(error)) if error is not None else None


def _text(error: BaseException) -> str:
    """The exception's message; empty where its own code cannot say it."""
    try:
        return str(error)
    except Exception:
        return ""
