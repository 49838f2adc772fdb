"""What modules hold, as words: a fresh import of the same must say the same.

Of the project's own modules everything counts, of others what people change
(functions, classes, settings); their caches don't.
"""

from __future__ import annotations

import pickle
import re
import sys
import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from blake3 import blake3

from .memory import DoubtError

_MACHINERY: Final = frozenset(
    {
        "IPython", "asttokens", "blake3", "cloudpickle", "comm", "debugpy", "decorator", "executing", "ipykernel",
        "jedi", "jupyter_client", "jupyter_core", "jupyter_mlx", "msgspec", "nest_asyncio", "parso", "pexpect",
        "platformdirs", "prompt_toolkit", "psutil", "ptyprocess", "pure_eval", "pydevd", "pygments", "stack_data",
        "tornado", "traitlets", "wcwidth", "zmq",
    }
)  # fmt: skip
"""What a kernel is made of: it never rests."""
_DEBUGGER: Final = ("_pydev", "pydev", "debugpy")
"""Beginnings of the names of what counts its own time and threads."""
_RESTLESS: Final = frozenset(
    {
        "PIL.Image._initialized", "builtins.display", "builtins.exit", "builtins.get_ipython", "builtins.quit",
        "joblib._multiprocessing_helpers.name", "matplotlib.pyplot._backend_mod", "numpy.f2py.rules", "sys.displayhook",
        "sys.excepthook", "tokenize",
    }
)  # fmt: skip
"""Modules and attributes that are other ones in each process, from the first use on, or while a cell runs."""
_ADDRESS: Final = re.compile(r"0x[0-9a-f]{6,}")
_CACHE: Final = re.compile(r"cache|memo|lock", re.IGNORECASE)
_PLAIN: Final = (str, bytes, int, float, complex, type(None), type(...), range, re.Pattern, Path)
_MOST: Final = 5000
"""Entries of one container that are looked at."""
_DEEP: Final = {"own": 8, "other": 3, "plain": 0}


def modules() -> list[tuple[str, types.ModuleType]]:
    """The modules that are loaded, in the order of their import."""
    return [
        (name, module)
        for name, module in list(sys.modules.items())
        if isinstance(module, types.ModuleType)
        and name not in {"__main__", "__mp_main__", *_RESTLESS}
        and not name.startswith(_DEBUGGER)
    ]


def words(name: str, module: types.ModuleType, root: str) -> Iterator[str]:
    """What a module holds; `root` is the project's folder, and what lies in it its own."""
    top = name.partition(".")[0]
    file = str(getattr(module, "__file__", None) or "")
    own = file.startswith(root) and "site-packages" not in file
    plain = not own and (top in _MACHINERY or top in sys.stdlib_module_names)
    teller = _Teller(name, "own" if own else "plain" if plain else "other")
    held = {str(attribute): value for attribute, value in list(vars(module).items())}
    for attribute, value in sorted(held.items()):
        if (
            not attribute.startswith("__")
            and attribute != "_"
            and not teller.passes_over(attribute, whole=True)
        ):
            yield f"{attribute}={teller.word(value, private=attribute.startswith('_'))}"


