"""Fixtures that all tests share: a project in a folder of its own, and nothing of the user's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ("pytest_jupyter.jupyter_server",)


@pytest.fixture(autouse=True, scope="session")
def plain_surroundings(tmp_path_factory):
    """The tests' own HOME, and no variable that a run outside would have set."""
    home = tmp_path_factory.mktemp("home")
    before = dict(os.environ)
    for name in [
        name for name in os.environ if name.startswith("JUPYTER_MLX_") or name == "JPY_SESSION_NAME"
    ]:
        del os.environ[name]
    os.environ |= {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    yield
    os.environ.clear()
    os.environ |= before


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, in which the test stands."""
    from jupyter_mlx.project import Project

    made = Project.create(tmp_path / "project")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture
def jmlx(tmp_path):
    """Run the real command line; returns what ended, with `.stdout`, `.stderr`, `.returncode`."""

    def run(*words: str, cwd: Path | None = None, env: dict[str, str] | None = None, timeout: float = 120):
        return subprocess.run(
            [sys.executable, "-m", "jupyter_mlx.cli.main", *words],
            cwd=cwd or Path.cwd(),
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    return run
