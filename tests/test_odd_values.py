"""Values that break trackers, in params and metrics: through ledger, record, `--json`, REST, DataFrame and export."""

import csv
import datetime as dt
import io
import json
import math

import numpy as np
import pytest

import jupyter_mlx as jm
from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger import record
from jupyter_mlx.ledger.given import NotANumberError, NotAStepError
from jupyter_mlx.server import wire

LOOP = [1]
LOOP.append(LOOP)


class Tensor:
    """As a scalar tensor of torch shows itself: its size is a method."""

    def size(self):
        return ()

    def numel(self):
        return 1

    def item(self):
        return 0.25

    def tolist(self):
        return 0.25


PARAMS = {
    "nan": math.nan, "inf": -math.inf, "huge": 10**400, "numpy": np.float32(0.5), "bool": np.bool_(True),
    "int": np.int64(7), "array": np.arange(3), "tensor": Tensor(), "when": dt.datetime(2026, 1, 2),
    "nested": {"a": {"b": [1, {"c": None}]}, 3: "three"}, "loop": LOOP, "ünï ☃": "Ωmega", "": "no name",
    "surrogate": "a\ud800b", "nul": "a\0b", "long": "x" * 10_000_000, "object": object, "set": {1},
    "dtype": np.float32,
}  # fmt: skip
METRICS = {
    "nan": math.nan, "inf": math.inf, "-inf": -math.inf, "huge": 10**400, "numpy": np.float64(0.1),
    "tensor": Tensor(), "bool": True, "ünï ☃": 1, "": 2.5, "tiny": 5e-324,
}  # fmt: skip


def strictly(text):
    """JSON as browsers read it."""

    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def run(project):
    with jm.run("odd", start=1) as run:
        run.set_params(PARAMS)
        jm.log(METRICS)
        jm.log(METRICS, step=np.int64(5))
    return project.ledger.get(run.id)


def test_they_come_back_from_the_ledger_and_from_the_record(project, run):
    assert run.metrics.keys() == METRICS.keys()
    assert run.metrics | {"nan": 0} == {
        "nan": 0, "inf": math.inf, "-inf": -math.inf, "huge": math.inf, "numpy": 0.1, "tensor": 0.25, "bool": 1.0,
        "ünï ☃": 1.0, "": 2.5, "tiny": 5e-324,
    }  # fmt: skip
    assert run.params["nested"] == {"a": {"b": [1, {"c": None}]}, "3": "three"}
    assert (run.params["numpy"], run.params["int"], run.params["tensor"]) == (0.5, 7, 0.25)
    assert run.params["array"] == [0, 1, 2]
    assert run.params["when"] == "2026-01-02T00:00:00"
    assert run.params["ünï ☃"] == "Ωmega"
    assert len(run.params["long"]) == 10_000_000
    assert [step for step, _, _ in project.ledger.series(run.id)["nan"]] == [0, 5]
    project.recorder.flush()
    kept, series = record.decode(project.store.get(Digest.parse(project.ledger.records()[run.id])))
    assert kept.params == run.params
    assert math.isnan(kept.metrics["nan"])
    assert series["inf"][0][1] == math.inf


def test_rest_and_json_are_json_and_lists_are_short(project, run, jmlx):
    strictly(wire.encode(wire.run_detail(run, project.ledger.series(run.id), {})))
    row = wire.encode(wire.run_row(run))
    assert strictly(row)["metrics"]["nan"] == "NaN"
    assert len(row) < 50_000
    shown = strictly(jmlx("runs", "show", run.id, "--json").stdout)
    assert shown["metrics"]["-inf"] == "-Infinity"
    assert shown["series"]["nan"][0][1] == "NaN"
    assert len(strictly(jmlx("runs", "list", "--json").stdout)[0]["params"]["long"]) == 10_000_000
    assert len(jmlx("runs", "list").stdout) < 10_000


def test_frame_and_export_have_them(run, jmlx):
    frame = jm.runs("tiny > 0 and params.numpy = 0.5 and metrics.inf = inf and `` = 2.5")
    assert frame.loc[0, "metrics.huge"] == math.inf
    line = strictly(jmlx("runs", "export").stdout)
    assert line["params"]["nested"]["3"] == "three"
    csv.field_size_limit(20_000_000)
    (row,) = csv.DictReader(io.StringIO(jmlx("runs", "export", "--format", "csv").stdout))
    assert json.loads(row["params.nested"]) == run.params["nested"]
    assert row["metrics.nan"] == "nan"


def test_what_is_no_number_or_step_is_told(project):
    with jm.run("r") as run:
        for value in ("text", None, [1], np.arange(2), 1j):
            with pytest.raises(NotANumberError, match="acc"):
                run.log({"acc": value})
        for step in (1.5, "2", 2**63, math.nan):
            with pytest.raises(NotAStepError):
                run.log({"acc": 1}, step=step)
        run.log({"acc": 1}, step=3.0)
    assert [step for step, _, _ in project.ledger.series(run.id)["acc"]] == [3]
