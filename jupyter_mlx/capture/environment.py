"""Where a run happened: Python, packages, machine; environment variables by an allow-list.

What takes long is kept: for the process what cannot change, and the packages as
long as no folder of sys.path does.
"""

from __future__ import annotations

import json
import os
import platform
import re
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from . import git
from .lineage.children import set_for_children
from .sampling import gpus

ALLOWED = ("CUDA_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "JAX_", "TF_", "XLA_", "MLX_", "PYTHONHASHSEED")
"""Beginnings of the environment variables whose values are kept: they change results and hold no secrets."""
IMAGES = ("JUPYTER_IMAGE", "JUPYTER_IMAGE_SPEC", "KAGGLE_DOCKER_IMAGE", "DOCKER_IMAGE", "CONTAINER_IMAGE")
"""Environment variables in which hosts of notebooks name the image."""

_SEPARATORS = re.compile(r"[-_.]+")
"""Names are compared as PEP 503 normalises them."""


def capture(loaded: Iterable[str] | None = None) -> dict[str, Any]:
    """The environment of this process, without what differs from run to run: equal ones are one object.

    `loaded` are the modules that were imported by the end of the run, where that was before now.
    """
    installed = _installed(_installed_state())
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "kind": _kind(),
        "os": platform.platform(),
        "machine": platform.machine(),
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "gpu": _gpu(),
        "container": _container(),
        "packages": dict(installed.versions),
        "imported": sorted(
            {installed.modules[name] for name in _top_modules(loaded) if name in installed.modules}
        ),
        "sources": {name: dict(source) for name, source in installed.sources},
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(ALLOWED)},
        "other_variables": sorted(
            key for key in os.environ.keys() - set_for_children(os.environ) if not key.startswith(ALLOWED)
        ),
    }


def packages() -> dict[str, str]:
    """Every installed distribution with its version, by name."""
    return dict(_installed(_installed_state()).versions)


def _top_modules(loaded: Iterable[str] | None) -> set[str]:
    return {name.partition(".")[0] for name in (tuple(sys.modules) if loaded is None else loaded)}


def _installed_state() -> tuple[tuple[str, int], ...]:
    """What changes when a package is installed or removed: the folders of sys.path and their times."""
    found = []
    for folder in sys.path:
        try:
            found.append((folder, os.stat(folder or ".").st_mtime_ns))  # noqa: PTH116 (much faster than Path)
        except OSError:
            continue
    return tuple(found)


class _Installed:
    """The distributions on sys.path."""

    def __init__(self) -> None:
        self.versions: dict[str, str] = {}
        self.modules: dict[str, str] = {}
        """Top module → the distribution that it is from."""
        self.sources: list[tuple[str, dict[str, Any]]] = []
        """What was installed from a folder or a repository, and its commit."""

    def add(self, distribution: Distribution) -> None:
        name = distribution.metadata["Name"]
        if not name:
            return
        key = _SEPARATORS.sub("-", name).lower()
        if key in self.versions:
            # the first on the path is the one that is imported
            return
        self.versions[key] = distribution.version
        for module in _modules(distribution, key):
            self.modules.setdefault(module, key)
        with suppress(OSError, ValueError, TypeError, KeyError):
            source = _source(json.loads(distribution.read_text("direct_url.json") or "null"))
            if source:
                self.sources.append((key, source))


@cache
def _installed(state: tuple[tuple[str, int], ...]) -> _Installed:
    from importlib.metadata import distributions

    del state
    found = _Installed()
    for distribution in distributions():
        found.add(distribution)
    found.versions = dict(sorted(found.versions.items()))
    return found


def _modules(distribution: Distribution, key: str) -> set[str]:
    """The top modules that a distribution brings: as it says itself, or as its list of files shows."""
    found = {key.replace("-", "_")}
    with suppress(OSError, UnicodeDecodeError):
        top = distribution.read_text("top_level.txt")
        if top is not None:
            return found | set(top.split())
        # the first part of each path; to parse the whole list would take seconds in a large environment
        for line in (distribution.read_text("RECORD") or "").splitlines():
            first, slash, _ = line.partition("/")
            if slash and first.isidentifier():
                found.add(first)
            elif not slash and line.partition(",")[0].endswith(".py"):
                found.add(line.partition(".")[0])
    return found


def _source(direct_url: Any) -> dict[str, Any]:
    """Where a distribution was installed from. Source: PEP 610 (direct_url.json)."""
    if not direct_url:
        return {}
    if "vcs_info" in direct_url:
        return {"url": direct_url["url"], "commit": direct_url["vcs_info"].get("commit_id", "")}
    folder = Path(unquote(urlsplit(direct_url["url"]).path))
    if "dir_info" not in direct_url:
        return {"url": direct_url["url"]}
    state = git.capture(folder)
    editable = {"editable": bool(direct_url["dir_info"].get("editable"))}
    return editable | ({"commit": state.commit, "dirty": state.dirty} if state else {})


@cache
def _kind() -> str:
    """What made the environment: `conda`, `uv`, `venv`, or `system`."""
    if Path(sys.prefix, "conda-meta").is_dir():
        return "conda"
    with suppress(OSError):
        text = Path(sys.prefix, "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
        return "uv" if re.search(r"^uv\s*=", text, re.MULTILINE) else "venv"
    return "system"


@cache
def _container() -> dict[str, str]:
    """The kind of container and the image, where they are known; empty outside of one."""
    image = next((os.environ[name] for name in IMAGES if os.environ.get(name)), "")
    kind = ""
    with suppress(OSError):
        # written by podman. Source: podman-run(1), "/run/.containerenv"
        text = Path("/run/.containerenv").read_text(encoding="utf-8", errors="replace")
        kind = "podman"
        image = image or next(iter(re.findall(r'^image="([^"]+)"', text, re.MULTILINE)), "")
    if not kind and Path("/.dockerenv").exists():
        kind = "docker"
    if os.environ.get("KUBERNETES_SERVICE_HOST"):
        kind = "kubernetes"
    apptainer = os.environ.get("APPTAINER_CONTAINER") or os.environ.get("SINGULARITY_CONTAINER")
    if apptainer:
        kind, image = "apptainer", Path(apptainer).name
    return {key: value for key, value in (("kind", kind), ("image", image)) if value}


@cache
def _gpu() -> dict[str, Any]:
    """The driver and the GPUs with their memory; empty where there is none, or nvidia-ml-py is not installed."""
    found = gpus()
    if found is None:
        return {}
    nvml, handles = found
    with suppress(Exception):
        return {
            "driver": _text(nvml.nvmlSystemGetDriverVersion()),
            "devices": [
                {
                    "name": _text(nvml.nvmlDeviceGetName(one)),
                    "memory_bytes": int(nvml.nvmlDeviceGetMemoryInfo(one).total),
                }
                for one in handles
            ],
        }
    return {}


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


@cache
def _cpu() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:  # noqa: PTH123
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor()
