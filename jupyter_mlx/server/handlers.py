"""The REST routes of openapi.yaml: each asks the project, away from the event loop.

Ids are matched whole, before anything is looked up; nothing that a request
says becomes a path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from jupyter_mlx._version import __version__
from jupyter_mlx.digest import Digest

from . import wire
from .browsing import selection
from .events import SCHEMA_ID
from .handler import ProjectHandler, run_id

if TYPE_CHECKING:
    from jupyter_mlx.project import Project

    from .app import Services

PAGE_RUNS = 1000
POINTS = 100_000
"""So many points of a metric are sent at once."""


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a PATCH of a run; what is left out stays as it is."""

    tags: list[str] | None = None
    note: str | None = None
    starred: bool | None = None


def detail(project: Project, ident: str) -> dict[str, Any]:
    """One run, whole."""
    run = project.ledger.get(ident)
    children = project.ledger.browsing.children([run.id]).get(run.id, 0)
    return wire.run_detail(run, project.ledger.series(run.id), project.environment(run), children)


class RunsHandler(ProjectHandler):
    """`/runs`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """A page of runs, or what changed since a number."""
        since = self.get_query_argument("since", None)
        if since is not None:
            seq = self.number("since", 0, 0, 2**53)
            await self.reply(lambda project: changes(project, seq))
            return
        which = {
            **selection(self),
            "sort": self.get_query_argument("sort", ""),
            "cursor": self.get_query_argument("cursor", None),
            "offset": self.number("offset", 0, 0, 2**53),
            "limit": self.number("limit", 100, 1, PAGE_RUNS),
        }
        spark = self.get_query_argument("spark", "")
        await self.reply(lambda project: page(project, which, spark))


def page(project: Project, which: dict[str, Any], spark: str = "") -> dict[str, Any]:
    """One page of the list; with the shape of one metric in each run, where one is named."""
    found = project.ledger.page(**which)
    ids = [run.id for run in found.runs]
    children = project.ledger.browsing.children(ids)
    runs = [wire.run_row(run, children.get(run.id, 0)) for run in found.runs]
    if spark:
        shapes = project.ledger.browsing.sparks(ids, spark)
        runs = [{**run, "spark": shapes.get(run["id"], [])} for run in runs]
    return {
        "runs": runs,
        "removed": [],
        "next": found.next,
        "offset": which["offset"],
        "total": found.total,
        "seq": found.seq,
    }


def changes(project: Project, seq: int) -> dict[str, Any]:
    """Up to a page of the runs that changed after `seq`; where `seq` of the answer is behind, ask again from there."""
    found = project.ledger.changed_since(seq, PAGE_RUNS)
    children = project.ledger.browsing.children([run.id for run in found.runs])
    return {
        "runs": [wire.run_row(run, children.get(run.id, 0)) for run in found.runs],
        "removed": found.removed,
        "next": None,
        "offset": 0,
        "total": project.ledger.page(limit=1).total,
        "seq": found.seq,
    }


class RunHandler(ProjectHandler):
    """`/runs/{id}`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """One run, whole but for its outputs."""
        ident = run_id(text)
        await self.reply(lambda project: detail(project, ident))

    @web.authenticated
    @authorized
    async def patch(self, text: str) -> None:
        """Change tags, note or star."""
        ident, edit = run_id(text), self.body_as(Edit)

        def change(project: Project) -> dict[str, Any]:
            note = edit.note and project.redactor.text(edit.note)
            tags = None if edit.tags is None else [project.redactor.text(tag) for tag in edit.tags]
            project.ledger.edit(ident, tags=tags, note=note, starred=edit.starred)
            return detail(project, ident)

        await self.reply(change)

    @web.authenticated
    @authorized
    async def delete(self, text: str) -> None:
        """Put the run into the trash."""
        ident = run_id(text)
        await self.ask(lambda project: project.ledger.trash(ident))
        self.set_status(204)
        self.finish()


class OutputsHandler(ProjectHandler):
    """`/runs/{id}/outputs`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """The outputs of a run, large ones too."""
        ident = run_id(text)
        await self.reply(lambda project: {"outputs": project.cell_outputs(project.ledger.get(ident))})


class SeriesHandler(ProjectHandler):
    """`/runs/{id}/series`."""

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """The steps of one metric: all, or a part, or as many as a chart needs."""
        ident, metric = run_id(text), self.get_query_argument("metric")
        whole = self.get_query_argument("from", None) is None  # a step may be below 0
        first = -(2**53) if whole else self.number("from", 0, 0, 2**53)
        last = self.number("to", 2**53, 0, 2**53)
        most = self.number("points", 1000, 2, POINTS)
        await self.reply(
            lambda project: wire.curve(
                project.ledger.series(ident, metric, first, last).get(metric, []), most
            )
        )


class CompareHandler(ProjectHandler):
    """`/compare`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """How two runs differ."""
        a, b = (run_id(self.get_query_argument(name, "")) for name in ("a", "b"))
        await self.reply(lambda project: project.compare(a, b))


class ObjectHandler(ProjectHandler):
    """`/objects/{digest}`: other people's bytes, so never shown by the browser itself."""

    @property
    def content_security_policy(self) -> str:
        """Nothing runs, should a browser show it after all."""
        return "sandbox; default-src 'none'"

    @web.authenticated
    @authorized
    async def get(self, text: str) -> None:
        """The bytes of one object, as a download."""
        digest = Digest.parse(text)
        data = await self.ask(lambda project: project.store.get(digest))
        self.set_header("Content-Disposition", f'attachment; filename="{digest.short}"')
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "private, max-age=31536000, immutable")
        self.finish(data, set_content_type="application/octet-stream")


def standing(project: Project, services: Services) -> dict[str, Any]:
    """Where the ledger and the jobs stand, and where the server's folder lies in the project."""
    prefix = services.source.folder.relative_to(project.root).as_posix()
    return {
        "seq": project.ledger.seq(),
        "jobs": services.jobs.turns,
        "schema_id": SCHEMA_ID,
        "version": __version__,
        "project": project.root.name,
        "prefix": "" if prefix == "." else prefix,
    }


class EventsHandler(ProjectHandler):
    """`/events`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Where the ledger stands, and which events tell of changes."""
        services = self.services
        await self.reply(lambda project: standing(project, services))
