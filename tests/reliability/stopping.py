"""Children that stop at the k-th system call of some work, and the data that they work on."""

import os
import signal
import subprocess

from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES
from jupyter_mlx.testing.store import content

STEPS = (
    "open",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "mkdir",
    "unlink",
    "fchmod",
    "chmod",
    "symlink",
    "close",
)
ONE = {"a": b"one", "same": b"same", "sub/b": b"b" * 3000, "large": content(SMALL_BYTES)}
TWO = {"a": b"two", "same": b"same", "new/c": b"c" * 3000, "large": content(SMALL_BYTES + 1), "d": b""}


def opened(root):
    """The data of a project, as another process would see it."""
    return Project(root).workspace


def fill(folder, files):
    """Make a folder hold these files and nothing else."""
    subprocess.run(["rm", "-rf", folder], check=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def read(folder):
    """The files of a folder, by path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def started(step, sign, work):
    """A child that does `work`, and sends itself a signal before its `step`-th system call; its number."""
    child = os.fork()
    if child:
        return child
    left = step

    def counted(call):
        def wrapper(*arguments, **named):
            nonlocal left
            left -= 1
            if left == -1:
                os.kill(os.getpid(), sign)
            return call(*arguments, **named)

        return wrapper

    import jupyter_mlx.store.files as files

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))
    files._sync_data = os.fdatasync
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def killed_at(step, work):
    """Do `work` in a child that is killed before its `step`-th system call; whether it came so far."""
    status = os.waitpid(started(step, signal.SIGKILL, work), 0)[1]
    if os.WIFSIGNALED(status):
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False
