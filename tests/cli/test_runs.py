"""`jmlx runs …` and `snapshot` as people and programs use them."""

import csv
import io
import json
import math
import os

import pytest

FIELDS = {
    "id",
    "name",
    "kind",
    "status",
    "started_at",
    "duration_s",
    "params",
    "metrics",
    "tags",
    "notebook",
    "parent",
}


@pytest.fixture
def three(project):
    """Three runs; their ids, oldest first."""
    ids = []
    for at in range(3):
        run = project.recorder.open(kind="block", name=f"r{at}", params={"lr": at / 10}, source=f"x = {at}")
        run.log({"acc": 0.5 + at / 10}, step=0)
        run.finish("failed" if at == 1 else "finished")
        ids.append(run.id)
    project.recorder.flush()
    return ids


def document(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_list_has_the_fixed_fields_newest_first(jmlx, three):
    found = document(jmlx("runs", "list", "--json"))
    assert [run["id"] for run in found] == three[::-1]
    assert all(run.keys() == FIELDS for run in found)
    assert found[0]["started_at"].endswith("Z") or "+00:00" in found[0]["started_at"]


def test_list_selects_and_sorts(jmlx, three):
    assert [run["name"] for run in document(jmlx("runs", "list", "acc >= 0.6", "--sort=acc", "--json"))] == [
        "r1",
        "r2",
    ]
    assert [run["name"] for run in document(jmlx("runs", "list", "-n", "1", "--json"))] == ["r2"]
    assert len(document(jmlx("runs", "list", "-n", "0", "--json"))) == 3
    told = jmlx("runs", "list", "acc >")
    assert (told.returncode, told.stderr.count("\n")) == (1, 1)


def test_list_for_people_shows_sign_name_and_metrics(jmlx, three):
    text = jmlx("runs", "list").stdout
    assert "✗" in text
    assert "acc=0.7" in text
    assert three[2][:8] in text


def test_show_adds_what_belongs_to_one_run(jmlx, three):
    found = document(jmlx("runs", "show", three[2][:6], "--json"))
    assert found.keys() >= FIELDS | {
        "source",
        "slice",
        "inputs",
        "outputs",
        "cell_outputs",
        "environment",
        "git",
    }
    assert found["source"] == "x = 2"
    assert "x = 2" in jmlx("runs", "show", "last").stdout


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_json_is_json_whatever_the_metrics_are(jmlx, project, value):
    run = project.recorder.open(kind="block", name="odd")
    run.log({"m": value})
    run.finish()
    project.recorder.flush()
    document(jmlx("runs", "list", "--json"))
    document(jmlx("runs", "show", "last", "--json"))


def test_compare_shows_code_params_and_metrics(jmlx, three):
    found = document(jmlx("runs", "compare", three[0], three[2], "--json"))
    assert "-x = 0" in found["code"]
    assert [(change["name"], change["a"], change["b"]) for change in found["params"]] == [("lr", 0.0, 0.2)]
    assert [change["kind"] for change in found["ranked"]][:2] == ["code", "param"]
    assert [change["name"] for change in found["metrics"]] == ["acc"]
    assert "do not differ" in jmlx("runs", "compare", three[0], three[0]).stdout


def test_tags_notes_trash_and_undo(jmlx, three):
    assert document(jmlx("runs", "tag", "last", "best", "x", "--json"))["tags"] == ["best", "x"]
    assert document(jmlx("runs", "tag", "last", "x", "--remove", "--json"))["tags"] == ["best"]
    assert jmlx("runs", "note", "last", "look again").returncode == 0
    assert len(document(jmlx("runs", "list", 'tag = best and note = "look again"', "--json"))) == 1
    assert document(jmlx("runs", "rm", three[0], "--json")) == [three[0]]
    assert len(document(jmlx("runs", "list", "--json"))) == 2
    assert jmlx("runs", "rm", "--undo", three[0]).returncode == 0
    assert len(document(jmlx("runs", "list", "--json"))) == 3


def test_an_unknown_run_is_told(jmlx, three):
    for words in (
        ("show", "zz"),
        ("compare", "zz", "last"),
        ("tag", "zz", "a"),
        ("rm", "zz"),
        ("restore", "zz"),
    ):
        done = jmlx("runs", *words)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "no run 'zz'" in done.stderr


def test_why_names_the_run_that_made_a_file(jmlx, project):
    (project.root / "in.csv").write_text("a\n")
    run = project.recorder.open(kind="block", name="maker", params={"k": 3})
    (project.root / "out.csv").write_text("b\n")
    run.add_input(project.workspace.save("in.csv"))
    run.add_output(project.workspace.save("out.csv"))
    run.finish()
    project.recorder.flush()
    text = jmlx("runs", "why", "out.csv").stdout
    assert "maker" in text
    assert "in.csv" in text
    assert "k = 3" in text
    (project.root / "out.csv").write_text("changed\n")
    assert "as it is now" in jmlx("runs", "why", "out.csv").stdout


def test_export_writes_every_run(jmlx, three, tmp_path):
    lines = [json.loads(line) for line in jmlx("runs", "export").stdout.splitlines()]
    assert [line["id"] for line in lines] == three[::-1]
    rows = list(csv.DictReader(io.StringIO(jmlx("runs", "export", "acc > 0.55", "--format", "csv").stdout)))
    assert [row["params.lr"] for row in rows] == ["0.2", "0.1"]
    target = tmp_path / "runs.jsonl"
    assert document(jmlx("runs", "export", "-o", str(target), "--json"))["runs"] == 3
    assert len(target.read_text().splitlines()) == 3


def test_a_snapshot_comes_back_beside(jmlx, project):
    (project.root / "n.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    (project.root / "d.csv").write_text("one\n")
    assert jmlx("add", "d.csv").returncode == 0
    made = document(jmlx("snapshot", "n.ipynb", "-m", "before", "--json"))
    (project.root / "d.csv").write_text("two\n")
    assert jmlx("runs", "restore", made[0]["id"], "--to", "back").returncode == 0
    assert (project.root / "back" / "d.csv").read_text() == "one\n"
    assert (project.root / "back" / "n.ipynb").is_file()
    assert (project.root / "d.csv").read_text() == "two\n"
    assert jmlx("runs", "restore", made[0]["id"], "--to", "back").returncode == 1
    assert "no notebook" in jmlx("snapshot", "missing.ipynb").stderr


def test_the_trash_is_listed_brought_back_and_purged(jmlx, project, three):
    (project.root / "big.bin").write_bytes(b"x" * (2 << 20))
    run = project.recorder.open(kind="block", name="big")
    run.add_output(project.workspace.save("big.bin"))
    run.finish()
    project.recorder.flush()
    (project.root / "big.bin").unlink()
    assert jmlx("runs", "rm", three[0], run.id).returncode == 0
    assert {found["id"] for found in document(jmlx("runs", "list", "--trash", "--json"))} == {
        three[0],
        run.id,
    }
    assert document(jmlx("runs", "undelete", three[0], "--json")) == [three[0]]
    told = jmlx("runs", "purge", three[0])
    assert told.returncode == 1
    assert "not in the trash" in told.stderr
    assert document(jmlx("runs", "purge", "--older-than", "1h", "--json"))["runs"] == []
    assert document(jmlx("runs", "purge", "--dry-run", "--json"))["runs"] == [run.id]
    for path in (project.state / "store").rglob("*"):  # the store as it will be when the grace is over
        os.utime(path, (1, 1))
    done = document(jmlx("runs", "purge", "--json"))
    assert done["runs"] == [run.id]
    assert done["size_bytes"] > 2 << 20
    assert jmlx("runs", "show", run.id).returncode == 1
    assert jmlx("runs", "purge").stdout == "nothing of the trash is to be purged\n"


def test_stars_are_given_found_and_taken(jmlx, three):
    assert jmlx("runs", "star", three[0], "last").returncode == 0
    assert len(document(jmlx("runs", "list", "starred = true", "--json"))) == 2
    assert "no star" in jmlx("runs", "star", "last", "--remove").stdout
    assert [run["id"] for run in document(jmlx("runs", "list", "starred = yes", "--json"))] == [three[0]]


def test_a_cell_of_csv_is_no_formula_and_keeps_its_value(jmlx, project):
    run = project.recorder.open(
        kind="block", name="=HYPERLINK(1)", params={"@x": "+1", "t": "a,b\n'c'", "n": -1}
    )
    run.log({"-m": -2.5})
    run.finish()
    project.recorder.flush()
    (row,) = csv.DictReader(io.StringIO(jmlx("runs", "export", "--format", "csv").stdout))
    assert (row["name"], row["params.@x"]) == ("'=HYPERLINK(1)", "'+1")
    assert (row["params.n"], row["metrics.-m"], row["params.t"]) == ("-1", "-2.5", "a,b\n'c'")


def test_parquet_has_numbers_as_numbers_and_mixed_columns_as_text(jmlx, project, three, tmp_path):
    from pyarrow import parquet

    project.ledger.set_params(three[0], {"lr": "auto", "deep": {"a": [1]}})
    target = tmp_path / "runs.parquet"
    assert jmlx("runs", "export", "--format", "parquet", "-o", str(target)).returncode == 0
    table = parquet.read_table(target).to_pydict()
    assert table["id"] == three[::-1]
    assert table["metrics.acc"] == [0.7, 0.6, 0.5]
    assert table["params.lr"] == ["0.2", "0.1", "auto"]
    assert table["params.deep"] == [None, None, '{"a":[1]}']
    assert table["started_at"][0] > table["started_at"][1]
    assert jmlx("runs", "export", "--format", "parquet").returncode == 1


def test_a_full_export_has_all_of_a_run(jmlx, three, tmp_path):
    target = tmp_path / "all.jsonl"
    assert jmlx("runs", "export", "name = r0", "--full", "-o", str(target)).returncode == 0
    (line,) = [json.loads(line) for line in target.read_text().splitlines()]
    assert (line["source"], line["series"]["acc"][0][:2]) == ("x = 0", [0, 0.5])
    assert [path.name for path in tmp_path.glob("*all*")] == ["all.jsonl"]
    assert jmlx("runs", "export", "-o", str(tmp_path / "no" / "such")).returncode == 1
