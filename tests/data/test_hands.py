"""Many small files, written by several processes: as safe as by one."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest
from waiting import PATIENCE_S

from jupyter_mlx.data.hands import LostHandError
from jupyter_mlx.errors import CorruptObjectError
from jupyter_mlx.project import Project

FILES = {f"d{number % 3}/{number}": b"%d" % number * 50 for number in range(2100)}
LATER = {name: data + b"!" for name, data in FILES.items()}

pytestmark = pytest.mark.skipif(
    len(os.sched_getaffinity(0)) < 2 if hasattr(os, "sched_getaffinity") else True,
    reason="needs two cores that can be counted",
)


def write(folder, files):
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A project with two versions of many files, and none of them in its work tree."""
    root = tmp_path_factory.mktemp("original")
    (root / ".mlx").mkdir()
    workspace = Project(root).workspace
    write(root / "data", LATER)
    later = workspace.add(["data"])[0]
    write(root / "data", FILES)
    workspace.add(["data"])
    workspace.store.close()
    shutil.rmtree(root / "data")
    return root, later


@pytest.fixture
def root(original, tmp_path):
    return shutil.copytree(original[0], tmp_path / "project")


def beside():
    """The processes that write for this one; other tests may have left servers running."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if any(word.endswith("data.hands") for word in process.cmdline()):
                found.append(process)
    return found


class Slow:
    """A progress that lets the other process go first, and looks at it after each piece of work."""

    def __init__(self, look=lambda process: None):
        self.look, self.writes = look, -1

    def total(self, files, size_bytes):
        pass

    def advance(self, files, size_bytes):
        for process in beside():
            with contextlib.suppress(psutil.Error):
                if self.writes < 0:
                    wait_for_work(process)
                psutil.wait_procs([process], 0.02)
                self.writes = max(self.writes, process.io_counters().write_count)
                if self.writes > 50:
                    self.look(process)


def wait_for_work(process):
    """Wait until a process has begun and has nothing more to do."""
    before = None
    while before != (before := process.cpu_times()) or before.user == 0:
        psutil.wait_procs([process], 0.1)


def left_over(root):
    return [*(root / ".mlx/tmp").iterdir(), *beside()]


def test_a_process_beside_writes_a_part_of_many_files_and_ends(root):
    hidden = []
    progress = Slow(lambda process: hidden.append(not (root / "data").exists()))
    done = Project(root).workspace.checkout(progress=progress)[0]
    assert progress.writes > 50
    assert all(hidden), "a folder is seen when all of it is written"
    assert done.written == len(FILES)
    assert read(root / "data") == FILES
    assert Project(root).workspace.status()[0].state == "unchanged"
    assert not left_over(root)


def test_few_files_are_written_without_another_process(root):
    progress = Slow()
    Project(root).workspace.checkout(["data/d1"], progress=progress)
    assert progress.writes < 0
    assert len(read(root / "data")) == len(FILES) // 3


def test_where_no_process_can_be_started_one_does_it_all(root, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    Project(root).workspace.checkout(progress=Slow())
    assert read(root / "data") == FILES


def test_a_damaged_object_is_told_whoever_reads_it(root):
    pack = next((root / ".mlx/store/packs").iterdir())
    whole = pack.read_bytes()
    pack.write_bytes(whole.replace(b"17" * 50, b"71" * 50))
    with pytest.raises(CorruptObjectError):
        Project(root).workspace.checkout(progress=Slow())
    assert not (root / "data").exists()
    assert not left_over(root)


def test_a_file_of_this_name_that_came_meanwhile_is_left_alone(root, original):
    workspace = Project(root).workspace
    workspace.checkout()

    def edit(process):
        (root / "data" / max(FILES)).write_bytes(b"written meanwhile")

    with pytest.raises(Exception, match="changed meanwhile"):
        workspace.restore(original[1], progress=Slow(edit))
    assert (root / "data" / max(FILES)).read_bytes() == b"written meanwhile"
    assert not left_over(root)


def test_when_the_process_is_killed_no_file_is_half_there_and_the_next_checkout_goes_through(root, original):
    workspace = Project(root).workspace
    with pytest.raises(LostHandError):
        workspace.checkout(progress=Slow(psutil.Process.kill))
    assert not (root / "data").exists()
    assert not left_over(root)
    workspace.checkout()
    with pytest.raises(LostHandError):
        workspace.restore(original[1], progress=Slow(psutil.Process.kill))
    assert all(data in {FILES[name], LATER[name]} for name, data in read(root / "data").items())
    assert read(root / "data").keys() == FILES.keys()
    Project(root).workspace.restore(original[1])
    assert read(root / "data") == LATER


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGINT])
def test_the_process_ends_with_the_one_that_it_helps(root, sign):
    code = (
        "import sys; from pathlib import Path; sys.path.append('..'); from test_hands import *; "
        "Project(Path(sys.argv[1])).workspace.checkout(progress=Slow(lambda process: print(process.pid, flush=True)))"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, root],
        cwd=os.path.dirname(__file__),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as parent:
        hand = psutil.Process(int(parent.stdout.readline()))
        parent.send_signal(sign)
        gone, alive = psutil.wait_procs([hand], PATIENCE_S)
    assert gone
    assert not alive
    assert not (root / "data").exists()
    Project(root).workspace.checkout()
    assert read(root / "data") == FILES
