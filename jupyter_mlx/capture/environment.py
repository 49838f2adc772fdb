"""Where a run happened: Python, packages, machine; environment variables by an allow-list.

What takes long is kept: for the process what cannot change, and the packages as
long as their folders do not change (`installed.py`).
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
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from . import git
from .installed import installed
from .lineage.children import set_for_children
from .sampling import gpus

ALLOWED = ("CUDA_", "OMP_", "MKL_", "OPENBLAS_", "NUMEXPR_", "JAX_", "TF_", "XLA_", "MLX_", "PYTHONHASHSEED")
"""Beginnings of the environment variables whose values are kept: they change results and hold no secrets."""
OURS = "JUPYTER_MLX_"
"""Of our own variables some tell a child process its run: they are none of the user's environment."""
IMAGES = ("JUPYTER_IMAGE", "JUPYTER_IMAGE_SPEC", "KAGGLE_DOCKER_IMAGE", "DOCKER_IMAGE", "CONTAINER_IMAGE")
"""Environment variables in which hosts of notebooks name the image."""


def capture(loaded: Iterable[str] | None = None) -> dict[str, Any]:
    """The environment of this process, without what differs from run to run: equal ones are one object.

    `loaded` are the modules that were imported by the end of the run, where that was before now.
    """
    found = installed()
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
        "packages": dict(found.versions),
        "imported": sorted({found.modules[name] for name in _top_modules(loaded) if name in found.modules}),
        "sources": {name: source for name, url in found.urls.items() if (source := _told(url))},
        "variables": {key: value for key, value in sorted(os.environ.items()) if key.startswith(ALLOWED)},
        "other_variables": sorted(
            key
            for key in os.environ.keys() - set_for_children(os.environ)
            if not key.startswith((*ALLOWED, OURS))
        ),
    }


def signs() -> tuple[object, ...]:
    """What `capture` depends on beside the modules that are loaded: equal as long as it would find the same."""
    return installed(), tuple(os.environ.items())


def packages() -> dict[str, str]:
    """Every installed distribution with its version, by name."""
    return dict(installed().versions)


def _top_modules(loaded: Iterable[str] | None) -> set[str]:
    return {name.partition(".")[0] for name in (tuple(sys.modules) if loaded is None else loaded)}


@cache
def _told(direct_url: str) -> dict[str, Any]:
    with suppress(OSError, ValueError, TypeError, KeyError):
        return _source(json.loads(direct_url))
    return {}


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
