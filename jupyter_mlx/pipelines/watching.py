"""When a pipeline has to run again: files change, and a plan says whether that matters.

What counts is decided by content, as always: a file that was touched, or that
a stage itself wrote, runs nothing. A stage that failed is tried again when
something that it depends on has changed since.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from jupyter_mlx.errors import MlxError

if TYPE_CHECKING:
    from .runner import Runner

DEBOUNCE_MS = 300
"""Editors write a file in several steps, git many files at once: quiet for so long, and it is looked at."""
OURS = (".mlx", ".git", ".ipynb_checkpoints", "__pycache__", "node_modules", ".venv")

Todo: TypeAlias = dict[str, str]
"""The stages that would run, each with the digest of what determines it, empty where that is open."""


def changes(
    root: Path,
    runner: Callable[[], Runner],
    stages: Sequence[str],
    params: Mapping[str, Any],
    waits: Callable[[], None] = lambda: None,
    stop: threading.Event | None = None,
) -> Iterator[tuple[str, ...]]:
    """Yield at once, and then each time that stages would run which were not left undone before.

    What is yielded are the files that changed. What happens while the caller
    works is looked at afterwards; from the call of `waits` on no edit is missed.
    """
    import watchfiles

    # begun before the first run, so that an edit in the middle of it is not missed
    watch = watchfiles.watch(
        root,
        watch_filter=lambda _, path: _counts(root, path),
        debounce=DEBOUNCE_MS,
        stop_event=stop,
        yield_on_timeout=True,
        rust_timeout=200,
    )
    next(watch)
    changed: tuple[str, ...] = ()
    followed: frozenset[str] = frozenset()
    while True:
        before = _todo(runner, stages, params)
        yield changed
        left = _todo(runner, stages, params)
        edited = _edited(before, left)
        if edited - followed:
            # edited while it ran; once, lest a stage that writes its own input runs for ever
            followed, changed = followed | edited, ()
            continue
        waits()
        for found in watch:
            if found and _todo(runner, stages, params).items() - left.items():
                changed = tuple(sorted({_relative(root, path) for _, path in found}))
                break
        else:
            return
        followed = frozenset()


def _edited(before: Todo, left: Todo) -> frozenset[str]:
    """The stages that something changed for while they ran."""
    return frozenset(
        name for name, digest in left.items() if digest and before.get(name, digest + "?") not in {digest, ""}
    )


def _todo(runner: Callable[[], Runner], stages: Sequence[str], params: Mapping[str, Any]) -> Todo:
    """What would run; where mlx.yaml cannot be read, its problem, which is shown by running."""
    try:
        steps = runner().plan(stages, params=params).steps
    except MlxError as error:
        return {"": str(error)}
    return {
        step.name: str(step.fingerprint.digest) if step.fingerprint else ""
        for step in steps
        if step.action == "run"
    }


def _counts(root: Path, path: str) -> bool:
    parts = Path(path).relative_to(root).parts if Path(path).is_relative_to(root) else ()
    if not parts or any(part in OURS for part in parts):
        return False
    # nor what `replace_file` writes on its way
    return parts != ("mlx.lock",) and not (parts[-1].startswith(".") and parts[-1].endswith(".tmp"))


def _relative(root: Path, path: str) -> str:
    return Path(path).relative_to(root).as_posix()
