"""The REST routes of one run's page: where its files came from, its code elsewhere, the way back, another time.

Nothing that a request says becomes a path: a restored run's folder is named by the run.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlx.differences import readable_cells, script
from jupyter_mlx.errors import CorruptError, NotFoundError
from jupyter_mlx.ledger.cells import source_of
from jupyter_mlx.ledger.payloads import unfold

from . import wire
from .handler import BadRequestError, ProjectHandler, run_id

if TYPE_CHECKING:
    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.project import Project

READERS = 20
"""So many runs are named as readers of one file."""
FILES = 50
"""Of so many outputs the readers are looked for."""
MOST_REPORTED = 50


class Restoring(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that brings a run back."""

    only: str = ""
    """One of the run's paths; empty for all."""


class LineageHandler(ProjectHandler):
    """`/runs/{id}/lineage`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """Which runs made what this one read, and which read what it wrote."""
        ident = run_id(text)
        await self.reply(lambda project: lineage(project, ident))


def lineage(project: Project, ident: str) -> dict[str, Any]:
    """The neighbourhood of a run: its origins all the way, its readers one step."""
    run = project.ledger.get(ident)
    return {
        "id": run.id,
        "origins": [origin.plain() for origin in project.origins(run)],
        "readers": [
            {"path": file.path, "digest": file.digest, "runs": list(_readers(project, run, file.digest))}
            for file in run.outputs[:FILES]
        ],
    }


def _readers(project: Project, run: Run, digest: str) -> Iterator[dict[str, Any]]:
    for reader in project.ledger.page(f'input = "{digest}"', limit=READERS).runs:
        if reader.id != run.id and reader.started_at >= run.started_at:
            yield wire.run_row(reader)


class NotebookHandler(ProjectHandler):
    """`/runs/{id}/notebook`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """The run as a notebook: the one that it kept, or its cells with its outputs."""
        ident = run_id(text)
        await self.reply(lambda project: as_notebook(project, ident))


def as_notebook(project: Project, ident: str) -> dict[str, Any]:
    """A new document of notebook format 4."""
    from jupyter_mlx import restoring

    run = project.ledger.get(ident)
    fresh: dict[str, Any] = restoring.as_notebook(run, _outputs(project, run))
    kept = readable_cells(project.workspace, run)
    if kept:
        fresh["cells"] = [{**cell, "source": source_of(cell)} for cell in kept]
    return {"notebook": fresh, "whole": bool(kept)}


def _outputs(project: Project, run: Run) -> list[dict[str, Any]]:
    """The outputs whose objects are here."""
    from jupyter_mlx.digest import Digest

    found = []
    for output in run.cell_outputs:
        try:
            found.append(unfold(output, project.store, Digest.parse))
        except (NotFoundError, CorruptError):
            continue
    return found


class ScriptHandler(ProjectHandler):
    """`/runs/{id}/script`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """All code of the run as one text, and the cells of a notebook that it kept."""
        ident = run_id(text)
        await self.reply(lambda project: code(project, ident))


def code(project: Project, ident: str) -> dict[str, Any]:
    """The code of a run; `cells`, without outputs, is None where it kept no notebook."""
    run = project.ledger.get(ident)
    kept = readable_cells(project.workspace, run)
    cells = kept and [{"cell_type": cell.get("cell_type"), "source": source_of(cell)} for cell in kept]
    return {"text": script(run, kept), "cells": cells}


class FiguresHandler(ProjectHandler):
    """`/runs/{id}/figures`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """The pictures of the run, by name."""
        from jupyter_mlx.reporting.page import pictures

        ident = run_id(text)
        await self.reply(
            lambda project: {
                "figures": [
                    {"name": name, "address": address}
                    for name, address in pictures(project, project.ledger.get(ident)).items()
                ]
            }
        )


class RestoreHandler(ProjectHandler):
    """`/runs/{id}/restore`."""

    @web.authenticated
    @authorized
    async def post(self, text: str) -> None:
        """Bring the run back into a new folder below `restored/`."""
        ident, body = run_id(text), self.body_as(Restoring)
        await self.reply(lambda project: restore(project, ident, body.only), 201)


def restore(project: Project, ident: str, only: str) -> dict[str, Any]:
    """The run in the first folder `restored/ID`, `restored/ID-2`, … that is free."""
    run = project.ledger.get(ident)
    place = Path("restored") / run.id[:8]
    folder = project.root / place
    count = 1
    while folder.exists():
        count += 1
        folder = project.root / place.with_name(f"{place.name}-{count}")
    found = project.restore_run(run.id, only, folder)
    return {
        "folder": project.relative(found.folder),
        "made": [project.relative(path) for path in found.made],
        "left": found.left,
    }


class ReproductionsHandler(ProjectHandler):
    """`/runs/{id}/reproductions`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """What goes on, and the verdicts there are."""
        ident, reproductions = run_id(text), self.services.reproductions
        await self.reply(lambda project: reproductions.state(project, project.ledger.get(ident)))

    @web.authenticated
    @authorized(action="execute")
    async def post(self, text: str) -> None:
        """Make the run again, in a process of its own."""
        ident, reproductions = run_id(text), self.services.reproductions
        self.body_as(Nothing)

        def begin(project: Project) -> dict[str, Any]:
            run = project.ledger.get(ident)
            reproductions.start(project, run)
            return reproductions.state(project, run)

        await self.reply(begin, 202)

    @web.authenticated
    @authorized(action="execute")
    async def delete(self, text: str) -> None:
        """Stop the process that makes the run again."""
        ident, reproductions = run_id(text), self.services.reproductions
        await self.ask(lambda project: reproductions.stop(project, project.ledger.get(ident)))
        self.set_status(204)
        self.finish()


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """A body without fields."""


class ReportHandler(ProjectHandler):
    """`/report`: other people's content as a page, so never shown by the browser itself on this origin."""

    @property
    def content_security_policy(self) -> str:
        """Nothing runs, should a browser show it after all."""
        return "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Some runs as one HTML page, as a download."""
        ids = run_ids(self.get_query_argument("ids"), 1, MOST_REPORTED)
        data = await self.ask(lambda project: report(project, ids))
        name = "-".join(ident[:8] for ident in ids[:3])
        self.set_header("Content-Disposition", f'attachment; filename="report-{name}.html"')
        self.set_header("X-Content-Type-Options", "nosniff")
        self.finish(data, set_content_type="text/html; charset=utf-8")


def report(project: Project, ids: list[str]) -> bytes:
    """The page; a name that is no text does not stop it."""
    from jupyter_mlx.reporting.page import page

    return page(project, [project.ledger.get(ident) for ident in ids]).encode("utf-8", "replace")


def run_ids(text: str, least: int, most: int) -> list[str]:
    """Comma-separated ids of runs, each once.

    Raises:
        BadRequestError: one is none, or there are too few or too many.
    """
    if len(text) > most * 17:
        raise BadRequestError(f"at most {most} runs can be asked for at once")
    ids = [*dict.fromkeys(run_id(part) for part in text.split(",") if part)]
    if not least <= len(ids) <= most:
        raise BadRequestError(f"ids names {least} to {most} runs, not {len(ids)}")
    return ids
