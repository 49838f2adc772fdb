"""Hugging Face's `Trainer`: what it logs, at its own steps."""

from __future__ import annotations

import functools
import sys
from typing import Any

from .hook import Begin, Log


def patch(trainer: Any, begin: Begin) -> None:
    """See the package. Source: the documentation of transformers, "Callbacks"."""

    class Logging(sys.modules["transformers.trainer_callback"].TrainerCallback):  # type: ignore[misc]
        def __init__(self, log: Log) -> None:
            self._log = log

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            del args, control
            if state.is_world_process_zero:
                self._log(logs or {}, state.global_step)

    real = trainer.Trainer.train

    @functools.wraps(real)
    def train(self: Any, *arguments: Any, **named: Any) -> Any:
        log = begin()
        if log is None:
            return real(self, *arguments, **named)
        added = Logging(log)
        self.add_callback(added)
        try:
            return real(self, *arguments, **named)
        finally:
            self.remove_callback(added)

    trainer.Trainer.train = train
