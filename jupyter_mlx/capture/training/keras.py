"""Keras 3, on any backend: an epoch is a step, its metrics are those of `History`."""

from __future__ import annotations

import functools
from typing import Any

from .hook import Begin, Log


def patch(keras: Any, begin: Begin) -> None:
    """See the package. Source: Keras' documentation, "Writing your own callbacks"."""

    class Logging(keras.callbacks.Callback):  # type: ignore[misc]  # known when it is imported
        def __init__(self, log: Log) -> None:
            super().__init__()
            self._log = log

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self._log(logs or {}, epoch)

    real = keras.Model.fit

    @functools.wraps(real)
    def fit(self: Any, *arguments: Any, **named: Any) -> Any:
        log = begin()
        # the sixth argument by place
        if log is not None and len(arguments) < 6:
            given = named.get("callbacks")
            if given is not None and hasattr(given, "append") and hasattr(given, "on_epoch_end"):
                given.append(Logging(log))
            else:
                several = given if isinstance(given, (list, tuple)) else [given] if given is not None else ()
                named["callbacks"] = [*several, Logging(log)]
        return real(self, *arguments, **named)

    keras.Model.fit = fit
