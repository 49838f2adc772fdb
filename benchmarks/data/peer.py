"""DVC in an environment of its own, made once and kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSION = "3.67.1"


def dvc(cache: Path) -> Path:
    """The `dvc` program, installed under `cache` if it is not there yet."""
    home = cache / f"dvc-{VERSION}"
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        subprocess.run([home / "bin" / "pip", "install", "--quiet", f"dvc=={VERSION}"], check=True)
        (home / "done").touch()
    return home / "bin" / "dvc"


def default_cache() -> Path:
    """Where the user's caches are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter_mlx-benchmarks"
