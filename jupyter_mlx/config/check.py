"""The checks of mlx.yaml: plain values become a `Config`, or one of them will not do."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

from jupyter_mlx.errors import NotYetError

from .values import NAME, STATE, Config, Remote, StageConfig, complaint

TOP = ("remotes", "stages")
OPTIONS = (
    "endpoint_url", "profile", "region", "anon", "project", "account_name", "port", "username", "known_hosts",
)  # fmt: skip
"""Of a remote, besides its address: what is no secret."""
REMOTE = ("url", *OPTIONS)
STAGE = ("notebook", "params", "matrix", "inputs", "outputs", "kernel", "timeout")
LATER = {
    "command": "a `command:` stage",
    "retries": "`retries:`",
    "resources": "`resources:`",
    "when": "`when:`",
}
"""Keys of a stage that a later version takes."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_CREDENTIALS = re.compile(
    r"^[a-z0-9+.-]+://[^/@]*:[^/@]*@|[?&](?:[^=&]*(?:secret|token|password|key))=", re.I
)


_SECRET = re.compile(r"key|secret|token|passw|passphrase|sas|credential|connection_string", re.I)
_NO_SECRETS = (
    "holds a password or a key, and mlx.yaml is in git; leave it out here and "
    "put it into the environment or the storage's own configuration"
)


