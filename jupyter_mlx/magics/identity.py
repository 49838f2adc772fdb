"""Which notebook this kernel belongs to, as far as it can be told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jupyter_mlx.recorder import NOTEBOOK_VARIABLE


def notebook(shell: Any, root: Path) -> str | None:
    """The path of the notebook, relative to the project; None where nobody says.

    In the order of trust: our own runner; VS Code's variable; the name that
    jupyter_server gave the session when the kernel started.
    """
    told = (
        os.environ.get(NOTEBOOK_VARIABLE)
        or shell.user_ns.get("__vsc_ipynb_file__")
        or os.environ.get("JPY_SESSION_NAME")
    )
    if not told or not str(told).endswith((".ipynb", ".py", ".md", ".Rmd", ".qmd")):
        return None
    path = Path(root, str(told)) if NOTEBOOK_VARIABLE in os.environ else Path(str(told))
    path = Path(os.path.abspath(path))  # noqa: PTH100 (a link is named as the user named it)
    resolved = path if path.is_relative_to(root) else path.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else None
