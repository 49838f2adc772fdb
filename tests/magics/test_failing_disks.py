"""RELIABILITY row 6 for a kernel: the disk of the project, or of its store, fails under it and comes back."""

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import sys

import pytest
from commands import COMMANDS
from disks import mounted
from waiting import PATIENCE_S

from jupyter_mlx.project import Project

FAIL = 0x8004587D
"""EXT4_IOC_SHUTDOWN: from now on every call answers EIO. Source: `linux/fs/ext4/ext4.h`."""
FAILED = "Input/output error; the disk fails"
DYING = """%%track dying
import jupyter_mlx as jm, time
from pathlib import Path
jm.log(loss=2.0)
print("begun", flush=True)
while not Path({failed!r}).exists():
    time.sleep(0.01)
jm.log(loss=1.0)
acc = sum([0.25, 0.5])
print("x" * 5000)
try:
    Path("b").write_text("b")
except OSError:
    print("not written")
6 * 7"""


@pytest.fixture
def disk(tmp_path):
    with mounted(tmp_path, ["mkfs.ext4", "-q"], 16) as disk:
        yield disk


def fail(disk):
    """Have a disk fail, with all that was written before on it."""
    subprocess.run(["sync", "-f", disk], check=True)
    fd = os.open(disk, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, FAIL, struct.pack("I", 1))
    except OSError as error:
        pytest.skip(f"no disk can be made to fail here: {error}")
    finally:
        os.close(fd)


def come_back(disk):
    """Mount what is on the disk anew in its place: a failed one stays so while a process has it open."""
    image = disk.with_name("again.img")
    shutil.copyfile(disk.with_suffix(".img"), image)
    subprocess.run(["umount", "--lazy", disk], check=True)
    subprocess.run(["mount", "-o", "loop", image, disk], check=True)


def cell_while_it_fails(kernel, disk, failed):
    """A cell during which the disk fails."""
    request = kernel.send(DYING.format(failed=str(failed)))
    while True:
        message = kernel.client.get_iopub_msg(timeout=PATIENCE_S)
        if message["content"].get("text") == "begun\n":
            break
    fail(disk)
    failed.touch()
    return kernel.wait(request)


def listed(root):
    done = COMMANDS.run("runs", "list", "--json", cwd=root)
    assert "Traceback" not in done.stderr
    return json.loads(done.stdout)


def lacking(ledger, runs):
    """By name, what each run says that it lacks."""
    return {
        name: [problem.split(":")[0] for problem in ledger.get(run.id).problems] for name, run in runs.items()
    }


def shown(reply):
    """What the cell's last expression showed; the reply is checked for what must never be in it."""
    assert reply.status == "ok"
    assert "Traceback" not in reply.text
    return [output["data"]["text/plain"] for output in reply.outputs if "data" in output]


def test_a_kernel_goes_on_where_the_disk_of_its_project_fails_and_records_when_it_is_back(
    disk, tmp_path, start
):
    root = Project.create(disk / "project").root
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    kernel("%%track first\n1")
    dying = cell_while_it_fails(kernel, disk, tmp_path / "failed")
    assert shown(dying) == ["42"]
    assert f"ledger.db: {FAILED}" in dying.text
    later = kernel("%%track later\n7 * 7")
    assert shown(later) == ["49"]
    assert f"this cell is not recorded: {root / '.mlx/ledger.db'}: {FAILED}" in later.text
    listing = kernel("%runs").text
    assert ("UsageError: %runs: " in listing, FAILED in listing, "Traceback" in listing) == (
        True,
        True,
        False,
    )
    assert FAILED in listed(root)["error"]["message"]
    come_back(disk)
    assert {run["name"]: run["status"] for run in listed(root)} == {"first": "finished", "dying": "running"}
    kernel(f"%cd -q {root}")
    assert "not recorded" not in kernel("%%track again\n1").text
    assert {run["name"]: run["status"] for run in listed(root)} == dict.fromkeys(
        ["first", "dying", "again"], "finished"
    )
    found = Project.open(root).ledger
    late = found.get(found.page("name = dying").runs[0].id)
    assert late.metrics == {"loss": 2.0}
    assert [problem.split(":")[0] for problem in late.problems] == [
        "an output could not be recorded",
        "2 steps of metrics could not be written to the disk",
        "the ledger did not take its end at once",
    ]  # fmt: skip


def test_a_run_says_what_it_lacks_where_the_disk_of_the_store_fails(disk, tmp_path, start, jmlx):
    root = tmp_path / "project"
    assert jmlx("init", str(root), "--store", str(disk / "store")).returncode == 0
    kernel = start(root)
    kernel("%load_ext jupyter_mlx")
    dying = cell_while_it_fails(kernel, disk, tmp_path / "failed")
    assert shown(dying) == ["42"]
    # it depends on the moment whether a lease or the store itself is what fails first
    assert re.search(f"b could not be recorded: {disk / 'store'}(/gate)?: {FAILED}", dying.text)
    assert shown(kernel("%%track later\n7 * 7")) == ["49"]
    kernel("from jupyter_mlx.afterwards import afterwards\nafterwards().flush()")
    found = Project.open(root).ledger
    runs = {run.name: run for run in found.page().runs}
    assert {name: run.status for name, run in runs.items()} == {"dying": "finished", "later": "finished"}
    assert lacking(found, runs) == {
        "dying": ["b could not be recorded", "an output could not be recorded", "it has no record"],
        "later": ["it has no record"],
    }
    kernel.stop()
    come_back(disk)
    subprocess.run(
        [sys.executable, "-c", "import jupyter_mlx as jm\nwith jm.run('next'):\n    pass"],
        cwd=root,
        check=True,
    )
    assert found.records().keys() >= {run.id for run in runs.values()}
    assert lacking(found, runs) == {
        "dying": ["b could not be recorded", "an output could not be recorded"],
        "later": [],
    }
