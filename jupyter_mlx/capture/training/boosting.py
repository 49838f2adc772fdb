"""What XGBoost and LightGBM have in common: functions that take a list of callbacks by the name `callbacks`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

from .hook import Begin, Log


def add_callback(
    modules: Iterable[Any], names: Iterable[str], begin: Begin, callback: Callable[[Log], Any]
) -> None:
    """Have functions add a callback wherever the framework's modules hold them."""
    holders = list(modules)
    for name in names:
        real = getattr(holders[0], name)
        added = _adding(real, begin, callback)
        for module in holders:
            if getattr(module, name, None) is real:
                setattr(module, name, added)


def _adding(real: Any, begin: Begin, callback: Callable[[Log], Any]) -> Any:
    @functools.wraps(real)
    def train(*arguments: Any, **named: Any) -> Any:
        log = begin()
        if log is not None:
            named["callbacks"] = [*(named.get("callbacks") or ()), callback(log)]
        return real(*arguments, **named)

    return train
