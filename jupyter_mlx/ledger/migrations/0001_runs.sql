-- One row a run. `detail` is JSON: what is shown for one run and never searched.
CREATE TABLE runs (
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
    process     TEXT,                       -- who runs it: JSON {host, pid, started}
    detail      BLOB    NOT NULL DEFAULT '{}'
);
CREATE INDEX runs_by_start  ON runs (started_at DESC, rowid DESC) WHERE trashed_at IS NULL;
CREATE INDEX runs_by_seq    ON runs (seq);
CREATE INDEX runs_by_parent ON runs (parent) WHERE parent IS NOT NULL;
CREATE INDEX runs_open      ON runs (rowid) WHERE status = 'running';

-- Params ('p') and the last value of each metric ('m'). `number` is NULL for NaN and for what is no number.
CREATE TABLE vals (
    run     INTEGER NOT NULL REFERENCES runs (rowid) ON DELETE CASCADE,
    kind    TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    number  REAL,
    json    TEXT,                           -- params: the value as JSON
    PRIMARY KEY (run, kind, key)
) WITHOUT ROWID;
CREATE INDEX vals_by_key ON vals (key, kind, number, run);

-- The steps of the metrics. `value` is NULL for NaN; `t` is seconds since the run's start.
CREATE TABLE points (
    run     INTEGER NOT NULL REFERENCES runs (rowid) ON DELETE CASCADE,
    key     TEXT    NOT NULL,
    step    INTEGER NOT NULL,
    value   REAL,
    t       REAL    NOT NULL
);
CREATE INDEX points_by_run ON points (run, key, step);

CREATE TABLE tags (
    run     INTEGER NOT NULL REFERENCES runs (rowid) ON DELETE CASCADE,
    tag     TEXT    NOT NULL,
    PRIMARY KEY (run, tag)
) WITHOUT ROWID;
CREATE INDEX tags_by_tag ON tags (tag, run);

-- What runs read ('input') and wrote ('output').
CREATE TABLE files (
    run        INTEGER NOT NULL REFERENCES runs (rowid) ON DELETE CASCADE,
    role       TEXT    NOT NULL,
    path       TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    size_bytes INTEGER NOT NULL,
    how        TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    PRIMARY KEY (run, role, path)
) WITHOUT ROWID;
CREATE INDEX files_by_path   ON files (path, role, run);
CREATE INDEX files_by_digest ON files (digest, role, run);

-- The number of changes so far; and the ids of runs that were purged, for views that are behind.
CREATE TABLE counter (seq INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
CREATE TABLE purged (id TEXT PRIMARY KEY, seq INTEGER NOT NULL) WITHOUT ROWID;
