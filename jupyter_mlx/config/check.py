"""The checks of mlx.yaml: plain values become a `Config`, or one of them will not do."""

from __future__ import annotations

import re
from typing import Any

from .checker import Checker, kind_of
from .stages import StageCheck
from .values import Config, Remote

TOP = ("remotes", "stages")
OPTIONS = (
    "endpoint_url", "profile", "region", "anon", "project", "account_name", "port", "username", "known_hosts",
)  # fmt: skip
"""Of a remote, besides its address: what is no secret."""
REMOTE = ("url", *OPTIONS)

_CREDENTIALS = re.compile(
    r"^[a-z0-9+.-]+://[^/@]*:[^/@]*@|[?&](?:[^=&]*(?:secret|token|password|key))=", re.I
)
_SECRET = re.compile(r"key|secret|token|passw|passphrase|sas|credential|connection_string", re.I)
_NO_SECRETS = (
    "holds a password or a key, and mlx.yaml is in git; leave it out here and "
    "put it into the environment or the storage's own configuration"
)


class Check(Checker):
    """Turns plain values into a `Config`, or says which value will not do."""

    def config(self, plain: Any) -> Config:
        """The whole file.

        Raises:
            ConfigError: a value will not do.
        """
        top = self.mapping("", plain, TOP)
        remotes = {n: self.remote(n, v) for n, v in self.mapping("remotes", top.get("remotes")).items()}
        check = StageCheck(self.lines, self.file)
        stages = {n: check.stage(n, v) for n, v in self.mapping("stages", top.get("stages")).items()}
        return Config(remotes, stages, self.lines)

    def remote(self, name: str, value: Any) -> Remote:
        """One entry of `remotes:`.

        Raises:
            ConfigError: the name or the address will not do.
        """
        key = f"remotes.{name}"
        self.name(key, name)
        if isinstance(value, str):
            self.fail(key, f"write it as {{url: {value}}}")
        options = self.options(key, value)
        url = options.pop("url", None)
        if not isinstance(url, str) or not url:
            self.fail(f"{key}.url", "is missing; write a folder or an address there")
        return Remote(name, url, options)

    def options(self, key: str, value: Any) -> dict[str, str | int | bool]:
        """The address of a remote and its options, none of them a secret.

        Raises:
            ConfigError: one will not do.
        """
        for name in value if isinstance(value, dict) else ():
            if name not in REMOTE and _SECRET.search(str(name)):
                self.fail(f"{key}.{name}", _NO_SECRETS)
        found = self.mapping(key, value, REMOTE)
        for name, given in found.items():
            if not isinstance(given, (str, int, bool)) and name != "url":
                self.fail(f"{key}.{name}", f"should be a single value, and is {kind_of(given)}")
            if isinstance(given, str) and _CREDENTIALS.search(given):
                self.fail(f"{key}.{name}", _NO_SECRETS)
        return dict(found)
