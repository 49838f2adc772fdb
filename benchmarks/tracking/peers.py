"""The environment that holds what tracking and the panel are measured beside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PEERS = ("mlflow==3.17.0", "exptrack==2.1.0", "ipykernel")


def peers() -> Path:
    """The Python that has the peers, installed if it is not there yet."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter_mlx-benchmarks"
    home = cache / "-".join(["tracking", *PEERS[:2]]).replace("==", "-")
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", *PEERS], check=True)
        (home / "done").touch()
    return home / "bin" / "python"
