"""Fixtures that all tests share: a project in a folder of its own, and nothing of the user's."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile

import pytest
from commands import COMMANDS

from jupyter_mlx.starting import leave_out

leave_out()  # which pytest_jupyter would import

pytest_plugins = ("pytest_jupyter.jupyter_server",)
LONG = ("reliability", "pipelines", "reproducing", "cli", "magics", "interop", "caching")
"""Folders of the tests that take long, from the longest."""


def pytest_collection_modifyitems(items):
    """Begin with what takes long, so that at the end no processor waits for the last file of another."""
    items.sort(key=lambda item: LONG.index(name) if (name := item.path.parent.name) in LONG else len(LONG))


@pytest.fixture(autouse=True, scope="session")
def plain_surroundings(tmp_path_factory):
    """The tests' own HOME, and no variable that a run outside would have set."""
    home = tmp_path_factory.mktemp("home")
    # paths of sockets have a limit that pytest's own folders come near
    kernels = tempfile.mkdtemp(prefix="mlx-tests-")
    before = dict(os.environ)
    # a shell that starts the tests in its background has them, and all that they start, ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [
        name for name in os.environ if name.startswith("JUPYTER_MLX_") or name == "JPY_SESSION_NAME"
    ]:
        del os.environ[name]
    os.environ |= {
        "HOME": str(home),
        "JUPYTER_MLX_KERNELS": kernels,
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.org",
    }  # fmt: skip
    yield
    COMMANDS.close()
    stop_warm_processes(kernels)
    os.environ.clear()
    os.environ |= before


def stop_warm_processes(folder):
    """End the processes that the tests' notebooks were copies of."""
    if os.listdir(folder):
        from jupyter_mlx.pipelines.kernels import calling

        for key in calling.warm_processes():
            calling.stop_warm_process(key, now=True)
    shutil.rmtree(folder)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project, in which the test stands."""
    from jupyter_mlx.project import Project

    made = Project.create(tmp_path / "project")
    monkeypatch.chdir(made.root)
    return made


@pytest.fixture(scope="session")
def jmlx(plain_surroundings):
    """Run the command line; returns what ended, with `.stdout`, `.stderr`, `.returncode`."""
    return COMMANDS.run
