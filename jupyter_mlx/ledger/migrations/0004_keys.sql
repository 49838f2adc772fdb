-- What determines a cell's result but for the data that it reads: equal keys, perhaps equal results.
ALTER TABLE runs ADD COLUMN key TEXT;
CREATE INDEX runs_by_key ON runs (key, started_at) WHERE key IS NOT NULL;
