"""papermill, ploomber, jupyter-cache and DVC in an environment of their own, made once and kept."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

PEERS = ("ploomber==0.23.3", "jupyter-cache==1.0.1", "dvc==3.67.1")
SAME = ("papermill", "ipykernel", "numpy", "pandas", "matplotlib", "scikit-learn")
"""In the versions that this environment has, so that all sides execute the same code."""


def programs() -> Path:
    """The folder of the peers' programs, installed if they are not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter_mlx-benchmarks"
    home = cache / "-".join(["pipelines", *PEERS]).replace("==", "-")
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        same = [f"{name}=={version(name)}" for name in SAME]
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *PEERS, *same], check=True)
        (home / "done").touch()
    return home / "bin"
