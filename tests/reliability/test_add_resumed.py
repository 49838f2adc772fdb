"""An add that is killed goes on where it was: what it had read is neither read nor written again."""

import signal
import subprocess
import sys
import time

import pytest

from jupyter_mlx.data.scan import StatCache
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.store import SMALL_BYTES, LocalStore
from jupyter_mlx.testing.store import content

ADDS = """
import sys, time
from jupyter_mlx.data import reading
from jupyter_mlx.project import Project
# remember as often as can be, not every few seconds, however long that takes the disk
reading._PAUSE_S, reading._PAUSE_SHARE = 0.0, 0
opened, most = 0, float(sys.argv[2])
def hook(event, arguments):
    global opened
    if event == "open" and isinstance(arguments[0], bytes) and arguments[0].endswith(b".bin"):
        opened += 1
        if opened > most:
            time.sleep(3600)
sys.addaudithook(hook)
Project.open(sys.argv[1]).workspace.add(["data"])
print(opened)
"""


def add(root, most="inf"):
    """Begin to add; after that many files it waits to be killed. It prints how many it opened."""
    return subprocess.Popen([sys.executable, "-c", ADDS, root, str(most)], stdout=subprocess.PIPE, text=True)


def remembered(root):
    if not (root / ".mlx/scan.db").exists():
        return 0
    cache = StatCache(root / ".mlx/scan.db")
    return len(cache.load(b"data").files)


@pytest.mark.parametrize(
    ("files", "size", "enough"), [(40, 2 * SMALL_BYTES, 5), (20_000, 300, 1500)], ids=["large", "small"]
)
def test_an_add_that_was_killed_reads_only_the_rest(project, files, size, enough):
    root = project.root
    (root / "data").mkdir()
    for number in range(files):
        (root / f"data/{number}.bin").write_bytes(b"%8d" % number + content(size - 8))
    time.sleep(0.1)  # longer than the tick in which a write could hide
    process = add(root, most=files // 2)
    while remembered(root) < enough:
        assert process.poll() is None, "it was done before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    known = remembered(root)
    assert enough <= known < files
    again = add(root)
    assert int(again.communicate()[0]) == files - known
    workspace = Workspace.open(root, LocalStore.open(root / ".mlx/store", root / ".mlx/tmp"), root / ".mlx")
    assert workspace.verify(["data"])
    assert [state.state for state in workspace.status()] == ["unchanged"]


def test_what_is_remembered_of_a_killed_add_is_not_believed_without_its_objects(project):
    """The stat cache is one file, the store another: one of them may be lost alone."""
    root = project.root
    (root / "data").mkdir()
    for number in range(3):
        (root / f"data/{number}.bin").write_bytes(b"%d" % number)
    time.sleep(0.1)
    assert add(root).communicate()[0] == "3\n"
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    assert add(root).communicate()[0] == "3\n"
