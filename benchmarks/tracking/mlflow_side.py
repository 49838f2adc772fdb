"""MLflow's side, run by the Python of its own environment: SQLite, its default."""

from __future__ import annotations

import os
import random
import sqlite3
import statistics
import time
import uuid
from functools import partial
from pathlib import Path

import mlflow
import workloads as w

QUERY = "metrics.acc > 0.5 and params.opt = 'adam'"
"""MLflow compares params as texts alone: of ours, what it can."""


def one_run(number: int) -> None:
    """A run with its params and metrics."""
    with mlflow.start_run(run_name=f"r{number}"):
        mlflow.log_params(w.PARAMS)
        mlflow.log_metrics(w.METRICS)


def steps(count: int) -> float:
    """Seconds of so many steps of one metric."""
    with mlflow.start_run():
        return w.seconds(
            lambda: [mlflow.log_metric("loss", 1 / (step + 1), step=step) for step in range(count)]
        )


def fill(path: Path, count: int) -> None:
    """So many finished runs, straight into the tables: by its API it takes minutes."""
    draw, now = random.Random(1), int(time.time() * 1000)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA synchronous = OFF")
        for at in range(count):
            run, began = uuid.uuid4().hex, now - (count - at) * 1000
            db.execute(
                "INSERT INTO runs (run_uuid, name, source_type, user_id, status, start_time, end_time,"
                " lifecycle_stage, artifact_uri, experiment_id) VALUES (?, ?, 'LOCAL', 'u', 'FINISHED', ?, ?,"
                " 'active', ?, 0)",
                (run, draw.choice(w.NAMES), began, began + 1000, f"mlruns/0/{run}/artifacts"),
            )
            params, metrics = w.some_params(draw, at), w.some_metrics(draw)
            db.executemany("INSERT INTO params (key, value, run_uuid) VALUES (?, ?, ?)",
                           [(key, str(value), run) for key, value in params.items()])  # fmt: skip
            for table in ("metrics", "latest_metrics"):
                db.executemany(
                    f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan) VALUES (?, ?, ?, ?, 0, 0)",
                    [(key, value, began, run) for key, value in metrics.items()],
                )


def pages(folder: Path, count: int) -> dict[str, float]:
    """Milliseconds of a page of 100 runs: sorted by a metric, and filtered."""
    mlflow.set_tracking_uri(f"sqlite:///{folder}/runs.db")
    mlflow.search_runs(["0"], max_results=1)  # makes the tables
    fill(folder / "runs.db", count)
    client, found = mlflow.MlflowClient(), {}
    for name, query in (("sorted", ""), ("filtered", QUERY)):
        options = {"max_results": 100, "order_by": ["metrics.acc DESC"]}
        took = [w.seconds(partial(client.search_runs, ["0"], query, **options)) for _ in range(4)]
        found[f"page_{name}_{count}_ms"] = statistics.median(took[1:]) * 1000
    return found


def main(folder: Path, sizes: dict[str, int]) -> dict[str, float]:
    """All workloads in a folder."""
    os.chdir(folder)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    one_run(0)
    found = {"run_ms": w.median_ms(one_run, sizes["runs"])}
    before = w.disk_bytes(folder)
    w.median_ms(one_run, sizes["disk"])
    found["disk_bytes"] = (w.disk_bytes(folder) - before) / sizes["disk"]
    # a tenth of them: each costs the same
    found["steps_s"] = 10 * steps(sizes["steps"] // 10)
    return found | pages(folder, sizes["pages"])


if __name__ == "__main__":
    w.told(main)
