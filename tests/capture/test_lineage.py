import os
import shutil
import sqlite3
import tempfile
import threading
from pathlib import Path

import pytest

from jupyter_mlx.capture.lineage import audit
from jupyter_mlx.capture.lineage.listening import Listening


@pytest.fixture
def listen(tmp_path, monkeypatch):
    """Do something while listening; all that was seen."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".mlx").mkdir()

    def during(action, **how):
        listening = Listening(tmp_path, tmp_path / ".mlx", **how)
        try:
            action()
        finally:
            found = listening.finish()
        return found

    return during


@pytest.fixture
def seen(listen):
    """Do something while listening; what was (read, written) by the run's own code."""

    def during(action):
        found = listen(action)
        return tuple(
            [file.path for file in found.role(role) if file.how == "seen"] for role in ("input", "output")
        )

    return during


def write(path, text="x"):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text)


def test_reading_and_writing_are_told_apart(seen):
    write("in.csv")
    assert seen(lambda: write("out/a.csv", Path("in.csv").read_text())) == (["in.csv"], ["out/a.csv"])


def test_a_file_that_was_written_first_is_no_input(seen):
    def write_then_read():
        write("a")
        Path("a").read_text()

    assert seen(write_then_read) == ([], ["a"])


def test_a_nameless_file_in_a_folder_says_nothing_of_the_folder(seen):
    write("data/a")

    def make_one():
        with tempfile.TemporaryFile(dir="data"):
            pass

    assert seen(make_one) == ([], [])


@pytest.mark.parametrize(
    "path",
    [".git/x", ".mlx/x", "a/.ipynb_checkpoints/x", "__pycache__/x.pyc", "data.mlx", "mlx.lock", ".env"],
)
def test_what_is_no_data_is_left_out(seen, path):
    assert seen(lambda: write(path)) == ([], [])


def test_files_outside_and_files_that_are_gone_are_left_out(seen, tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside") / "x"

    def action():
        write(outside)
        write("gone")
        Path("gone").unlink()

    assert seen(action) == ([], [])


def test_a_relative_path_counts_from_where_the_process_stood(seen, tmp_path):
    def action():
        (tmp_path / "sub").mkdir()
        os.chdir("sub")
        write("a")
        os.chdir("..")

    assert seen(action) == ([], ["sub/a"])


def test_renames_copies_databases_and_threads_are_seen(seen):
    def action():
        write("part")
        Path("part").rename("whole")
        shutil.copyfile("whole", "copy")
        sqlite3.connect("some.db").execute("CREATE TABLE t (x)").connection.close()
        thread = threading.Thread(target=write, args=("threaded",))
        thread.start()
        thread.join()

    assert seen(action) == ([], ["whole", "copy", "some.db", "threaded"])


def test_our_own_files_are_not_the_cells(seen):
    def action():
        with audit.quiet():
            write("ours")
        write("theirs")

    assert seen(action) == ([], ["theirs"])


def test_our_own_modules_are_no_inputs_wherever_they_are_installed(seen):
    source = Path(audit.__file__)
    assert seen(source.read_text) == ([], [])