class _Teller:
    """Says what a module's attributes are, in words that are the same in each process."""

    def __init__(self, module: str, manner: str) -> None:
        self.module, self.manner = module, manner
        self.top = module.partition(".")[0]
        self._within: set[int] = set()

    def passes_over(self, name: str, *, whole: bool = False) -> bool:
        """Whether an attribute (`whole`: of the module itself) is none of what people change."""
        if self.manner == "own":
            return False
        return bool(_CACHE.search(name)) or (whole and f"{self.module}.{name}" in _RESTLESS)

    def word(self, value: Any, *, private: bool = False, depth: int = 0) -> str:
        """One value."""
        kind = type(value)
        if kind in (types.FunctionType, types.MethodType, staticmethod, classmethod, property):
            return self._function(value, depth)
        if isinstance(value, type):
            return self._class(value, depth)
        if isinstance(value, types.ModuleType):
            return f"module {value.__name__}"
        if kind in _PLAIN or isinstance(value, (bool, Path, re.Pattern)):
            said = "" if self.manner == "plain" and private else f"{kind.__name__} {value!r}"
            return _ADDRESS.sub("", said) if self.manner != "own" else said
        if depth >= _DEEP[self.manner] or id(value) in self._within:
            return kind.__qualname__
        self._within.add(id(value))
        try:
            return f"{kind.__qualname__} {self._inside(value, depth + 1)}"
        finally:
            self._within.discard(id(value))

    def _inside(self, value: Any, depth: int) -> str:
        if isinstance(value, Mapping):
            with suppress(Exception):
                items = list(dict.items(value) if isinstance(value, dict) else value.items())[:_MOST]
                said = [
                    f"{self.word(k, depth=depth)}:{self.word(v, depth=depth)}"
                    for k, v in items
                    if not self.passes_over(str(k))
                ]
                return self._joined(said) + str(len(value))
        if isinstance(value, (list, tuple)):
            return self._joined([self.word(each, depth=depth) for each in value[:_MOST]]) + str(len(value))
        if isinstance(value, (set, frozenset)):
            return _joined(sorted(self.word(each, depth=depth) for each in list(value)[:_MOST]))
        if self.manner == "own":
            return self._object(value, depth)
        if str(type(value).__module__).partition(".")[0] == self.top and hasattr(value, "__dict__"):
            return _joined(
                f"{name}={self.word(each, depth=depth)}"
                for name, each in sorted(vars(value).items())
                if not self.passes_over(name)
            )
        return ""

    def _joined(self, said: list[str]) -> str:
        # what libraries make of a set has another order in each process
        return _joined(said if self.manner == "own" else sorted(said))

    def _object(self, value: Any, depth: int) -> str:
        """An object of the project's own modules: all of it counts."""
        if isinstance(value, types.GeneratorType):
            raise DoubtError(f"{self.module} holds a generator")
        held = getattr(value, "__dict__", None)
        reduces = any("__reduce__" in vars(k) or "__reduce_ex__" in vars(k) for k in type(value).__mro__[:-1])
        if isinstance(held, dict) and not reduces and not _has_slots(type(value)):
            return self.word(held, depth=depth)
        try:
            return digest_of([repr(pickle.dumps(value, protocol=4))])
        except Exception:
            raise DoubtError(
                f"{self.module} holds a {type(value).__qualname__}, which can't be compared"
            ) from None

    def _function(self, value: Any, depth: int) -> str:
        if isinstance(value, property):
            return "property " + "".join(
                self._function(f, depth) for f in (value.fget, value.fset, value.fdel) if f
            )
        function = getattr(value, "__func__", value)
        code = getattr(function, "__code__", None)
        if code is None:
            return f"{type(value).__name__} {getattr(function, '__qualname__', '')}"
        word = f"{code.co_filename}:{code.co_firstlineno} {code.co_name}"
        if (
            self.manner == "own"
            and getattr(function, "__module__", None) == self.module
            and depth < _DEEP["own"]
        ):
            cells = [_content(cell) for cell in function.__closure__ or ()]
            state = (function.__defaults__, function.__kwdefaults__, vars(function), cells)
            if id(function) not in self._within:
                self._within.add(id(function))
                word += self.word(state, depth=depth + 1)
                self._within.discard(id(function))
        return word

    def _counts(self, name: str) -> bool:
        """Whether an attribute of a class that is no function does."""
        hidden = name.startswith("__" if self.manner == "own" else "_") or name == "_abc_impl"
        return not (hidden or self.passes_over(name))

    def _class(self, value: type, depth: int) -> str:
        word = f"class {value.__module__}.{value.__qualname__}"
        if value.__module__ != self.module or id(value) in self._within:
            return word
        self._within.add(id(value))
        try:
            return word + _joined(
                f"{name}={self.word(each, private=name.startswith('_'), depth=max(depth, 1))}"
                for name, each in sorted(vars(value).items())
                if isinstance(each, types.FunctionType)
                or not (name.startswith("__") or name == "_abc_impl" or self.passes_over(name))
            )
        finally:
            self._within.discard(id(value))


def _has_slots(kind: type) -> bool:
    return any("__slots__" in vars(base) for base in kind.__mro__)


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _joined(words: Iterable[str]) -> str:
    return "{" + ",".join(words) + "}"


def digest_of(words: Iterable[str]) -> str:
    """The digest of some words."""
    return blake3("\n".join(words).encode("utf-8", "surrogatepass")).hexdigest(8)
