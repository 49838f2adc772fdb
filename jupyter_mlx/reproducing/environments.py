"""The environment that a run had: how another differs from it, and how it is built again."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from blake3 import blake3

from jupyter_mlx.capture.secret_forms import MARK
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
    wanted, local = requirements(environment)
    key = blake3("\n".join([str(environment.get("python")), *wanted]).encode()).hexdigest()[:16]
    home = folder / key
    python = executable_in(home)
    if not (home / _BUILT).exists():
        shutil.rmtree(home, ignore_errors=True)
        say(f"building the recorded environment: {len(wanted)} packages, Python {environment.get('python')}")
        _make(home, str(environment.get("python", "")), say)
        _install(python, home, wanted)
        (home / _BUILT).touch()
    if local:
        say(f"not in it, for they were installed from a folder: {', '.join(local)}")
    _bring_own(python)
    _add_kernel(home, python)
    return Python(python, KERNEL)


def requirements(environment: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What pip is asked for, each package at its version or commit; and the names of what came from a folder."""
    packages: Mapping[str, str] = environment.get("packages", {})
    sources: Mapping[str, Mapping[str, Any]] = environment.get("sources", {})
    asked, local = [], []
    for name, version in sorted(packages.items()):
        source = sources.get(name)
        if name == OWN:
            continue
        if source is None:
            asked.append(f"{name}=={version}")
        elif "url" not in source or MARK in source["url"]:
            local.append(name)
        elif source.get("commit"):
            asked.append(f"{name} @ git+{source['url']}@{source['commit']}")
        else:
            asked.append(f"{name} @ {source['url']}")
    return asked, local


def _bring_own(python: str) -> None:
    """Copy this package as it is here: the result is compared by the same code, and nothing has to be built."""
    asked = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    told = subprocess.run(asked, capture_output=True, stdin=subprocess.DEVNULL, check=False, text=True)
    if told.returncode:
        raise BuildError(_last_line(told.stderr))
    folder = Path(told.stdout.strip())
    own = Path(__file__).resolve().parents[1]
    shutil.rmtree(folder / own.name, ignore_errors=True)
    shutil.copytree(own, folder / own.name, ignore=shutil.ignore_patterns("__pycache__", "labextension"))


def _make(home: Path, version: str, say: Callable[[str], None]) -> None:
    uv = shutil.which("uv")
    if uv and not _called([uv, "venv", "--quiet", "--seed", "--python", version, str(home)]):
        return
    if version != ".".join(map(str, sys.version_info[:3])):
        say(f"Python {version} is not here; taken in its stead: {sys.version.partition(' ')[0]}")
    # to bring pip along takes longer than most installations: the present one installs from outside
    without = ["--without-pip"] if find_spec("pip") else []
    problem = _called([sys.executable, "-m", "venv", *without, str(home)])
    if problem:
        raise BuildError(_last_line(problem))


def _install(python: str, home: Path, wanted: Sequence[str]) -> None:
    listing = home / "requirements.txt"
    listing.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    uv = shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", "--python", python]
    elif find_spec("pip"):
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--disable-pip-version-check"]
    else:
        command = [python, "-m", "pip", "install"]
    # all of them were installed then: what each of them needs is among them
    problem = _called([*command, "--quiet", "--no-deps", "-r", str(listing)])
    if problem:
        missing = [each for each in wanted if re.search(rf"{re.escape(each)}(?![\w.])", problem)]
        raise BuildError(f"{', '.join(missing)} can't be had" if missing else _last_line(problem))


def _called(command: list[str]) -> str:
    """Run a command; what it says where it fails, else nothing."""
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False, text=True)
    return "" if not done.returncode else (done.stderr or done.stdout).strip() or "it failed"


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2][-_TAIL_CHARS:] or "it failed"


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
