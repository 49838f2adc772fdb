"""The data commands as people type them: what they print, how they exit, and that no traceback shows."""

import json
import os
import subprocess

import pytest

from jupyter_mlx.store import SMALL_BYTES


@pytest.fixture
def typed(project, jmlx):
    """`jmlx` typed in a project that is a git repository."""
    subprocess.run(["git", "init", "-q"], check=True)

    def run(*words, code=0):
        done = jmlx(*words)
        assert done.returncode == code, done
        assert "Traceback" not in done.stdout + done.stderr
        return json.loads(done.stdout) if "--json" in words else done.stdout + done.stderr

    run.root = project.root
    return run


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def test_data_is_added_changed_compared_and_brought_back(typed):
    write(typed.root, {"data/a": b"one", "data/b": b"b"})
    told = typed("add", "data", "--json")
    assert [(version["path"], version["kind"], version["files"]) for version in told] == [
        ("data", "folder", 2)
    ]
    assert told[0]["digest"].startswith("b3:")
    subprocess.run(["git", "add", "."], check=True)
    subprocess.run(["git", "commit", "-qm", "first"], check=True)
    write(typed.root, {"data/a": b"three"})
    assert "M data/a  3 B -> 5 B" in typed("diff")
    assert typed("diff", "HEAD", "--json")[0]["modified"][0]["path"] == "a"
    assert "--force" in typed("checkout", code=1)
    assert "data: 1 file written" in typed("checkout", "--force")
    assert (typed.root / "data/a").read_bytes() == b"one"
    write(typed.root, {"data/a": b"three"})
    typed("add", "data")
    assert typed("log", "data", "--json")[0]["subject"] == "first"
    typed("checkout", "--rev", "HEAD")
    assert (typed.root / "data/a").read_bytes() == b"one"
    assert typed("status", "--json", code=3)["data"] == [{"path": "data", "state": "modified"}]


def test_data_is_pushed_and_pulled(typed, tmp_path):
    write(typed.root, {"data/a": b"a", "data/large": os.urandom(SMALL_BYTES)})
    typed("add", "data")
    assert "no remote" in typed("push", code=1)
    typed("remote", "add", "origin", str(tmp_path / "remote"))
    assert typed("remote", "list", "--json") == [{"name": "origin", "url": str(tmp_path / "remote")}]
    sent = typed("push", "--json")
    assert sent["objects"] == 3
    assert set(sent) == {"objects", "bytes_sent", "seconds"}
    assert "everything already" in typed("push")
    subprocess.run(["rm", "-r", ".mlx/store", "data"], check=True)
    assert "jmlx pull" in typed("checkout", code=1)
    assert typed("fetch", "--json")["objects"] == 3
    assert not (typed.root / "data").exists()
    received = typed("pull", "--json")
    assert set(received) == {"objects", "bytes_received", "seconds"}
    assert (typed.root / "data/a").read_bytes() == b"a"
    typed("remote", "remove", "origin")
    assert typed("remote", "list", "--json") == []


def test_verify_exits_3_and_names_what_is_damaged(typed):
    write(typed.root, {"data": os.urandom(SMALL_BYTES)})
    typed("add", "data")
    assert typed("verify", "--json") == {"checked": 1, "corrupt": [], "missing": []}
    path = next((typed.root / ".mlx/store/objects").glob("*/*"))
    path.chmod(0o644)
    path.write_bytes(b"!" * SMALL_BYTES)
    told = typed("verify", "--json", code=3)
    assert [fault["paths"] for fault in told["corrupt"]] == [["data"]]
    assert "damaged" in typed("verify", "data", code=3)
    typed("add", "data")
    assert "all whole" in typed("verify")


def test_linked_files_are_unprotected_and_data_is_removed(typed):
    write(typed.root, {"large": os.urandom(SMALL_BYTES)})
    typed("add", "large")
    typed("checkout", "--link", "hardlink")
    assert (typed.root / "large").stat().st_nlink == 2
    assert "1 file made writable" in typed("unprotect", "large")
    assert (typed.root / "large").stat().st_nlink == 1
    assert "1 large ones" in typed("du")
    assert "no longer tracked" in typed("remove", "large")
    assert not (typed.root / "large.mlx").exists()
    assert (typed.root / "large").exists()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["add", "nope"], 1, "nope does not exist"),
        (["add", "/etc/passwd"], 1, "outside the project"),
        (["add", ".mlx"], 1, "not for data"),
        (["add"], 2, "name the paths"),
        (["checkout", "nope"], 1, "nope is not tracked"),
        (["checkout", "--rev", "nope"], 1, "no git revision 'nope'"),
        (["checkout", "--link", "magic"], 2, "magic"),
        (["diff", "--", "-x"], 1, "no git revision '-x'"),
        (["diff", "a", "b", "c"], 2, "at most two"),
        (["log", "nope"], 1, "not tracked"),
        (["remove", "nope"], 1, "not tracked"),
        (["remote", "add", "s", "s3://me:pw@bucket"], 1, "holds a password or a key"),
        (["remote", "add", "s", "s3://bucket", "-o", "secret=x"], 1, "holds a password or a key"),
        (["remote", "add", "s", "ssh://host/x", "-o", "region=x"], 1, "takes no 'region'"),
        (["pull"], 1, "no remote"),
    ],
)
def test_what_can_not_be_done_is_told_in_one_line(typed, words, code, message):
    told = typed(*words, code=code)
    assert message in told
    if code == 1:
        assert told.count("\n") == 1
        assert told.startswith("jmlx: ")


def test_a_malformed_pointer_is_told_by_file_line_and_key(typed):
    write(typed.root, {"data": b"data"})
    typed("add", "data")
    pointer = typed.root / "data.mlx"
    pointer.write_text(pointer.read_text().replace("kind: file", "kind: fiel"))
    assert "data.mlx:2: kind: 'fiel' is neither file nor folder" in typed("checkout", code=1)
    assert json.loads(json.dumps(typed("status", "--json", code=1)))["error"]["code"] == "config"


def test_a_name_that_is_no_utf8_is_printed_without_a_traceback(typed):
    (typed.root / "caf\udce9").write_bytes(b"latin")
    assert "caf" in typed("add", "caf\udce9")
    assert "unchanged" in typed("status")
