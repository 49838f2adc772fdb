"""What the magics say to the person at the notebook."""

from __future__ import annotations

import sys


def warn(problem: object) -> None:
    """Tell what could not be done; the cell goes on."""
    print(f"jupyter_mlx: {problem}", file=sys.stderr)  # noqa: T201 (a notebook's stderr is where people read)


def inform(text: str) -> None:
    """Say what is no fault: JupyterLab shows the standard error in red."""
    from IPython.display import display

    display({"text/plain": f"jupyter_mlx: {text}"}, raw=True)
