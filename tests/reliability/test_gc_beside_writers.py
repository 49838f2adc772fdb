"""RELIABILITY rows 17 to 20: a gc beside writers that stand still, readers, other gcs; killed at each step."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from stopping import ONE, TWO, fill, read, started

import jupyter_mlx.store.leases as leases
from jupyter_mlx import keeping
from jupyter_mlx.data.pointer import Pointer
from jupyter_mlx.digest import Digest
from jupyter_mlx.keeping import Scope
from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES, LocalStore
from jupyter_mlx.store.leases import BusyStoreError
from jupyter_mlx.testing.store import content


def gc(root, **scope):
    return keeping.collect(Project(root), grace_s=0, scope=Scope(**scope)).removed


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(leases, "_PATIENCE_S", 0.05)
    monkeypatch.setattr(leases, "_SLICE_S", 0.02)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("garbage", [False, True], ids=["new data", "data that was there as garbage"])
def test_a_writer_that_is_stopped_at_any_step_of_an_add_goes_on_and_all_is_there(tmp_path, garbage):
    project = Project.create(tmp_path)
    collected = busy = 0
    for step in range(0, 400, 3):
        fill(tmp_path / "data", TWO)
        if garbage:  # all that is to be stored is there, with its listings, and nothing needs it
            project.workspace.add(["data"])
            (tmp_path / "data.mlx").unlink()
            project.store.close()
            (tmp_path / ".mlx/scan.db").unlink(missing_ok=True)
        child = started(step, signal.SIGSTOP, lambda: Project(tmp_path).workspace.add(["data"]))
        status = os.waitpid(child, os.WUNTRACED)[1]
        stopped = os.WIFSTOPPED(status)
        if stopped:
            try:
                gc(tmp_path)
                collected += 1
            except BusyStoreError:
                busy += 1
            os.kill(child, signal.SIGCONT)
            status = os.waitpid(child, 0)[1]
        assert os.waitstatus_to_exitcode(status) == 0, f"stopped at step {step}"
        fresh = Project(tmp_path)
        (version,) = fresh.workspace.pointers()
        assert not fresh.store.missing(fresh.workspace.digests(version)), f"stopped at step {step}"
        assert fresh.workspace.verify(), f"stopped at step {step}"
        (tmp_path / "data.mlx").unlink()
        gc(tmp_path)
        assert list(Project(tmp_path).store.digests()) == []
        if not stopped:
            assert collected > busy
            return
    pytest.fail("the work never came to its end")


def test_a_gc_killed_at_any_step_leaves_all_that_is_needed_and_goes_through_when_run_again(tmp_path):
    for step in range(0, 400, 2):
        root = tmp_path / str(step)
        project = Project.create(root)
        fill(root / "data", ONE)
        project.workspace.add(["data"])
        fill(root / "data", TWO)
        version = project.workspace.add(["data"])[0]
        project.store.close()
        child = started(step, signal.SIGKILL, lambda root=root: gc(root, compact=True))
        killed = os.WIFSIGNALED(os.waitpid(child, 0)[1])
        if step % 4:
            for path in (root / ".mlx/store").glob("index.db*"):
                path.unlink()
        fresh = Project(root)
        needed = set(fresh.workspace.digests(version))
        assert not fresh.store.missing(needed), f"killed at step {step}"
        for digest in fresh.store.digests():  # whatever lists something still has what it lists
            data = fresh.store.get(digest)
            if data.startswith(keeping.Listings().heads):
                listed = [Digest(raw.hex()) for raw in keeping.Listings().names(data)]
                assert not fresh.store.missing(listed), f"killed at step {step}"
        gc(root)
        fresh = Project(root)
        assert not fresh.store.missing(needed), f"killed at step {step}"
        assert not fresh.store.has(Digest.of(b"one"))
        assert not fresh.store.has(Digest.of(ONE["large"]))
        subprocess.run(["rm", "-r", root / "data"], check=True)
        fresh.workspace.checkout()
        assert read(root / "data") == TWO
        subprocess.run(["rm", "-r", root], check=True)
        if not killed:
            assert step > 20
            return
    pytest.fail("the work never came to its end")


ADDS = """
import os, random, sys, time
from pathlib import Path
from jupyter_mlx.project import Project
root, number, until = Path(sys.argv[1]), sys.argv[2], time.time() + float(sys.argv[3])
project = Project(root)
path = root / f"data{number}"
path.mkdir()
while time.time() < until:
    for name in range(20):  # mostly the same as others write and drop
        (path / str(name)).write_bytes(b"%d" % random.randrange(30) * 200)
    (path / "large").write_bytes(bytes([random.randrange(4)]) * (1 << 20))
    version = project.workspace.add([path.name])[0]
    assert not project.store.missing(project.workspace.digests(version)), version
