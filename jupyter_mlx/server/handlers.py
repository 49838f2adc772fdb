"""The REST routes of openapi.yaml: each asks the project, away from the event loop.

HTTP statuses are known here alone. Ids are matched whole, before anything is
looked up; nothing that a request says becomes a path.
"""

from __future__ import annotations

import re
from http.client import responses
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.ioloop import IOLoop

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import (
    ConflictError,
    MlxError,
    NotFoundError,
    NotYetError,
    UnavailableError,
    UsageError,
)

from . import wire
from .events import SCHEMA_ID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jupyter_mlx.project import Project

    from .app import Services

T = TypeVar("T")

RUN_ID = re.compile(r"[0-9a-f]{4,16}")
BODY_BYTES = 64 * 1024
PAGE_RUNS = 1000
POINTS = 100_000
"""So many points of a metric are sent at once."""
STATUSES: tuple[tuple[type[MlxError], int], ...] = (
    (NotYetError, 501),
    (UsageError, 400),
    (NotFoundError, 404),
    (ConflictError, 409),
    (UnavailableError, 503),
)


class BadRequestError(UsageError):
    """A request is not as openapi.yaml says."""

    code = "bad-request"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class Edit(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a PATCH of a run; what is left out stays as it is."""

    tags: list[str] | None = None
    note: str | None = None
    starred: bool | None = None


class Start(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that runs the pipeline; no stages means all."""

    stages: list[str] = []
    force: bool = False


class ProjectHandler(APIHandler):
    """What all routes share: where the answer comes from, and how an error is told."""

    auth_resource = "jupyter_mlx"

    @property
    def services(self) -> Services:
        """The server's own."""
        services: Services = self.settings["jupyter_mlx"]
        return services

    async def ask(self, question: Callable[[Project], T]) -> T:
        """The project's answer, found in a thread."""
        services = self.services
        if services.announcer:
            services.announcer.start()
        return await IOLoop.current().run_in_executor(
            services.threads, lambda: question(services.source.project())
        )

    async def reply(self, question: Callable[[Project], object], status: int = 200) -> None:
        """Answer with what `question` returns, as JSON."""
        body = await self.ask(lambda project: wire.encode(question(project)))
        self.set_status(status)
        self.finish(body)

    def body_as(self, shape: type[T]) -> T:
        """The request's JSON body.

        Raises:
            BadRequestError: it is too long, not JSON, or of another shape.
        """
        if len(self.request.body) > BODY_BYTES:
            raise BadRequestError(f"the body is over {BODY_BYTES} bytes")
        try:
            return msgspec.json.decode(self.request.body or b"{}", type=shape)
        except msgspec.DecodeError as error:
            raise BadRequestError(f"the body: {error}") from None

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number of the query string.

        Raises:
            BadRequestError: it is none, or outside `low` to `high`.
        """
        text = self.get_query_argument(name, str(default))
        if not re.fullmatch(r"[0-9]{1,18}", text) or not low <= int(text) <= high:
            raise BadRequestError(f"{name} is a whole number from {low} to {high}, not {text!r}")
        return int(text)

    def log_exception(self, *about: Any) -> None:
        """Keep foreseen errors out of the server's log: the client is told."""
        if not isinstance(about[1], MlxError):
            super().log_exception(*about)

    def write_error(self, status_code: int, **about: Any) -> None:
        """Tell every error in one shape, those of Jupyter's own checks too."""
        error = about.get("exc_info", (None, None))[1]
        if isinstance(error, MlxError):
            status_code = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
            code, message = error.code, str(error)
        elif isinstance(error, web.HTTPError):
            code, message = "http", error.log_message or responses.get(status_code, "error")
        else:
            code, message = "internal", "the server failed; its log says where"
        self.set_status(status_code)
        self.finish(wire.encode({"error": {"code": code, "message": message}, "message": message}))


def run_id(text: str) -> str:
    """`text`, which is the id of a run or the first digits of one.

    Raises:
        BadRequestError: it is anything else.
    """
    if not RUN_ID.fullmatch(text):
        raise BadRequestError(f"{text!r} is not the id of a run; one has 4 to 16 hex digits")
    return text


def detail(project: Project, ident: str) -> dict[str, Any]:
    """One run, whole."""
    run = project.ledger.get(ident)
    return wire.run_detail(run, project.ledger.series(run.id), project.environment(run))


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
        query, sort = self.get_query_argument("query", ""), self.get_query_argument("sort", "")
        cursor = self.get_query_argument("cursor", None)
        limit = self.number("limit", 100, 1, PAGE_RUNS)
        await self.reply(lambda project: page(project, query, sort, limit, cursor))


def page(project: Project, query: str, sort: str, limit: int, cursor: str | None) -> dict[str, Any]:
    """One page of the list."""
    found = project.ledger.page(query=query, sort=sort, limit=limit, cursor=cursor)
    return {
        "runs": [wire.run_row(run) for run in found.runs],
        "removed": [],
        "next": found.next,
        "total": found.total,
        "seq": found.seq,
    }


def changes(project: Project, seq: int) -> dict[str, Any]:
    """The runs that changed after `seq`, and the size of the ledger now."""
    found = project.ledger.changed_since(seq)
    return {
        "runs": [wire.run_row(run) for run in found.runs],
        "removed": found.removed,
        "next": None,
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
            project.ledger.edit(ident, tags=edit.tags, note=note, starred=edit.starred)
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


class DataHandler(ProjectHandler):
    """`/data`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The tracked data and its state."""
        await self.reply(lambda project: {"data": project.data_status()})


class PipelineHandler(ProjectHandler):
    """`/pipeline`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The plan: what would run, and why."""
        await self.reply(lambda project: {"stages": project.plan()})


class PipelineRunHandler(ProjectHandler):
    """`/pipeline/run`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Start a run of the pipeline in a process of its own."""
        start = self.body_as(Start)
        for stage in start.stages:
            # the names become arguments of `jmlx run`
            if not stage or stage.startswith("-"):
                raise BadRequestError(f"{stage!r} is not the name of a stage")
        await self.reply(lambda project: {"pid": project.run_pipeline(start.stages, force=start.force)}, 202)


def standing(project: Project, folder: Path) -> dict[str, Any]:
    """Where the ledger stands, and where the server's folder lies in the project."""
    prefix = folder.relative_to(project.root).as_posix()
    return {
        "seq": project.ledger.seq(),
        "schema_id": SCHEMA_ID,
        "project": project.root.name,
        "prefix": "" if prefix == "." else prefix,
    }


class EventsHandler(ProjectHandler):
    """`/events`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Where the ledger stands, and which events tell of changes."""
        folder = self.services.source.folder
        await self.reply(lambda project: standing(project, folder))


ROUTES: tuple[tuple[str, type[ProjectHandler]], ...] = (
    (r"runs", RunsHandler),
    (r"runs/([^/]+)", RunHandler),
    (r"runs/([^/]+)/outputs", OutputsHandler),
    (r"runs/([^/]+)/series", SeriesHandler),
    (r"compare", CompareHandler),
    (r"objects/([^/]+)", ObjectHandler),
    (r"data", DataHandler),
    (r"pipeline", PipelineHandler),
    (r"pipeline/run", PipelineRunHandler),
    (r"events", EventsHandler),
)
"""Below `/jupyter-mlx/api/v1/`."""
