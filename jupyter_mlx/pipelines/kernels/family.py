"""Which warm process can stand in for which new one: those that would have started the same.

A kernel may be a copy only of a process with the same interpreter, path of
modules, and environment as far as libraries read it when they are imported; in
the same namespaces and control group, so that no limit is left behind.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FORMAT: Final = 2
"""Of the conversation and of the key: raised when a warm process of an older version must not answer."""

READ_AT_IMPORT: Final = (
    "PYTHON", "OMP_", "GOMP_", "KMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "NUMEXPR_", "NPY_", "NUMPY_",
    "NUMBA_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "LD_", "MALLOC_", "GLIBC_", "LC_", "LANG", "TZ", "MPL", "MATPLOTLIB",
    "PANDAS_", "SCIPY_", "SKLEARN_", "ARROW_", "TORCH_", "PYTORCH_", "XLA_", "TF_", "JOBLIB_", "LOKY_", "XDG_", "HOME",
    "PATH", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV", "CONDA_", "IPYTHON", "JUPYTER_PATH", "JUPYTER_CONFIG", "SSL_",
)  # fmt: skip
"""Beginnings of the variables that Python, C libraries and packages read once, when they are loaded."""

_FLAGS: Final = ("-Xfrozen_modules=off", "-X", "frozen_modules=off")


class NoPrivateFolderError(OSError):
    """There is no folder that only this user can enter."""


@dataclass(frozen=True, slots=True)
class Family:
    """All new processes that would be alike before they know their notebook."""

    command: tuple[str, ...]
    """The interpreter and its options."""
    env: Mapping[str, str]
    """The variables that count, and no others."""
    modules: tuple[str, ...] = ()
    """What may be imported ahead of its notebooks, sub-modules too; others would find more than a new process has."""

    @property
    def key(self) -> str:
        """The name of the family: equal for equal processes."""
        said = json.dumps(
            [
                FORMAT,
                self.command,
                sorted(self.env.items()),
                self.modules,
                sys.version,
                place(),
                _packages(),
            ]
        )
        return hashlib.blake2b(said.encode(), digest_size=10).hexdigest()


def family_of(command: Sequence[str], env: Mapping[str, str], modules: tuple[str, ...] = ()) -> Family | None:
    """The family of a kernel's command, None where it is not one of this interpreter's own kernel."""
    if sys.platform != "linux" or "ipykernel_launcher" not in command:
        return None
    at = list(command).index("ipykernel_launcher")
    python, *flags = command[:at]
    if not flags or flags[-1] != "-m" or any(flag not in _FLAGS for flag in flags[:-1]):
        return None
    if os.path.abspath(python) != os.path.abspath(sys.executable) and not _same_file(python):
        return None
    if any(entry and not os.path.isabs(entry) for entry in env.get("PYTHONPATH", "").split(os.pathsep)):
        return None
    counted = {name: value for name, value in env.items() if name.startswith(READ_AT_IMPORT)}
    return Family((sys.executable, *flags[:-1]), counted, modules)


def private_folder() -> Path:
    """The folder of the sockets, which nobody else can enter; made where it is not there.

    Raises:
        NoPrivateFolderError: it belongs to someone else, or others can enter it.
        OSError: the disk refuses.
    """
    home = os.environ.get("JUPYTER_MLX_KERNELS") or os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    folder = Path(home, f"jupyter-mlx-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o77:
        msg = f"{folder} is not this user's alone"
        raise NoPrivateFolderError(msg)
    return folder


def _same_file(python: str) -> bool:
    """Whether another name in the same folder is the same interpreter: python and python3."""
    own = Path(sys.executable)
    try:
        return Path(python).absolute().parent == own.parent and own.samefile(python)
    except OSError:
        return False


def place() -> list[str]:
    """Where on this machine this process is: user, namespaces, control group."""
    spaces = ("mnt", "pid", "net", "user", "uts", "ipc")
    found = [f"{os.getuid()} {os.getgid()} {sorted(os.getgroups())}", Path("/proc/self/cgroup").read_text()]
    return found + [os.readlink(f"/proc/self/ns/{space}") for space in spaces]


def _packages() -> list[int]:
    """When packages were last installed or removed."""
    folders = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return [Path(folder).stat().st_mtime_ns for folder in sorted(folders) if Path(folder).exists()]
