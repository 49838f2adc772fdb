"""Pickles in which the functions of a notebook stay its functions: they see its names as they are, not as they were."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from functools import cache
from typing import IO, Any

_NAMESPACE = "namespace"


def pickler(file: Any, space: Mapping[str, Any], buffers: Callable[[Any], object] | None = None) -> Any:
    """A pickler by cloudpickle, for what belongs to this namespace; large buffers go to `buffers`, if given."""
    return _class()(file, space, buffers)


def load(file: IO[bytes], space: Mapping[str, Any]) -> Any:
    """Read what a `pickler` wrote, for this namespace. Raises whatever the classes in it do."""
    return _Reader(file, space).load()


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], space: Mapping[str, Any]) -> None:
        super().__init__(file)
        self._space = space

    def persistent_load(self, pid: Any) -> Any:
        """See `pickle.Unpickler.persistent_load`."""
        if pid == _NAMESPACE:
            return self._space
        raise pickle.UnpicklingError(str(pid))


@cache
def _class() -> Any:
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc,unused-ignore]
        def __init__(self, file: Any, space: Mapping[str, Any], buffers: Any) -> None:
            super().__init__(file, protocol=5, buffer_callback=buffers)
            self._space = space
            self.globals_ref[id(space)] = space

        def persistent_id(self, obj: Any) -> Any:
            return _NAMESPACE if obj is self._space else None

        def _dynamic_function_reduce(self, func: Any) -> Any:
            made, given, (attributes, slots), *rest = super()._dynamic_function_reduce(func)
            if func.__globals__ is self._space:
                # or it would put them back as they were when it was kept
                slots = slots | {"__globals__": {}}
            return (made, given, (attributes, slots), *rest)

    return Pickler
