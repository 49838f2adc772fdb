"""Whether a folder is on a file system that several machines write.

Source: proc_pid_mountinfo(5).
"""

from __future__ import annotations

import os
from pathlib import Path

SHARED = frozenset(
    ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs", "glusterfs",
     "fhgfs", "pvfs2", "orangefs", "ocfs2", "gfs2", "panfs", "wekafs", "vboxsf", "drvfs", "acfs", "virtiofs")
)  # fmt: skip
LOCAL_FUSE = frozenset(("fuseblk", "fuse.fuse-overlayfs", "fuse.ntfs-3g", "fuse.encfs", "fuse.gocryptfs"))
"""Of what user space serves, the kinds that are on a disk of this machine."""


def is_shared(folder: Path) -> bool:
    """Whether other machines may have the folder too; False where the system does not tell."""
    kind = kind_of(folder)
    return kind in SHARED or (kind.startswith("fuse") and kind not in LOCAL_FUSE)


def kind_of(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> str:
    """The kind of file system that a folder is on, as Linux calls it; empty where it is not known."""
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return ""
    path, best, kind = os.path.realpath(folder), -1, ""
    for line in lines:
        head, _, tail = line.partition(" - ")
        place = _plain(head.split(" ")[4])
        # a later mount on the same place hides the one before
        if len(place) >= best and (path == place or path.startswith(place.rstrip("/") + "/")):
            best, kind = len(place), tail.split(" ")[0]
    return kind


def _plain(place: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        place = place.replace(code, character)
    return place
