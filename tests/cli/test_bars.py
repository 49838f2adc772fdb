"""The progress bar: on a terminal alone, and what it says."""

import os
import pty
import subprocess
import sys

from jupyter_mlx.cli.bars import Bar


def test_the_bar_says_how_much_how_fast_and_how_long(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with Bar("adding") as bar:
        bar.total(4000, 8_000_000)
        bar._drawn_at = 0.0  # not throttled: the last word counts
        bar.advance(1000, 2_000_000)
        bar._bars.refresh()
    said = capfd.readouterr().err
    for part in ("adding", "1,000/4,000 files", "2.0/8.0 MB", "left"):
        assert part in said


def test_a_second_piece_of_work_is_added_to_the_first():
    bar = Bar("adding")
    bar.total(0, 0)
    bar.total(2, 100)
    bar.advance(2, 90)  # one file was shorter by then
    bar.total(0, 0)
    bar.total(5, 1000)
    bar.total(6, 1200)
    assert (bar._counting.count.of_files, bar._counting.count.of_bytes) == (8, 1290)


def test_an_add_draws_on_a_terminal_and_is_silent_elsewhere(project, jmlx):
    (project.root / "data").mkdir()
    (project.root / "data/large").write_bytes(b"x" * (64 << 20))
    assert "large" not in jmlx("add", "data").stderr
    (project.root / "data.mlx").unlink()
    ours, theirs = pty.openpty()
    words = [sys.executable, "-m", "jupyter_mlx.cli.main", "add", "data"]
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "COLUMNS": "200"}
    )
    os.close(theirs)
    said = b""
    try:
        while block := os.read(ours, 1 << 16):
            said += block
    except OSError:  # how a terminal says that it was closed
        pass
    assert process.wait() == 0
    assert b"adding" in said
    assert b"1/1 files" in said
    assert b"data  " in process.stdout.read()
    os.close(ours)
