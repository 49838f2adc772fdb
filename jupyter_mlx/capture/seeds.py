"""The state of the global random generators when a run begins, and the seeds that its code sets.

Whether a generator was seeded cannot be asked of it. What can be said honestly is
what state it was in (two runs with the same digest drew the same numbers) and
which seeds the source of the run and of its slice sets.
"""

from __future__ import annotations

import ast
import os
import sys
from array import array
from collections.abc import Iterable
from contextlib import suppress
from functools import lru_cache
from typing import Any

from blake3 import blake3

from .names import chain
from .syntax import Cell

_SETTERS = {
    "random": ("random.seed", "random.Random"),
    "numpy": ("np.random.seed", "numpy.random.seed", "default_rng", "RandomState", "SeedSequence"),
    "torch": ("torch.manual_seed", "manual_seed_all", "torch.Generator.manual_seed"),
    "tensorflow": ("tf.random.set_seed", "tensorflow.random.set_seed"),
    "jax": ("random.PRNGKey", "jax.random.key"),
    "all": ("set_random_seed", "seed_everything", "set_seed", "enable_full_determinism"),
}
"""Generator → the ends of the names of what seeds it; `all`: functions of frameworks that seed every one."""
_KEYWORDS = {"random_state", "seed", "random_seed"}


def capture(sources: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Generator → `state`, a digest of it as it is now, and `set`, what the sources seed it with."""
    found: dict[str, dict[str, Any]] = {name: {"state": state} for name, state in _states().items()}
    for source in sources:
        for name, seed in _set_in(source):
            seeds = found.setdefault(name, {}).setdefault("set", [])
            if seed not in seeds:
                seeds.append(seed)
    hash_seed = os.environ.get("PYTHONHASHSEED")
    if hash_seed is not None:
        found["hash"] = {"set": [hash_seed]}
    return found


def _states() -> dict[str, str]:
    found: dict[str, bytes] = {}
    modules = sys.modules
    # a library that is half imported, or another one of its name, is passed over
    with suppress(Exception):
        version, numbers, gauss = modules["random"].getstate()
        found["random"] = array("Q", numbers).tobytes() + repr((version, gauss)).encode()
    with suppress(Exception):
        state = modules["numpy.random"].get_state(legacy=False)
        found["numpy"] = (
            state["state"]["key"].tobytes() + repr((state["state"]["pos"], state["gauss"])).encode()
        )
    with suppress(Exception):
        found["torch"] = modules["torch"].get_rng_state().numpy().tobytes()
    return {name: blake3(data).hexdigest()[:16] for name, data in found.items()}


@lru_cache(maxsize=4096)
def _set_in(source: str) -> tuple[tuple[str, Any], ...]:
    """The seeds in one source: (generator, seed); what is no literal as its text."""
    if (
        "seed" not in source
        and "random_state" not in source
        and "rng" not in source
        and "Random" not in source
    ):
        return ()
    tree = Cell.of(source).tree
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)] if tree is not None else []
    found: list[tuple[str, Any]] = []
    for call in calls:
        root, path = chain(call.func)
        name = f"{root}.{path}" if path else root
        for generator, ends in _SETTERS.items():
            if name in ends or (generator != "random" and name.endswith(tuple(f".{end}" for end in ends))):
                found.append((generator, _value(call.args[0]) if call.args else None))
                break
        else:
            found += [
                ("random_state", _value(given.value)) for given in call.keywords if given.arg in _KEYWORDS
            ]
    return tuple(found)


def _value(node: ast.expr) -> Any:
    try:
        literal = ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return ast.unparse(node)
    return literal if isinstance(literal, (int, float, str)) or literal is None else ast.unparse(node)
