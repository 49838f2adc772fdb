"""PyTorch Lightning: an epoch is a step, its metrics are what the module logged."""

from __future__ import annotations

import functools
from typing import Any

from .hook import Begin, Log


def patch(lightning: Any, begin: Begin) -> None:
    """See the package. Source: Lightning's documentation, "Callback"."""

    class Logging(lightning.Callback):  # type: ignore[misc]  # known when it is imported
        def __init__(self, log: Log) -> None:
            super().__init__()
            self._log = log

        def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
            del pl_module
            if trainer.is_global_zero:
                self._log(dict(trainer.callback_metrics), trainer.current_epoch)

    real = lightning.Trainer.fit

    @functools.wraps(real)
    def fit(self: Any, *arguments: Any, **named: Any) -> Any:
        log = begin()
        if log is None:
            return real(self, *arguments, **named)
        added = Logging(log)
        self.callbacks.append(added)
        try:
            return real(self, *arguments, **named)
        finally:
            self.callbacks.remove(added)

    lightning.Trainer.fit = fit
