"""Inside the kernel of a stage: listen to the files that its cells touch, measure what they use, and tell both.

A `%%track` cell in the notebook listens by itself, beside this. Only paths are
told; who runs the stage stores them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jupyter_mlx.capture.lineage.listening import Listening
    from jupyter_mlx.capture.resources import Meter

FILES = "files"
"""Under this name the paths are told."""
INCOMPLETE = "incomplete"
RESOURCES = "resources"

_listening: list[tuple[Listening, Meter]] = []
_past: list[object] = []


def prologue(variable: str) -> str:
    """Code that begins to listen; a kernel whose Python has no jupyter_mlx goes on without.

    The environment `variable` names the folder: a job may have been moved into a
    place of its own, or to another machine.
    """
    return _guarded(f"begin(__import__('os').environ[{variable!r}])")


def epilogue() -> str:
    """Code that ends it, and displays what was seen."""
    return _guarded("show()")


def begin(root: str) -> None:
    """Listen from now on to the files below a project's folder."""
    from jupyter_mlx.capture.lineage.listening import Listening
    from jupyter_mlx.capture.resources import Meter

    _listening[:] = [(Listening(Path(root), Path(root) / ".mlx"), Meter.start())]


def let_go() -> None:
    """In a forked copy of the kernel: what listens is the kernel's."""
    from jupyter_mlx.capture.lineage import audit

    while _listening:
        listening, _ = _listening.pop()
        listening.let_go()
        # nothing of it may be tidied up here
        _past.append(listening)
    audit.listen_only(None)


def end() -> dict[str, Any]:
    """Listen no more; what was seen, as JSON can say it."""
    from jupyter_mlx.capture import git
    from jupyter_mlx.capture.lineage import audit

    if not _listening:
        return {}
    listening, meter = _listening.pop()
    used = meter.read()
    with audit.quiet():
        seen = listening.finish(lambda paths: git.tracked(Path(listening.places.root), paths))
    # a relative path may lead outside by a link
    files = [
        {
            "path": f.path, "role": f.role, "how": f.how, "changed": f.changed, "gone": f.gone,
            "source": f.source,
        }
        for f in seen.files
        if not f.path.startswith("/")
    ]  # fmt: skip
    return {FILES: files, INCOMPLETE: list(seen.incomplete), RESOURCES: used}


def written(told: Mapping[str, Any]) -> list[str]:
    """The files that were written, of what was told."""
    return sorted({file["path"] for file in told.get(FILES, ()) if file["role"] == "output"})


def show() -> None:
    """Display what was seen, for the engine alone."""
    from IPython.display import display

    from .executors.base import TOLD_MIME

    display({TOLD_MIME: end()}, raw=True)


def _guarded(call: str) -> str:
    module = f"__import__({__name__!r}, fromlist=['x'])"
    return f"try:\n    {module}.{call}\nexcept ImportError:\n    pass"
