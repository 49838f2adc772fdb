"""All routes, by their paths."""

from __future__ import annotations

from . import browsing, cells, comparing, handlers, run_handlers, working
from .handler import ProjectHandler

ROUTES: tuple[tuple[str, type[ProjectHandler]], ...] = (
    (r"runs", handlers.RunsHandler),
    (r"runs/names", browsing.NamesHandler),
    (r"runs/groups", browsing.GroupsHandler),
    (r"runs/ids", browsing.IdsHandler),
    (r"runs/actions", browsing.ActionsHandler),
    (r"runs/([^/]+)", handlers.RunHandler),
    (r"runs/([^/]+)/outputs", handlers.OutputsHandler),
    (r"runs/([^/]+)/series", handlers.SeriesHandler),
    (r"runs/([^/]+)/lineage", run_handlers.LineageHandler),
    (r"runs/([^/]+)/notebook", run_handlers.NotebookHandler),
    (r"runs/([^/]+)/script", run_handlers.ScriptHandler),
    (r"runs/([^/]+)/figures", run_handlers.FiguresHandler),
    (r"runs/([^/]+)/restore", run_handlers.RestoreHandler),
    (r"runs/([^/]+)/reproductions", run_handlers.ReproductionsHandler),
    (r"report", run_handlers.ReportHandler),
    (r"compare", handlers.CompareHandler),
    (r"compare/runs", comparing.RunsBesideHandler),
    (r"compare/curves", comparing.CurvesHandler),
    (r"compare/columns", comparing.ColumnsHandler),
    (r"objects/([^/]+)", handlers.ObjectHandler),
    (r"data", working.DataHandler),
    (r"data/versions", working.VersionsHandler),
    (r"data/diff", working.DiffHandler),
    (r"jobs", working.JobsHandler),
    (r"jobs/([^/]+)", working.JobHandler),
    (r"pipeline", working.PipelineHandler),
    (r"pipeline/run", working.PipelineRunHandler),
    (r"project", browsing.ProjectsHandler),
    (r"events", handlers.EventsHandler),
    (r"cells", cells.CellsHandler),
    (r"cells/data", cells.CellDataHandler),
    (r"cells/runs", cells.CellRunsHandler),
    (r"snapshots", cells.SnapshotsHandler),
)
"""Below `/jupyter-mlx/api/v1/`."""
