-- The runs of a notebook's cells are asked for whenever one of them changes.
CREATE INDEX runs_by_cell ON runs (notebook, cell_id, started_at) WHERE cell_id IS NOT NULL AND trashed_at IS NULL;