"""


def test_many_processes_add_while_gcs_run_without_end(tmp_path):
    Project.create(tmp_path)
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ADDS, tmp_path, str(number), "4"], stderr=subprocess.PIPE, text=True
        )
        for number in range(8)
    ]
    count = 0
    while any(process.poll() is None for process in processes):
        gc(tmp_path)
        count += 1
        time.sleep(random.random() * 0.02)
    told = [process.communicate()[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 8, told
    assert count > 10
    project = Project(tmp_path)
    for version in project.workspace.pointers():
        assert not project.store.missing(project.workspace.digests(version))
    assert project.workspace.verify()


READS = """
import shutil, sys, time
from pathlib import Path
from jupyter_mlx.project import Project
root, until = Path(sys.argv[1]), time.time() + float(sys.argv[2])
project = Project(root)
while time.time() < until:
    shutil.rmtree(root / "data")
    project.workspace.checkout(["data"])
    assert len(list((root / "data").iterdir())) == 300
"""


def test_checkouts_go_on_while_packs_are_rewritten_under_them(tmp_path):
    project = Project.create(tmp_path)
    fill(tmp_path / "data", {str(number): b"%d" % number * 100 for number in range(300)})
    project.workspace.add(["data"])
    reader = subprocess.Popen(
        [sys.executable, "-c", READS, tmp_path, "2.5"], stderr=subprocess.PIPE, text=True
    )
    removed = 0
    while reader.poll() is None:
        with project.store.batch() as batch:
            for _ in range(50):
                batch.put(os.urandom(300))
        project.store.close()
        removed += gc(tmp_path).small_objects
    assert reader.returncode == 0, reader.stderr.read()
    assert removed > 50


def test_two_gcs_at_once_both_leave_what_is_needed(tmp_path):
    project = Project.create(tmp_path)
    fill(tmp_path / "data", {str(number): b"%d" % number * 100 for number in range(2000)})
    project.workspace.add(["data"])
    with project.store.batch() as batch:
        for _ in range(3000):
            batch.put(os.urandom(300))
    project.store.close()
    command = [sys.executable, "-m", "jupyter_mlx.cli.main", "gc", "--grace", "0"]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        for _ in range(3)
    ]
    told = [process.communicate()[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    assert all(code == 0 or "another `jmlx gc`" in text for code, text in zip(codes, told, strict=True)), told
    assert Project(tmp_path).workspace.verify()


class Store(RuleBasedStateMachine):
    """Puts, references, drops, listings and gcs in any order: what is referred to is always there."""

    def __init__(self):
        super().__init__()
        self.folder = subprocess.run(
            ["mktemp", "-d"], capture_output=True, text=True, check=True
        ).stdout.strip()
        from pathlib import Path

        self.root = Project.create(Path(self.folder)).root
        self.references = {}
        self.held = contextlib.ExitStack()
        self.writer = Project(self.root)

    @rule(name=st.sampled_from("abc"), data=st.sampled_from([b"x", b"y" * 2000, content(SMALL_BYTES)]))
    def write(self, name, data):
        (self.root / name).write_bytes(data)
        self.references[name] = self.writer.workspace.add([name])[0]

    @rule(names=st.sets(st.sampled_from("pqr"), min_size=1), data=st.sampled_from([b"x", b"z", b"y" * 2000]))
    def write_folder(self, names, data):
        fill(self.root / "folder", {name: data + name.encode() for name in names})
        self.references["folder"] = self.writer.workspace.add(["folder"])[0]

    @rule(name=st.sampled_from(["a", "b", "c", "folder"]))
    def drop(self, name):
        if self.references.pop(name, None):
            (self.root / f"{name}.mlx").unlink()

    @rule()
    def hold(self):
        self.held.enter_context(self.writer.store.hold())

    @rule()
    def let_go(self):
        self.held.close()

    @rule(name=st.sampled_from(["a", "b", "c", "folder"]))
    def save_and_refer_later(self, name):
        if (self.root / name).exists():
            with self.writer.store.hold():
                version = self.writer.workspace.save(name)
                gc(self.root)
                Pointer.of(version).write(self.root / f"{name}.mlx", self.root / ".mlx/tmp")
            self.references[name] = version

    @rule(compact=st.booleans())
    def collect(self, compact):
        gc(self.root, compact=compact)

    @rule()
    def lose_the_index(self):
        self.writer.store.close()
        for name in os.listdir(self.root / ".mlx/store") if (self.root / ".mlx/store").exists() else ():
            if name.startswith("index.db"):
                (self.root / ".mlx/store" / name).unlink()
        self.writer = Project(self.root) if not self.held._exit_callbacks else self.writer

    @invariant()
    def what_is_referred_to_is_there(self):
        fresh = Project(self.root)
        for version in self.references.values():
            for digest in fresh.workspace.digests(version):
                fresh.store.check(digest)
        fresh.store.close()

    def teardown(self):
        self.held.close()
        self.writer.store.close()
        subprocess.run(["rm", "-r", self.folder], check=True)


TestStore = Store.TestCase
TestStore.settings = settings(
    max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_a_lease_file_that_is_nonsense_does_no_harm(tmp_path):
    store = LocalStore.open(tmp_path / "store", tmp_path / "tmp")
    digest = store.put(b"kept")
    (tmp_path / "store/leases").mkdir(exist_ok=True)
    (tmp_path / "store/leases/nonsense").write_bytes(b"x" * 45)
    with store.sweep() as sweep:
        sweep.live.add(digest.raw)
        sweep.find(keeping.Listings())
        sweep.remove(lambda objects, size: None)
    assert store.get(digest) == b"kept"
