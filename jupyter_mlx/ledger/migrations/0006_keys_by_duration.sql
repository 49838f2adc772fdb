-- of a quick cell that ran a thousand times, a look for a slow run with its key read all of them
DROP INDEX runs_by_key;
CREATE INDEX runs_by_key ON runs (key, duration_s) WHERE key IS NOT NULL;
