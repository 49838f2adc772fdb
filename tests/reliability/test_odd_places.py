"""Projects in folders with odd names, and a clock that goes back: everything works, by the real command and real git."""

import os
import subprocess

import pytest

NAMES = {
    "spaces and quotes": b'it\'s "my" $HOME `x` %s project',
    "newline and emoji": "two\nlines 🧪 données".encode(),
    "not UTF-8": b"latin-\xe9",
    "a dash and brackets": b"-C[a-z]*?!#",
    "255 bytes": b"x" * 255,
}


def git(root, *words):
    done = subprocess.run(["git", "-C", root, *words], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES.keys())
def test_a_project_in_an_oddly_named_folder_works(tmp_path, jmlx, name):
    root = os.fsencode(tmp_path) + b"/" + name
    os.mkdir(root)
    git(root, "init", "-q")

    def run(*words, code=0):
        done = jmlx(*words, cwd=root)
        assert done.returncode == code, done
        return done.stdout

    run("init", ".")
    odd = root + b"/data/" + name
    os.makedirs(odd)
    with open(odd + b"/file", "wb") as file:
        file.write(b"one")
    with open(root + b"/single " + name[:200], "wb") as file:
        file.write(b"alone")
    run("add", "data", b"single " + name[:200])
    git(root, "add", "-A")
    git(root, "commit", "-qm", "first")
    assert b"/file" not in git(root, "ls-files", "-z")
    with open(odd + b"/file", "wb") as file:
        file.write(b"two")
    run("add", "data")
    assert "M data/" in run("diff", "HEAD")
    run("checkout", "--rev", "HEAD")
    with open(odd + b"/file", "rb") as file:
        assert file.read() == b"one"
    assert len(run("log", "data").strip().split("\n")) == 1
    run("remote", "add", "origin", "../remote of " + "it")
    run("push")
    subprocess.run(["rm", "-rf", b"data", b".mlx/store"], cwd=root, check=True)
    run("pull")
    with open(odd + b"/file", "rb") as file:
        assert file.read() == b"two", "as its pointer says"
    run("status")
    run("verify")


def test_a_clock_that_goes_back_hides_no_change(tmp_path, jmlx):
    """Files that lie in the future, and an edit that is older than the version: both are seen."""
    assert jmlx("init", str(tmp_path)).returncode == 0
    (tmp_path / "data").mkdir()
    for turn, when in enumerate((4_000_000_000, 1, 4_000_000_000)):
        (tmp_path / "data/file").write_text(f"turn {turn}")
        os.utime(tmp_path / "data/file", (when, when))
        changed = jmlx("status", cwd=tmp_path)
        assert turn == 0 or changed.returncode == 3
        assert jmlx("add", "data", cwd=tmp_path).returncode == 0
        assert jmlx("status", cwd=tmp_path).returncode == 0
