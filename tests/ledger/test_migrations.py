"""A ledger of an earlier format is brought up to date, with all that it holds."""

import math
import sqlite3
from importlib.resources import files

from jupyter_mlx.ledger.database import statements
from jupyter_mlx.ledger.ledger import Ledger

OLD = """
INSERT INTO runs (id, name, kind, status, started_at, duration_s, note, starred, seq, trashed_at, detail)
    VALUES ('aaaa', 'one', 'cell', 'finished', 100.5, 2.0, 'n', 1, 1, NULL, '{"source":"x = 1","git":{"commit":"c"}}'),
           ('bbbb', 'two', 'cell', 'running', 200.5, NULL, '', 0, 2, 9.0, '{}');
INSERT INTO vals VALUES (1, 'p', 'lr', 0.1, '0.1'), (1, 'p', 'opt', NULL, '"adam"'), (1, 'm', 'acc', 0.9, NULL),
    (1, 'm', 'bad', NULL, NULL), (2, 'm', 'acc', 0.5, NULL);
INSERT INTO points VALUES (1, 'acc', 3, 0.9, 2.0), (1, 'acc', 0, 0.5, 1.0), (1, 'bad', 0, NULL, 0.0);
INSERT INTO tags VALUES (1, 'best');
INSERT INTO files VALUES (1, 'input', 'a.csv', 'b3:0', 3, 'seen', 'file');
UPDATE counter SET seq = 2;
PRAGMA user_version = 1;
"""


def test_the_first_format_comes_along_whole(tmp_path):
    path = tmp_path / "ledger.db"
    first = (files("jupyter_mlx.ledger.migrations") / "0001_runs.sql").read_text("utf-8")
    with sqlite3.connect(path) as db:
        for statement in (*statements(first), *statements(OLD)):
            db.execute(statement)
    db.close()
    ledger = Ledger(path)
    run = ledger.get("aaaa")
    assert (run.source, run.git, run.note, run.starred, run.tags) == (
        "x = 1",
        {"commit": "c"},
        "n",
        True,
        ("best",),
    )
    assert run.params == {"lr": 0.1, "opt": "adam"}
    assert run.metrics["acc"] == 0.9
    assert math.isnan(run.metrics["bad"])
    assert [file.path for file in run.inputs] == ["a.csv"]
    assert ledger.series("aaaa")["acc"] == [(0, 0.5, 1.0), (3, 0.9, 2.0)]
    assert math.isnan(ledger.series("aaaa")["bad"][0][1])
    assert [found.id for found in ledger.page("opt = adam and acc > 0.8 and tag = best").runs] == ["aaaa"]
    assert [found.id for found in ledger.page(trash=True).runs] == ["bbbb"]
    ledger.trash("aaaa")
    ledger.purge(["aaaa"])
    with sqlite3.connect(path) as db:
        for table in ("details", "named_values", "series", "tags", "files"):
            assert db.execute(f"SELECT count(*) FROM {table} WHERE run = 1").fetchone()[0] == 0
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
