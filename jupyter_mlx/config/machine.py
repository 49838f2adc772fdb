"""`.mlx/local.yaml`: settings of this machine alone, which are not in git."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import AccessError

from .check import Check
from .text import parse
from .values import STATE, Remote, complaint

NAME = f"{STATE}/local.yaml"
_PLAIN_STORE = re.compile(r"""^store:[ \t]+"?(/[^\s"'#:\\]+)"?[ \t]*$""", re.MULTILINE)


def remote_here(root: Path, remote: Remote) -> Remote:
    """A remote of mlx.yaml with what `local.yaml` says of it: options, or another address.

    Raises:
        ConfigError: the file is malformed, or holds a secret.
        AccessError: it can't be read.
    """
    plain, lines = _read(root)
    entries = plain.get("remotes") or {}
    if not isinstance(entries, dict) or remote.name not in entries:
        return remote
    found: dict[str, Any] = Check(lines, NAME).options(f"remotes.{remote.name}", entries[remote.name])
    url = found.pop("url", remote.url)
    return replace(remote, url=url, options={**remote.options, **found})


def store_here(root: Path) -> Path | None:
    """Where this copy of the project keeps its objects, if not in `.mlx/store`: `store: /an/absolute/path`.

    Raises:
        ConfigError: it is no absolute path.
        AccessError: the file can't be read.
    """
    try:
        text = (root / NAME).read_text("utf-8", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise AccessError.of(error, root / NAME) from error
    if "store" not in text:
        return None
    plain = _PLAIN_STORE.search(text)  # parsing YAML would be the slowest part of `jmlx status`
    found, lines = ({"store": plain[1]}, {"store": 1}) if plain else _read(root)
    value = found.get("store")
    if value is None:
        return None
    if not isinstance(value, str) or not Path(value).is_absolute():
        raise complaint(lines, "store", "should be the absolute path of a folder", NAME)
    return Path(value)


@dataclass(frozen=True, slots=True)
class Kernels:
    """How the kernels of stages are started on this machine."""

    cold: bool = False
    """Whether each is a new process, never the copy of a warm one."""
    idle_s: float | None = None
    """After how long without a kernel a warm process ends; None where nothing is said of it."""


def kernels_here(root: Path) -> Kernels:
    """How kernels are started: `kernels: {cold: true}`, `kernels: {idle_s: 60}`.

    Raises:
        ConfigError: the file is malformed, or has another value there.
        AccessError: it can't be read.
    """
    try:
        is_said = b"kernels" in (root / NAME).read_bytes()
    except OSError:
        is_said = False
    if not is_said:
        return Kernels()
    plain, lines = _read(root)
    found = Check(lines, NAME).mapping("kernels", plain.get("kernels"), ("cold", "idle_s"))
    cold, idle_s = found.get("cold", False), found.get("idle_s")
    if not isinstance(cold, bool):
        raise complaint(lines, "kernels.cold", "should be true or false", NAME)
    if idle_s is not None and (
        isinstance(idle_s, bool) or not isinstance(idle_s, (int, float)) or idle_s < 0
    ):
        raise complaint(lines, "kernels.idle_s", "should be a number of seconds", NAME)
    return Kernels(cold, idle_s)


def set_store(root: Path, folder: Path) -> None:
    """Write `store:` into `local.yaml`.

    Raises:
        AccessError: it can't be written.
    """
    path = root / NAME
    before = path.read_text("utf-8") if path.exists() else ""
    kept = [line for line in before.splitlines() if not line.startswith("store:")]
    try:
        path.write_text("\n".join([f"store: {json.dumps(str(folder))}", *kept]) + "\n", "utf-8")
    except OSError as error:
        raise AccessError.of(error, path) from error


def _read(root: Path) -> tuple[dict[str, Any], dict[str, int]]:
    try:
        data = (root / NAME).read_bytes()
    except FileNotFoundError:
        return {}, {}
    except OSError as error:
        raise AccessError.of(error, root / NAME) from error
    plain, lines = parse(data)
    return plain if isinstance(plain, dict) else {}, lines
