-- How a file was seen, beside how surely: the ways, comma-separated; and whether it changed while the run ran.
ALTER TABLE files ADD COLUMN source  TEXT    NOT NULL DEFAULT '';
ALTER TABLE files ADD COLUMN changed INTEGER NOT NULL DEFAULT 0;
