"""The routes of notebooks: which runs their cells had, whether those still hold, and snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlx.freshness import Freshness

from . import wire
from .handler import BadRequestError, ProjectHandler

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

HISTORY = 100
"""So many runs of one cell are listed."""
PATH_CHARS = 4096


class Snapshot(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that takes a snapshot."""

    notebook: str
    message: str = ""


def project_path(text: str) -> str:
    """`text`, which is a path as the project names it: relative, `/`-separated, with no way out.

    Raises:
        BadRequestError: it is anything else.
    """
    parts = text.split("/")
    bad = not text or len(text) > PATH_CHARS or "\0" in text or "\\" in text
    if bad or any(part in ("", ".", "..") for part in parts) or parts[0] in (".mlx", ".git"):
        raise BadRequestError(f"{text[:100]!r} is not the path of a file of the project")
    return text


def run_with_source(run: Run) -> dict[str, Any]:
    """A run of a cell, with the code that was executed."""
    return {**wire.run_row(run), "source": run.source}


def cells(project: Project, notebook: str) -> dict[str, Any]:
    """The last run of each cell of a notebook, and the one before."""
    seq = project.ledger.seq()
    found = [
        {
            "cell_id": cell.cell_id,
            "count": cell.count,
            "run": run_with_source(cell.last),
            "before": cell.before and wire.run_row(cell.before),
        }
        for cell in project.ledger.places.of(notebook)
    ]
    return {"cells": found, "seq": seq}


def changed_data(project: Project, notebook: str) -> dict[str, Any]:
    """The inputs of each cell's last run that are not as they were."""
    ledger, freshness = project.ledger, Freshness(project.workspace)
    found = {cell.cell_id: freshness.changed(ledger.get(cell.last.id)) for cell in ledger.places.of(notebook)}
    return {"changed": {cell_id: paths for cell_id, paths in found.items() if paths}}


class NotebookHandler(ProjectHandler):
    """What the routes about one notebook share."""

    @property
    def notebook(self) -> str:
        """The notebook that is asked about. Raises BadRequestError."""
        return project_path(self.get_query_argument("notebook", "", strip=False))


class CellsHandler(NotebookHandler):
    """`/cells`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The last run of each cell."""
        notebook = self.notebook
        await self.reply(lambda project: cells(project, notebook))


class CellDataHandler(NotebookHandler):
    """`/cells/data`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Which data changed since."""
        notebook = self.notebook
        await self.reply(lambda project: changed_data(project, notebook))


class CellRunsHandler(NotebookHandler):
    """`/cells/runs`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The runs of one cell, the newest first."""
        notebook, cell_id = self.notebook, self.get_query_argument("cell", "")
        await self.reply(
            lambda project: {
                "runs": [
                    run_with_source(run) for run in project.ledger.places.history(notebook, cell_id, HISTORY)
                ]
            }
        )


class SnapshotsHandler(ProjectHandler):
    """`/snapshots`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Take a snapshot of a notebook as it is saved."""
        given = self.body_as(Snapshot)
        notebook = project_path(given.notebook)
        await self.reply(lambda project: wire.run_row(project.snapshot(notebook, given.message)), 201)
