-- What is shown for one run and never searched leaves `runs`, so that a list reads little.
CREATE TABLE slim (
    rowid       INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    started_at  REAL    NOT NULL,           -- seconds since the epoch, UTC
    duration_s  REAL,
    notebook    TEXT,
    cell_id     TEXT,
    parent      TEXT,
    starred     INTEGER NOT NULL DEFAULT 0,
    note        TEXT    NOT NULL DEFAULT '',
    seq         INTEGER NOT NULL,           -- the change at which this row last changed
    trashed_at  REAL,
    record      TEXT,                       -- digest of the finished run as an object
    process     TEXT                        -- who runs it: JSON {host, pid, started}
);
INSERT INTO slim SELECT rowid, id, name, kind, status, started_at, duration_s, notebook, cell_id, parent,
    starred, note, seq, trashed_at, record, process FROM runs;
CREATE TABLE details (
    run     INTEGER PRIMARY KEY REFERENCES runs (rowid) ON DELETE CASCADE,
    detail  BLOB    NOT NULL                -- JSON, as it is or compressed by zlib
);
INSERT INTO details SELECT rowid, detail FROM runs;

-- Names of params ('p') and metrics ('m'), each once.
CREATE TABLE names (
    id      INTEGER PRIMARY KEY,
    kind    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    UNIQUE (kind, key)
);
INSERT INTO names (kind, key) SELECT DISTINCT kind, key FROM vals;
INSERT OR IGNORE INTO names (kind, key) SELECT DISTINCT 'm', key FROM points;

-- Params, and the last value of each metric. `number` is NULL for NaN and for what is no number.
CREATE TABLE named_values (
    run     INTEGER NOT NULL REFERENCES runs (rowid) ON DELETE CASCADE,
    name    INTEGER NOT NULL REFERENCES names (id),
    number  REAL,
    json    TEXT,                           -- params: the value as JSON; metrics: of NaN alone
    PRIMARY KEY (run, name)
) WITHOUT ROWID;
INSERT INTO named_values
    SELECT run, names.id, number, CASE WHEN kind = 'm' AND number IS NULL THEN '"NaN"' ELSE json END
    FROM vals JOIN names USING (kind, key);

-- The steps of the metrics, in parts. `points` is, for each, step (int64), value and seconds since the
-- run's start (float64), little-endian, in the order in which they were logged.
CREATE TABLE series (
    run     INTEGER NOT NULL REFERENCES runs (rowid) ON DELETE CASCADE,
    name    INTEGER NOT NULL REFERENCES names (id),
    part    INTEGER NOT NULL,
    least   INTEGER NOT NULL,               -- the least and the greatest step in it
    most    INTEGER NOT NULL,
    points  BLOB    NOT NULL,
    PRIMARY KEY (run, name, part)
) WITHOUT ROWID;
INSERT INTO series
    SELECT run, names.id, 0, min(step), max(step), pack_points(step, value, t)
    FROM (SELECT * FROM points ORDER BY run, key, step, rowid) JOIN names USING (key)
    WHERE names.kind = 'm' GROUP BY run, names.id;

-- How far each file of `steps/` is in `series`.
CREATE TABLE folded (
    file    TEXT    PRIMARY KEY,
    size    INTEGER NOT NULL
) WITHOUT ROWID;

DROP TABLE vals;
DROP TABLE points;
DROP TABLE runs;
ALTER TABLE slim RENAME TO runs;
CREATE INDEX runs_by_start  ON runs (started_at DESC, rowid DESC) WHERE trashed_at IS NULL;
CREATE INDEX runs_by_seq    ON runs (seq);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_open      ON runs (rowid) WHERE status = 'running';
CREATE INDEX runs_in_trash  ON runs (trashed_at) WHERE trashed_at IS NOT NULL;
CREATE INDEX values_by_name ON named_values (name, number, run);
CREATE INDEX values_by_text ON named_values (name, json, run) WHERE number IS NULL AND length(json) <= 100;
