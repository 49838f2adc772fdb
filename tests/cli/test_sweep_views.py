"""A sweep in the terminal: the best points first, while it runs and at the end."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from jupyter_mlx.cli import sweep_views
from jupyter_mlx.cli.face import Face
from jupyter_mlx.pipelines.events import StageStarted
from jupyter_mlx.pipelines.executors.base import CellStarted
from jupyter_mlx.pipelines.sweeps.result import Point
from jupyter_mlx.pipelines.sweeps.search import Goal

POINTS = (
    Point({"lr": 0.1}, "ran", "run-aaaaaaaa", {"n": 1, "acc": 0.8}, 1.0),
    Point({"lr": 0.2}, "failed", "run-bbbbbbbb", {}, 2.0, "a failed in cell 1"),
    Point({"lr": 0.3}, "pruned", "run-cccccccc", {"acc": 0.99}, 0.5),
    Point({"lr": 0.4}, "cached", "run-dddddddd", {"n": 2, "acc": 0.9}, 3.0),
)


def lines(renderable):
    console = Console(file=io.StringIO(), width=100)
    console.print(renderable)
    return [" ".join(line.split()) for line in console.file.getvalue().splitlines() if line.strip()]


def test_the_best_come_first_and_the_goal_is_the_first_metric():
    shown = lines(sweep_views.table(POINTS, Goal("maximize", "acc")))
    assert shown[:3] == [
        "lr acc n time run",
        "0.4 0.9 2 cached 3.0 s run-dddd",
        "0.1 0.8 1 ran 1.0 s run-aaaa",
    ]
    # what is not whole is no best, whatever it logged
    assert {line.split()[0] for line in shown[3:]} == {"0.2", "0.3"}
    assert lines(sweep_views.table(POINTS, Goal("minimize", "acc")))[1].startswith("0.1 0.8")


def test_the_live_table_has_so_many_rows_as_fit():
    assert len(lines(sweep_views.table(POINTS, Goal("maximize", "acc"), 2))) == 3
    assert [line.split()[0] for line in lines(sweep_views.table(POINTS, None, 2))[1:]] == ["0.3", "0.4"]


def test_a_terminal_sees_points_and_the_stages_under_way_and_a_file_a_line_a_point(monkeypatch, capsys):
    with sweep_views.following_points(Face(Path()), None) as (_, on_point):
        for point in POINTS[:2]:
            on_point(point)
    assert [line.split() for line in capsys.readouterr().err.splitlines()] == [
        ["ran", "lr=0.1", "1.0", "s", "n=1", "acc=0.8"],
        ["failed", "lr=0.2", "2.0", "s", "a", "failed", "in", "cell", "1"],
    ]
    terminal = io.StringIO()
    terminal.isatty = lambda: True
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    with sweep_views.following_points(Face(Path()), Goal("maximize", "acc")) as (listener, on_point):
        listener(StageStarted("train@lr=0.5", "", "r"))
        listener(CellStarted("train@lr=0.5", 2, 7))
        on_point(POINTS[0])
        listener(CellStarted("train@lr=0.5", 3, 7))
    assert "cell 3 of 7" in terminal.getvalue()
    assert "run-aaaa" in terminal.getvalue()
