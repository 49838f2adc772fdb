"""The lineage of a run when something about it fails: told, and never at the cell's cost."""

import contextlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from waiting import PATIENCE_S, until

from jupyter_mlx.capture.lineage import children
from jupyter_mlx.capture.lineage.listening import Listening
from jupyter_mlx.capture.lineage.watch import Watch

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="listens to inotify, which Linux has")


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A folder to listen to, in which the test stands."""
    found = tmp_path / "project"
    (found / ".mlx").mkdir(parents=True)
    monkeypatch.chdir(found)
    return found


def listen(root, **how):
    return Listening(root, root / ".mlx", **how)


def watchers(root):
    """The processes that listen to a folder."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if any(word.endswith(b"watcher.py") for word in words) and os.fsencode(root) in words:
            found.append(int(folder.name))
    return found


def gone(pid):
    """Whether a process ends within some seconds."""

    def ended():
        with contextlib.suppress(OSError):
            return b"\0" not in Path(f"/proc/{pid}/cmdline").read_bytes()
        return True

    return until(ended, f"the end of {pid}")


def touch_natively(*words):
    subprocess.run(["touch", *words], check=True)


@linux
def test_events_that_were_lost_are_told_and_writes_are_found_by_looking(root):
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if limit > 100_000:
        pytest.skip(f"the queue is too long to fill ({limit})")
    listening = listen(root)
    (pid,) = watchers(root)
    os.kill(pid, signal.SIGSTOP)
    for number in range(limit // 2 + 100):
        os.close(os.open(f"f{number % 1000}", os.O_WRONLY | os.O_CREAT))
    subprocess.run("mkdir late; echo x >late/out.txt", shell=True, check=True)
    os.kill(pid, signal.SIGCONT)
    seen = listening.finish()
    assert "max_queued_events" in seen.incomplete[0]
    assert ("late/out.txt", "weak", "scan") in [(file.path, file.how, file.source) for file in seen.files]
    again = listen(root)
    touch_natively("late/more.txt")
    seen = again.finish()
    assert not seen.incomplete
    assert "late/more.txt" in [file.path for file in seen.files]


@linux
def test_a_watcher_that_was_killed_is_told_and_the_hook_goes_on(root):
    listening = listen(root)
    for pid in watchers(root):
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
    Path("mine.txt").write_text("x")
    touch_natively("other.txt")
    seen = listening.finish()
    assert "restart the kernel" in seen.incomplete[0]
    assert {(file.path, file.how) for file in seen.files} == {("mine.txt", "seen"), ("other.txt", "weak")}


@linux
def test_the_watcher_ends_with_the_process_that_was_killed(root):
    code = (
        "import sys, time; from pathlib import Path; from jupyter_mlx.capture.lineage.listening import Listening\n"
        "root = Path(sys.argv[1]); Listening(root, root / '.mlx'); print('ready', flush=True); time.sleep(60)"
    )
    kernel = subprocess.Popen([sys.executable, "-c", code, root], stdout=subprocess.PIPE)
    assert kernel.stdout.readline() == b"ready\n"
    (pid,) = watchers(root)
    kernel.kill()
    kernel.wait()
    kernel.stdout.close()
    assert gone(pid)


@linux
def test_a_forked_child_neither_ends_nor_keeps_the_watcher(root):
    listen(root).finish()
    child = os.fork()
    if not child:
        try:
            listening = listen(root)
            Path("child.txt").write_text("x")
            os._exit(0 if [file.path for file in listening.finish().files] == ["child.txt"] else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    listening = listen(root)
    touch_natively("after.txt")
    seen = listening.finish()
    assert not seen.incomplete
    assert "after.txt" in [file.path for file in seen.files]


@linux
def test_without_a_process_that_listens_the_rest_goes_on(root):
    """No file can be opened any more when the run begins: neither a socket nor a log is to be had."""
    code = (
        "import os, resource, subprocess, sys; from pathlib import Path\n"
        "from jupyter_mlx.capture.lineage.listening import Listening\n"
        "root = Path(sys.argv[1]); os.chdir(root); limits = resource.getrlimit(resource.RLIMIT_NOFILE)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))\n"
        "listening = Listening(root, root / '.mlx')\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, limits)\n"
        "open('mine.txt', 'w').write('x'); subprocess.run(['touch', 'other.txt'])\n"
        "seen = listening.finish(); print(len(seen.incomplete), seen.incomplete[0])\n"
        "print([(f.path, f.how) for f in seen.files])"
    )
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    problem, files = done.stdout.splitlines()
    assert problem.startswith("2 no process to listen")
    assert files == "[('mine.txt', 'seen'), ('other.txt', 'weak')]"


def test_a_state_folder_that_is_none_is_told(root):
    (root / ".mlx").rmdir()
    (root / ".mlx").write_text("")
    listening = listen(root)
    Path("mine.txt").write_text("x")
    seen = listening.finish()
    assert any("writable" in problem for problem in seen.incomplete)
    assert [file.path for file in seen.files] == ["mine.txt"]


def test_the_environment_is_as_it_was(root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/some/where")
    before = dict(os.environ)
    outer = listen(root)
    inner = listen(root)
    assert os.environ["PYTHONPATH"].endswith("/some/where")
    inner.finish()
    outer.finish()
    assert dict(os.environ) == before


def test_a_child_keeps_its_own_sitecustomize(root, tmp_path, monkeypatch):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text("import builtins; builtins.theirs = 1")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "site"))
    listening = listen(root)
    told = subprocess.run(
        [sys.executable, "-c", "import sys; print(theirs, sys.path[1]); open('out.txt', 'w')"],
        check=True,
        capture_output=True,
        text=True,
    )
    seen = listening.finish()
    assert told.stdout.split() == ["1", str(tmp_path / "site")]
    assert not told.stderr
    assert [(file.path, file.how) for file in seen.files] == [("out.txt", "seen")]


def test_what_a_child_of_an_earlier_run_does_is_nobodys(root):
    listening = listen(root)
    child = subprocess.Popen(
        [sys.executable, "-c", "input(); open('late.txt', 'w').write('x')"], stdin=subprocess.PIPE
    )
    listening.finish()
    listening = listen(root)
    child.communicate(b"\n")
    seen = listening.finish()
    assert [(file.path, file.how) for file in seen.files] == [("late.txt", "weak")]


def test_a_torn_log_is_read_as_far_as_it_is_whole(root):
    log = children.ChildLog(root / ".mlx" / "tmp")
    listening = listen(root)
    heard = log.listen(listening.places)
    with log.path.open("ab") as file:
        file.write(b"1 1 - /a\0nonsense\0x y z w\0" + b"1000000 2 1,2,3,4,5 /b\0" + b"9 2 1,2")
    found = heard.finish()
    listening.finish()
    log.close()
    assert [(touch.path, touch.mine) for touch in found] == [("/a", False), ("/b", True)]
    assert found[1].before == (1, 2, 3, 4, 5)


@linux
def test_folders_that_come_while_no_run_listens_are_watched(root):
    listen(root).finish()
    subprocess.run("mkdir -p new/deep", shell=True, check=True)
    listening = listen(root)
    touch_natively("new/deep/x.txt")
    assert [file.path for file in listening.finish().files] == ["new/deep/x.txt"]


@linux
def test_a_folder_that_was_moved_has_its_new_name(root):
    (root / "old" / "deep").mkdir(parents=True)
    listen(root).finish()
    subprocess.run(["mv", "old", "new"], check=True)
    listening = listen(root)
    touch_natively("new/deep/x.txt")
    assert [file.path for file in listening.finish().files] == ["new/deep/x.txt"]


@linux
def test_many_folders_are_watched_without_losing_count(root):
    for number in range(3000):
        (root / f"{number // 50}" / f"{number}").mkdir(parents=True)
    listen(root).finish()
    listening = listen(root)
    touch_natively("0/0/x.txt", "59/2999/x.txt")
    seen = listening.finish()
    assert not seen.incomplete
    assert sorted(file.path for file in seen.files) == ["0/0/x.txt", "59/2999/x.txt"]


def test_the_editors_saving_is_not_lineage(root):
    Path("book.ipynb").write_text("{}")
    listening = listen(root)
    touch_natively("book.ipynb", ".~book.ipynb", "code.py~")
    assert listening.finish().files == ()


def test_two_runs_at_once_hear_both(root):
    outer = listen(root)
    Path("a.txt").write_text("x")
    inner = listen(root)
    Path("b.txt").write_text("x")
    assert [file.path for file in inner.finish().files] == ["b.txt"]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        pool.map(len, ["x"])
    assert [file.path for file in outer.finish().files] == ["a.txt", "b.txt"]


@linux
def test_answers_that_arrive_together_are_told_apart(tmp_path):
    watch = Watch(str(tmp_path))
    (run,) = until(lambda: [run for run in [watch.begin()] if run is not None])

    def unread():
        return len(watch._link.recv(1 << 20, socket.MSG_PEEK))

    watch._link.settimeout(PATIENCE_S)
    first = unread()  # it listens; its answer is left where it is
    (tmp_path / "made").write_text("x")
    watch.ending(run)
    until(lambda: unread() > first)
    watch.begun(run)
    found = watch.end(run)
    watch.tell("theirs")
    watch.forget()
    assert found.problem == ""
    assert [os.path.basename(path) for path in found.files] == ["made"]
