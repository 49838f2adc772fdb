"""RELIABILITY rows 1, 2 and 13 to 16: killed at each step, and many at once; nothing promised is lost."""

import signal
import subprocess
import sys
import time

import pytest
from stopping import ONE, TWO, fill, killed_at, opened, read

from jupyter_mlx.digest import Digest
from jupyter_mlx.store import LocalStore


def test_an_add_killed_at_any_step_leaves_a_whole_store_and_goes_through_when_run_again(tmp_path):
    for step in range(400):
        root = tmp_path / str(step)
        (root / ".mlx").mkdir(parents=True)
        fill(root / "data", ONE)
        survived = not killed_at(step, lambda root=root: opened(root).add(["data"]))
        workspace = opened(root)
        for version in workspace.pointers():
            assert not workspace.store.missing(workspace.digests(version)), f"killed at step {step}"
        assert workspace.verify(), f"killed at step {step}"
        version = workspace.add(["data"])[0]
        assert read(root / "data") == ONE
        assert opened(root).status()[0].state == "unchanged"
        assert sorted(digest for _, digest, _ in opened(root).files(version)) == sorted(
            map(Digest.of, ONE.values())
        )
        if survived:
            assert step > 20
            return
    pytest.fail("the work never came to its end")


def test_a_checkout_killed_at_any_step_leaves_each_file_old_or_new_and_goes_through_when_run_again(tmp_path):
    (tmp_path / ".mlx").mkdir()
    fill(tmp_path / "data", ONE)
    opened(tmp_path).add(["data"])
    fill(tmp_path / "data", TWO)
    version = opened(tmp_path).add(["data"])[0]
    allowed = set(ONE.values()) | set(TWO.values())
    for step in range(400):
        fill(tmp_path / "data", ONE)
        survived = not killed_at(step, lambda: opened(tmp_path).restore(version))
        assert set(read(tmp_path / "data").values()) <= allowed, f"killed at step {step}"
        opened(tmp_path).restore(version)
        assert read(tmp_path / "data") == TWO
        assert opened(tmp_path).status()[0].state == "unchanged"
        if survived:
            assert step > 20
            return
    pytest.fail("the work never came to its end")


def test_a_push_killed_at_any_step_leaves_a_whole_remote_and_goes_through_when_run_again(tmp_path):
    (tmp_path / ".mlx").mkdir()
    fill(tmp_path / "data", ONE)
    version = opened(tmp_path).add(["data"])[0]
    for step in range(400):
        remote = LocalStore.open(tmp_path / f"r{step}", tmp_path / f"r{step}" / "tmp")
        survived = not killed_at(step, lambda remote=remote: opened(tmp_path).push(remote))
        remote = LocalStore.open(tmp_path / f"r{step}", tmp_path / f"r{step}" / "tmp")
        if remote.has(version.digest):
            assert not remote.missing(opened(tmp_path).digests(version)), f"killed at step {step}"
        opened(tmp_path).push(remote)
        for digest in opened(tmp_path).digests(version):
            remote.check(digest)
        if survived:
            return
    pytest.fail("the work never came to its end")


PUTS = """
import sys
from pathlib import Path
from jupyter_mlx.store import LocalStore
store = LocalStore.open(Path(sys.argv[1]) / "store", Path(sys.argv[1]) / "tmp")
for number in range(10**9):
    print(store.put(b"%d " % number * 100 + sys.argv[2].encode()), flush=True)
"""


def test_what_was_promised_outlives_the_process_wherever_it_is_killed(tmp_path):
    promised = []
    for delay in (0.2, 0.35, 0.5):
        process = subprocess.Popen(
            [sys.executable, "-c", PUTS, tmp_path, str(delay)], stdout=subprocess.PIPE, text=True
        )
        first = process.stdout.readline()
        time.sleep(delay)
        process.kill()
        promised += [first, *process.stdout.read().split("\n")[:-1]]
        process.wait()
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    digests = [Digest.parse(line.strip()) for line in promised]
    assert len(digests) > 30
    for digest in digests:
        store.check(digest)
    assert len(list((tmp_path / "store/packs").iterdir())) <= 4, "the packs of the dead are written on"


def test_many_processes_put_the_same_objects_and_all_succeed(tmp_path):
    program = PUTS.replace("10**9", "300").replace(" + sys.argv[2].encode()", "")
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, tmp_path, ""],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    told = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0] * 5, told[0][1]
    assert len({out for out, _ in told}) == 1
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    assert len(list(store.digests())) == 300
    for digest in store.digests():
        store.check(digest)


def test_a_writer_that_stands_still_holds_up_nobody(tmp_path):
    first = subprocess.Popen(
        [
            sys.executable,
            "-c",
            (
                "import sys, time; from pathlib import Path; from jupyter_mlx.store import LocalStore\n"
                "store = LocalStore.open(Path(sys.argv[1]) / 'store', Path(sys.argv[1]) / 'tmp')\n"
                "with store.batch() as batch:\n"
                "    for n in range(300): batch.put(b'%d' % n)\n"
                "    print('written', flush=True); time.sleep(60)"
            ),
            tmp_path,
        ],
        stdout=subprocess.PIPE,
    )
    first.stdout.readline()
    first.send_signal(signal.SIGSTOP)
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    digests = [store.put(b"%d" % number) for number in (0, 1, 1000)]
    first.kill()
    first.wait()
    again = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    assert not again.missing(digests)
    assert not again.missing([Digest.of(b"255")]), "what the dead one wrote is found too"


def test_two_processes_add_the_same_folder_at_once(tmp_path, jmlx):
    assert jmlx("init", str(tmp_path)).returncode == 0
    fill(tmp_path / "data", {f"{number}": b"%d" % number * 50 for number in range(3000)})
    command = [sys.executable, "-m", "jupyter_mlx.cli.main", "add", "data"]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [process.communicate() for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], told
    assert opened(tmp_path).verify()
    assert opened(tmp_path).status()[0].state == "unchanged"
