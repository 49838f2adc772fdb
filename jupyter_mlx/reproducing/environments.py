"""The environment that a run had: how another differs from it, and how it is built again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

from blake3 import blake3

from jupyter_mlx.errors import ExecutionError, NotFoundError
from jupyter_mlx.ledger.compare import Change, changes

from .execution import Python, executable_in

OWN = "jupyter-mlx"
KERNEL = "jupyter-mlx-recorded"
_FACTS = ("python", "implementation", "os", "machine", "cpu", "gpu", "driver")
_BUILT = "jupyter_mlx-built"
_TAIL_CHARS = 400


class NoEnvironmentError(NotFoundError):
    """A run says nothing of its environment."""

    code = "no-environment"

    def __init__(self, run: str) -> None:
        super().__init__(run)
        self.run = run

    def __str__(self) -> str:
        return f"run {self.run[:8]} has no recorded environment to build; leave out --env"


class BuildError(ExecutionError):
    """The recorded environment could not be built."""

    code = "environment-not-built"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return f"the recorded environment could not be built: {self.problem}; without --env the present one is used"


def differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[Change]:
    """What differs between two environments, packages last: those that the run had imported before the others."""
    if not was or not now:
        return []
    facts = changes({key: was.get(key) for key in _FACTS}, {key: now.get(key) for key in _FACTS})
    variables = changes(was.get("variables", {}), now.get("variables", {}))
    imported = set(was.get("imported", ()))
    packages = sorted(
        changes(was.get("packages", {}), now.get("packages", {})),
        key=lambda change: (change.name not in imported, change.name),
    )
    return [*facts, *(Change(f"${change.name}", change.a, change.b) for change in variables), *packages]


def build(folder: Path, environment: Mapping[str, Any], say: Callable[[str], None]) -> Python:
    """A virtual environment with the recorded packages, made once and kept; the kernel in it.

    uv is used where it is installed, else venv and pip. Packages that were
    installed from a folder, and the versions that no index has, are told.

    Raises:
        BuildError: it can't be built.
    """
    wanted = requirements(environment)
    key = blake3("\n".join([str(environment.get("python")), *wanted]).encode()).hexdigest()[:16]
    home = folder / key
    python = executable_in(home)
    if not (home / _BUILT).exists():
        shutil.rmtree(home, ignore_errors=True)
        say(f"building the recorded environment: {len(wanted)} packages, Python {environment.get('python')}")
        _make(home, str(environment.get("python", "")), say)
        listing = home / "requirements.txt"
        listing.write_text("\n".join([*wanted, *_own()]) + "\n", encoding="utf-8")
        _install(python, listing)
        (home / _BUILT).touch()
    _add_kernel(home, python)
    return Python(python, KERNEL)


def requirements(environment: Mapping[str, Any]) -> list[str]:
    """What pip is asked for: each recorded package but our own and what came from a folder, at its version."""
    packages: Mapping[str, str] = environment.get("packages", {})
    local = set(environment.get("editable", ()))
    return [f"{name}=={version}" for name, version in sorted(packages.items()) if name not in {OWN, *local}]


def _own() -> list[str]:
    """Where this package comes from, so that the kernel has the same."""
    try:
        found = distribution(OWN)
    except PackageNotFoundError:
        return []
    source = _folder_of(found)
    return [source] if source else [f"{OWN}=={found.version}"]


def _folder_of(found: Distribution) -> str:
    text = found.read_text("direct_url.json")
    url = json.loads(text).get("url", "") if text else ""
    return unquote(urlparse(url).path) if url.startswith("file:") else ""


def _make(home: Path, version: str, say: Callable[[str], None]) -> None:
    uv = shutil.which("uv")
    if uv and not _called([uv, "venv", "--quiet", "--seed", "--python", version, str(home)]):
        return
    if version != ".".join(map(str, sys.version_info[:3])):
        say(f"Python {version} is not here; taken in its stead: {sys.version.partition(' ')[0]}")
    problem = _called([sys.executable, "-m", "venv", str(home)])
    if problem:
        raise BuildError(problem)


def _install(python: str, listing: Path) -> None:
    uv = shutil.which("uv")
    command = (
        [uv, "pip", "install", "--quiet", "--python", python]
        if uv
        else [python, "-m", "pip", "install", "-q"]
    )
    problem = _called([*command, "-r", str(listing)])
    if problem:
        raise BuildError(problem)


def _called(command: list[str]) -> str:
    """Run a command; the end of what it says where it fails, else nothing."""
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, text=True)
    return "" if not done.returncode else (done.stderr or done.stdout).strip()[-_TAIL_CHARS:] or "it failed"


def _add_kernel(home: Path, python: str) -> None:
    """Have Jupyter find the environment's kernel, in this process and those that it starts."""
    kernel = home / "share/jupyter/kernels" / KERNEL
    kernel.mkdir(parents=True, exist_ok=True)
    spec = {
        "argv": [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "recorded environment",
        "language": "python",
    }
    (kernel / "kernel.json").write_text(json.dumps(spec), encoding="utf-8")
    before = os.environ.get("JUPYTER_PATH", "")
    os.environ["JUPYTER_PATH"] = os.pathsep.join(filter(None, (str(home / "share/jupyter"), before)))