class Check:
    """Turns plain values into a `Config`, or says which value will not do."""

    def __init__(self, lines: Mapping[str, int], file: str = NAME) -> None:
        self.lines, self.file = lines, file

    def _fail(self, key: str, problem: str) -> NoReturn:
        raise complaint(self.lines, key, problem, self.file)

    def config(self, plain: Any) -> Config:
        """The whole file.

        Raises:
            ConfigError: a value will not do.
            NotYetError: a later version takes it.
        """
        top = self._mapping("", plain, TOP)
        remotes = {n: self.remote(n, v) for n, v in self._mapping("remotes", top.get("remotes")).items()}
        stages = {n: self._stage(n, v) for n, v in self._mapping("stages", top.get("stages")).items()}
        return Config(remotes, stages, self.lines)

    def remote(self, name: str, value: Any) -> Remote:
        """One entry of `remotes:`.

        Raises:
            ConfigError: the name or the address will not do.
        """
        key = f"remotes.{name}"
        self._name(key, name)
        if isinstance(value, str):
            self._fail(key, f"write it as {{url: {value}}}")
        options = self.options(key, value)
        url = options.pop("url", None)
        if not isinstance(url, str) or not url:
            self._fail(f"{key}.url", "is missing; write a folder or an address there")
        return Remote(name, url, options)

    def options(self, key: str, value: Any) -> dict[str, str | int | bool]:
        """The address of a remote and its options, none of them a secret.

        Raises:
            ConfigError: one will not do.
        """
        for name in value if isinstance(value, dict) else ():
            if name not in REMOTE and _SECRET.search(str(name)):
                self._fail(f"{key}.{name}", _NO_SECRETS)
        found = self._mapping(key, value, REMOTE)
        for name, given in found.items():
            if not isinstance(given, (str, int, bool)) and name != "url":
                self._fail(f"{key}.{name}", f"should be a single value, and is {_kind(given)}")
            if isinstance(given, str) and _CREDENTIALS.search(given):
                self._fail(f"{key}.{name}", _NO_SECRETS)
        return dict(found)

    def _stage(self, name: str, value: Any) -> StageConfig:
        key = f"stages.{name}"
        self._name(key, name)
        for later, what in LATER.items():
            if isinstance(value, dict) and later in value:
                line = self.lines.get(f"{key}.{later}", 0)
                raise NotYetError(f"{what} ({NAME}:{line}: {key}.{later})", "take it out for now")
        entry = self._mapping(key, value, STAGE)
        if "notebook" not in entry:
            self._fail(key, "has no notebook; write `notebook: PATH` below it")
        params = self._mapping(f"{key}.params", entry.get("params"))
        matrix = self._matrix(f"{key}.matrix", entry.get("matrix"), params)
        return StageConfig(
            name=name,
            notebook=self._notebook(f"{key}.notebook", entry["notebook"]),
            params=params,
            matrix=matrix,
            inputs=self._paths(f"{key}.inputs", entry.get("inputs")),
            outputs=self._paths(f"{key}.outputs", entry.get("outputs")),
            kernel=self._kernel(f"{key}.kernel", entry.get("kernel")),
            timeout_s=self._seconds(f"{key}.timeout", entry.get("timeout")),
        )

    def _mapping(self, key: str, value: Any, known: tuple[str, ...] = ()) -> dict[str, Any]:
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._fail(key, f"should be `name: value` lines, and is {_kind(value)}")
        for name in value:
            if known and name not in known:
                self._fail(
                    f"{key}.{name}" if key else name, f"is not a key that belongs here{nearest(name, known)}"
                )
        return value

    def _name(self, key: str, name: str) -> None:
        if not _PLAIN_NAME.fullmatch(name):
            self._fail(key, f"{name!r} is no name; take letters, digits, '.', '_' and '-'")

    def _matrix(self, key: str, value: Any, params: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
        axes = self._mapping(key, value)
        for name, values in axes.items():
            at = f"{key}.{name}"
            if not isinstance(values, list) or not values:
                self._fail(at, f"should be a list of values, and is {_kind(values)}")
            if any(isinstance(item, (dict, list)) for item in values):
                self._fail(at, "should list single values: text, numbers, true or false")
            if len({json.dumps(item) for item in values}) < len(values):
                self._fail(at, "has the same value twice")
            if name in params:
                self._fail(at, "is in `params` too; keep one of them")
        return {name: tuple(values) for name, values in axes.items()}

    def _notebook(self, key: str, value: Any) -> str:
        path = self._path(key, value)
        if posixpath.splitext(path)[1] not in {".ipynb", ".py", ".md", ".Rmd", ".R", ".jl"}:
            self._fail(key, f"{path!r} is no notebook; take an .ipynb, or a paired .py or .md")
        return path

    def _paths(self, key: str, value: Any) -> tuple[str, ...]:
        if value is None:
            return ()
        if isinstance(value, str):
            return (self._path(key, value),)
        if not isinstance(value, list):
            self._fail(key, f"should be a list of paths, and is {_kind(value)}")
        found = [self._path(f"{key}.{i}", item) for i, item in enumerate(value)]
        for i, path in enumerate(found):
            if path in found[:i]:
                self._fail(f"{key}.{i}", f"{path!r} is there twice")
        return tuple(found)

    def _path(self, key: str, value: Any) -> str:
        if not isinstance(value, str) or not value.strip("/. ") or "\0" in value:
            self._fail(key, f"should be a path inside the project, and is {_kind(value)}")
        if value.startswith(("/", "~", "\\")) or re.match(r"[A-Za-z]:[/\\]", value):
            self._fail(key, f"{value!r} is absolute; write it relative to the folder of mlx.yaml")
        path = posixpath.normpath(value)
        first = path.partition("/")[0]
        if first == "..":
            self._fail(key, f"{value!r} leaves the project; what a stage reads and writes lies inside it")
        if first in {STATE, ".git"}:
            self._fail(key, f"{value!r} is inside {first}, which is not yours to write")
        return path

    def _kernel(self, key: str, value: Any) -> str | None:
        if value is not None and (not isinstance(value, str) or not value):
            self._fail(key, f"should be the name of a kernel, and is {_kind(value)}")
        return value

    def _seconds(self, key: str, value: Any) -> float | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not value > 0:
            self._fail(key, f"should be a number of seconds above 0, and is {_kind(value)}")
        return float(value)


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'x'?`, or what there is to choose from."""
    from difflib import get_close_matches

    names = list(known)
    if near := get_close_matches(word, names, n=1):
        return f"; did you mean {near[0]!r}?"
    return f"; there is {', '.join(names[:12])}" if names else ""


def _kind(value: Any) -> str:
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else repr(value)
