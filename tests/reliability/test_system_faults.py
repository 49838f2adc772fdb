"""RELIABILITY rows 6 to 8: a system call of `jmlx add` fails, or does less than asked; told or overcome, never hidden."""

import re
import resource
import shutil
import subprocess
import sys

import pytest
from power_cut import calls, traced
from stopping import opened

from jupyter_mlx.store import SMALL_BYTES
from jupyter_mlx.testing.store import content

ADD = [sys.executable, "-m", "jupyter_mlx.cli.main", "add", "data"]
CACHES = re.compile(r"/(index|scan)\.db|\.mlx(/store)?$")
"""What may fail without harm: SQLite caches that are made again, and SQLite's syncs of the folders they are in."""
SAID = {
    "EIO": "Input/output error",
    "ENOSPC": "No space left on device",
    "EDQUOT": "Disk quota exceeded",
    "EROFS": "Read-only file system",
    "EACCES": "Permission denied",
    "EMFILE": "Too many open files",
}


@pytest.fixture
def root(tmp_path, jmlx):
    """A project whose data changed since it was added."""
    tried = shutil.which("strace") and subprocess.run(
        ["strace", "-qq", "true"], check=False, capture_output=True
    )
    if not tried or tried.returncode:
        pytest.skip("system calls can't be made to fail here (it takes strace)")
    root = tmp_path / "project"
    assert jmlx("init", str(root)).returncode == 0
    fill(root, 0)
    assert jmlx("add", "data", cwd=root).returncode == 0
    return root


def fill(root, turn):
    (root / "data").mkdir(exist_ok=True)
    (root / "data/small").write_bytes(b"small %d" % turn)
    (root / "data/large").write_bytes(content(SMALL_BYTES + turn))


def on_what(name, arguments):
    """The path below the project that a call is about; empty where it is about another."""
    texts = re.findall(r"(?:\\x[0-9a-f]{2})+", arguments if name != "write" else arguments.partition(",")[0])
    paths = [bytes.fromhex(text.replace("\\x", "")).decode() for text in texts]
    return next((path for path in reversed(paths) if "/project/" in path), "")


def places(root, log, name):
    """What each call of this name is about, in their order."""
    done = calls(traced(ADD, root, log), failed=True)
    return [on_what(called, told) for called, told, _ in done if called == name]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ("write", "EIO"),
        ("write", "EDQUOT"),
        ("fsync", "EIO"),
        ("fdatasync", "EIO"),
        ("rename", "EROFS"),
        ("rename", "EACCES"),
        ("mkdir", "ENOSPC"),
    ],
)
def test_a_call_that_fails_is_told_and_nothing_is_half_done(root, tmp_path, call, error):
    fill(root, 1)
    told = places(root, tmp_path / "log", call)
    tried = 0
    for number, path in enumerate(told, 1):
        if "/project/" not in path or CACHES.search(path):
            continue
        tried += 1
        fill(root, 10 * tried + number)
        before = opened(root).pointers()
        inject = ["-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={number}"]
        command = ["strace", "-f", "-y", "-qq", "-xx", "-s", "64", "-o", tmp_path / "log", *inject, *ADD]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
        injected = [line for line in (tmp_path / "log").read_text().split("\n") if "INJECTED" in line]
        assert injected, f"call {number} was not met"
        where = f"{call} {number} of {path}"
        met = on_what(call, injected[0].partition("(")[2])
        if CACHES.search(met):
            continue  # a call more or less to a cache than in the trace
        if (call, error) == ("write", "EIO") and "/leases/" in met:
            # a lease that a disk fails goes on in another file
            assert done.returncode == 0, done.stderr
            continue
        assert done.returncode == 1, f"{where}: {done.stdout}{injected}"
        assert done.stderr.count("\n") == 1, where
        assert SAID[error] in done.stderr, where
        assert opened(root).pointers() == before, where
        assert opened(root).verify(), where
        assert not list((root / ".mlx/tmp").iterdir()), where
    assert tried
    assert subprocess.run(ADD, cwd=root, check=False, capture_output=True).returncode == 0
    assert opened(root).verify()
    assert [found.state for found in opened(root).status()] == ["unchanged"]


def test_a_call_that_is_interrupted_is_made_again(root, tmp_path):
    fill(root, 1)
    interrupt = ["-e", "trace=write", "-e", "inject=write:error=EINTR:when=1+3"]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-o", tmp_path / "log", *interrupt, *ADD],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "INJECTED" in (tmp_path / "log").read_text()
    assert opened(root).verify()
    assert [found.state for found in opened(root).status()] == ["unchanged"]


SHORT = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
ssize_t write(int fd, const void *data, size_t count) {
    ssize_t (*real)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
    return real(fd, data, count > 1000 ? 1000 : count);
}
ssize_t read(int fd, void *data, size_t count) {
    ssize_t (*real)(int, void *, size_t) = dlsym(RTLD_NEXT, "read");
    return real(fd, data, count > 1000 ? 1000 : count);
}
"""


def test_reads_and_writes_that_do_less_than_asked_go_on(root, tmp_path, jmlx):
    if not shutil.which("gcc"):
        pytest.skip("a library that shortens reads and writes can't be made here (it takes gcc)")
    (tmp_path / "short.c").write_text(SHORT)
    library = tmp_path / "short.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "short.c", "-ldl"], check=True)
    fill(root, 1)
    assert jmlx("add", "data", cwd=root, env={"LD_PRELOAD": str(library)}).returncode == 0
    assert opened(root).verify()
    assert [found.state for found in opened(root).status()] == ["unchanged"]
    shutil.rmtree(root / "data")
    assert jmlx("checkout", cwd=root, env={"LD_PRELOAD": str(library)}).returncode == 0
    assert (root / "data/large").read_bytes() == content(SMALL_BYTES + 1)
    assert (root / "data/small").read_bytes() == b"small 1"


def test_a_limit_of_open_files_is_enough_or_told(root, tmp_path):
    fill(root, 1)
    codes = set()
    for limit in (8, 12, 16, 24, 64):
        done = subprocess.run(
            ADD,
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=lambda limit=limit: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
        )
        codes.add(done.returncode)
        assert opened(root).verify()
        if done.returncode:
            assert re.search("Too many open files|unable to open database file", done.stderr), (
                limit,
                done.stderr,
            )
    assert 0 in codes, "64 open files are plenty"


def test_a_file_larger_than_the_limit_for_files_is_told(root):
    (root / "data/huge").write_bytes(content(5 << 20))
    before = opened(root).pointers()
    done = subprocess.run(
        ADD,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, 3 << 20)),
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert done.stderr.count("\n") == 1
    assert opened(root).pointers() == before
    assert opened(root).verify()
    assert not list((root / ".mlx/tmp").iterdir())
