"""What a run's files say of how they were seen: in the ledger, in records, and in those of earlier versions."""

import sqlite3
from dataclasses import replace
from datetime import datetime, timezone
from importlib.resources import files

import msgspec

from jupyter_mlx.ledger import record
from jupyter_mlx.ledger.database import statements
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.ledger.run import FileVersion, Run

DIGEST = "b3:" + "1" * 64
RUN = Run("a" * 16, "r", "cell", "finished", datetime(2026, 1, 1, tzinfo=timezone.utc))


def test_a_ledger_of_the_first_format_is_brought_up_to_date(tmp_path):
    path = tmp_path / "ledger.db"
    with sqlite3.connect(path) as db:
        for statement in statements(
            (files("jupyter_mlx.ledger.migrations") / "0001_runs.sql").read_text("utf-8")
        ):
            db.execute(statement)
        db.execute(
            "INSERT INTO runs (id, name, kind, status, started_at, seq) VALUES (?, 'r', 'cell', 'finished', 0, 1)",
            (RUN.id,),
        )
        db.execute("INSERT INTO files VALUES (1, 'input', 'a.csv', ?, 3, 'seen', 'file')", (DIGEST,))
        db.execute("PRAGMA user_version = 1")
    db.close()
    assert Ledger(path).get(RUN.id).inputs == (FileVersion("a.csv", DIGEST, 3, "seen"),)


def test_how_files_were_seen_and_what_may_be_missing_comes_back(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    seen = FileVersion("/data/x", DIGEST, 3, "seen", "outside", "hook,watch", changed=True)
    ledger.insert(RUN)
    ledger.finish(Run(RUN.id, "r", "cell", "finished", RUN.started_at, inputs=(seen,), incomplete=("why",)))
    found = ledger.get(RUN.id)
    assert found.inputs == (seen,)
    assert found.incomplete == ("why",)


def test_files_outside_the_project_are_not_asked_of_the_store(tmp_path):
    ledger = Ledger(tmp_path / "ledger.db")
    ledger.insert(RUN)
    inside = FileVersion("a.csv", "b3:" + "2" * 64, 3)
    outside = FileVersion("/data/x", DIGEST, 3, "seen", "outside")
    ledger.add_files(RUN.id, "input", [inside, outside])
    assert [found[2] for found in ledger.needs.mentioned()] == [inside.digest]
    assert [found[2] for found in ledger.needs.used()] == [inside.digest]


def test_a_record_from_before_says_nothing_of_it_and_is_read():
    now = record.encode(replace(RUN, inputs=(FileVersion("a.csv", DIGEST, 3, "seen"),)), {})
    fields = msgspec.json.decode(record.text(now))
    fields.pop("incomplete", None)
    for file in fields["inputs"]:
        del file["source"], file["changed"]
    found = record.decode(b"mlx-record 1\n" + msgspec.json.encode(fields))
    assert found is not None
    assert found[0].inputs == (FileVersion("a.csv", DIGEST, 3, "seen"),)
