"""Which commit the code was at, and what was changed since."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 10.0
MAX_DIFF_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class GitState:
    """A work tree at one moment; `commit` is empty before the first commit."""

    commit: str
    branch: str
    dirty: bool
    remote: str
    diff: str
    """The uncommitted changes of tracked files, at most 1 MiB; empty where there are none."""

    def facts(self) -> dict[str, Any]:
        """All but the difference, as JSON can say it."""
        return {"commit": self.commit, "branch": self.branch, "dirty": self.dirty, "remote": self.remote}


def capture(root: Path) -> GitState | None:
    """The state of the git work tree that `root` lies in; None where there is none, or no git."""
    status = _git(root, "status", "--porcelain=v2", "--branch", "--untracked-files=no")
    if status is None:
        return None
    facts, dirty = {}, False
    for line in status.splitlines():
        if line.startswith("# "):
            key, _, value = line[2:].partition(" ")
            facts[key] = value
        else:
            dirty = True
    commit = facts.get("branch.oid", "")
    commit = "" if commit == "(initial)" else commit
    diff = (_git(root, "diff", "HEAD", "--no-color", "--no-ext-diff") or "") if dirty and commit else ""
    remote = (_git(root, "config", "--get", "remote.origin.url") or "").strip()
    return GitState(commit, facts.get("branch.head", ""), dirty, remote, diff[:MAX_DIFF_BYTES])


def tracked(root: Path, paths: list[str]) -> list[str]:
    """Those of the paths, relative to `root`, that git tracks."""
    return (_git(root, "ls-files", "-z", "--", *paths) or "").split("\0")[:-1]


def _git(root: Path, *arguments: str) -> str | None:
    """What git prints; None where it fails or is not there."""
    try:
        done = subprocess.run(
            # no optional locks: a capture beside the user's own git must never get in its way
            ["git", "--no-optional-locks", "-C", str(root), *arguments],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace")
