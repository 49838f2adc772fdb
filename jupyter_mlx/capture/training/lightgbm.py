"""LightGBM: an iteration is a step, its metrics are `valid_0.l2` and the like."""

from __future__ import annotations

from typing import Any

from .boosting import add_callback
from .hook import Begin, Log


def patch(lightgbm: Any, begin: Begin) -> None:
    """See the package. Source: LightGBM's documentation, "Callbacks" of the Python API."""
    modules = [lightgbm.engine, lightgbm, getattr(lightgbm, "sklearn", None)]
    add_callback(modules, ("train", "cv"), begin, _Logging)


class _Logging:
    """A callback is any function with an order; early stopping has 30 and raises."""

    order = 20
    before_iteration = False

    def __init__(self, log: Log) -> None:
        self._log = log

    def __call__(self, environment: Any) -> None:
        found = {f"{item[0]}.{item[1]}": item[2] for item in environment.evaluation_result_list or ()}
        if found:
            self._log(found, environment.iteration)
