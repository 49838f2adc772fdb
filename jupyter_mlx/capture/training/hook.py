"""Adds the callbacks when a framework is imported; costs a look into a dict for each import, and nothing else."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any, TypeAlias

Log: TypeAlias = Callable[[Mapping[str, Any], int], None]
"""Takes the metrics of one step, an epoch or iteration."""
Begin: TypeAlias = Callable[[], "Log | None"]
"""Called when a training begins; None where no run is active."""

FRAMEWORKS = {
    "keras": "keras",
    "lightgbm": "lightgbm",
    "lightning.pytorch": "lightning",
    "pytorch_lightning": "lightning",
    "transformers.trainer": "transformers",
    "xgboost": "xgboost",
}
"""Module that is imported → our module for it."""

_patched: set[str] = set()
_begin: list[Begin] = []


def follow(begin: Begin) -> None:
    """Have trainings log, of frameworks that are imported now or later; a second time changes nothing."""
    if _begin:
        return
    _begin.append(begin)
    for name in FRAMEWORKS:
        if name in sys.modules:
            _patch(sys.modules[name])
    sys.meta_path.insert(0, _Finder())


def _patch(module: ModuleType) -> None:
    name = module.__name__
    if name in _patched:
        return
    _patched.add(name)
    try:
        import_module(f".{FRAMEWORKS[name]}", __package__).patch(module, _begin[0])
    except Exception as error:
        # another version of the framework than we know: the user's import goes on
        warnings.warn(f"jupyter_mlx does not see the training of {name}: {error!r}", stacklevel=2)


class _Finder(MetaPathFinder):
    """Finds the frameworks as the other finders do, and comes back when they are loaded."""

    def __init__(self) -> None:
        self._looking: set[str] = set()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `MetaPathFinder.find_spec`."""
        del path, target
        if fullname not in FRAMEWORKS or fullname in _patched or fullname in self._looking:
            return None
        self._looking.add(fullname)
        try:
            spec = find_spec(fullname)
        finally:
            self._looking.discard(fullname)
        if spec is not None and spec.loader is not None:
            spec.loader = _Loader(spec.loader)
        return spec


class _Loader(Loader):
    """Loads as the real loader does, which stays in its place, and patches what is loaded."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """See `Loader.create_module`."""
        found: ModuleType | None = self._real.create_module(spec)
        return found

    def exec_module(self, module: ModuleType) -> None:
        """See `Loader.exec_module`."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real
        self._real.exec_module(module)
        _patch(module)
