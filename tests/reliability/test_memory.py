"""Memory does not grow with the data: ten times the files, or a file larger than memory should take, cost no more."""

import subprocess
import sys
import time
import tracemalloc

import pytest

from jupyter_mlx.data import contents, hands, placed, reading, steps
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.store import LocalStore

IN_A_FOLDER = 100
LARGE_MIB = 300


def made(root, folders, text):
    for folder in range(folders):
        (root / f"data/{folder}").mkdir(parents=True, exist_ok=True)
        for number in range(IN_A_FOLDER):
            (root / f"data/{folder}/{number}").write_text(f"{text} {folder} {number}")


def peaks(root, folders):
    """The most bytes that Python's objects took at once, in each piece of work."""
    (root / ".mlx").mkdir(parents=True)
    made(root, folders, "one")
    time.sleep(0.1)  # longer than the tick in which a write could hide
    found = {}

    def measured(name, work):
        workspace = Workspace.open(
            root, LocalStore.open(root / ".mlx/store", root / ".mlx/tmp"), root / ".mlx"
        )
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        result = work(workspace)
        found[name] = tracemalloc.get_traced_memory()[1] - before
        return result

    version = measured("add", lambda workspace: workspace.add(["data"]))[0]
    measured("status", lambda workspace: workspace.status())
    (root / "data").rename(root / "aside")
    measured("checkout of all", lambda workspace: workspace.restore(version))
    made(root, folders, "two")
    measured("add of v2", lambda workspace: workspace.save("data"))
    measured("checkout where all differ", lambda workspace: workspace.restore(version))
    return found


def test_ten_times_the_files_take_no_more_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "_HELD_BYTES", 100_000)  # what is held for a while is small beside a folder
    monkeypatch.setattr(placed, "_HELD", IN_A_FOLDER)
    monkeypatch.setattr(contents, "_FILES_TOGETHER", IN_A_FOLDER)
    monkeypatch.setattr(steps, "_ASKED_TOGETHER", IN_A_FOLDER)
    # how much is in flight to other processes depends on how they keep up; the flat folder below has them
    monkeypatch.setattr(hands, "_MANY", 1 << 62)
    peaks(tmp_path / "warm", 1)  # what is imported on use
    tracemalloc.start()
    try:
        few, many = peaks(tmp_path / "few", 2), peaks(tmp_path / "many", 20)
    finally:
        tracemalloc.stop()
    assert {name for name in few if many[name] > 5 * few[name]} == set(), (few, many)


PEAK = """
import sys
from jupyter_mlx.cli.main import cli
cli.main(sys.argv[1:], standalone_mode=False)
print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0].split()[1])
"""


def peak_mib(root, *words):
    """The most memory that a command had."""
    done = subprocess.run(
        [sys.executable, "-c", PEAK, *words], cwd=root, capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]) / 1024


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
@pytest.mark.parametrize("link", ["copy", "hardlink"])
def test_a_large_file_takes_no_more_memory_than_a_small_one(project, link):
    with (project.root / "data").open("wb") as file:
        file.truncate(LARGE_MIB << 20)
    found = [peak_mib(project.root, *words) for words in (["add", "data"], ["status"])]
    (project.root / "data").unlink()
    found.append(peak_mib(project.root, "checkout", "--link", link))
    assert max(found) < LARGE_MIB / 4


FLAT, MOST_GROWN_MIB = 80_000, 30
"""Files in one folder, and how much more memory they may take than one file: as objects they were twice as much."""


def grown_mib(folder):
    """How much more memory each command has on one folder with many files than with one file."""
    found = []
    for files in (1, FLAT):
        root = folder / str(files)
        (root / "data").mkdir(parents=True)
        (root / "mlx.yaml").write_text("")
        for number in range(files):
            (root / f"data/{number:06}").write_bytes(b"%d" % number)
        time.sleep(0.1)  # longer than the tick in which a write could hide
        peaks = {"add": peak_mib(root, "add", "data")}
        (root / "data/000000").write_text("other")
        peaks |= {"status": peak_mib(root, "status"), "diff": peak_mib(root, "diff")}
        (root / "data").rename(root / "aside")
        peaks["checkout"] = peak_mib(root, "checkout")
        found.append(peaks)
    return {name: found[1][name] - peak for name, peak in found[0].items()}


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")
def test_many_files_in_one_folder_take_little_more_memory_than_one(tmp_path):
    grown = grown_mib(tmp_path)
    assert {name: mib for name, mib in grown.items() if mib > MOST_GROWN_MIB} == {}, grown
