"""The routes of a list of very many runs: what can be asked for, groups, ids, and one change of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web
from tornado.ioloop import IOLoop

from jupyter_mlx.ledger.browsing import By
from jupyter_mlx.ledger.filters import SORT_FIELDS
from jupyter_mlx.ledger.run import Kind, Status, utc_now

from . import wire
from .handler import BadRequestError, ProjectHandler, run_id

if TYPE_CHECKING:
    from jupyter_mlx.project import Project

MOST_IDS = 10_000
"""So many runs are named or changed by one request."""
ACTIONS_BYTES = 20 * MOST_IDS + 4096
FURTHER_FIELDS = ("tag", "input", "output")
"""What a query can name beside what can be sorted by."""


class Action(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that changes many runs."""

    ids: list[str]
    trashed: bool | None = None
    starred: bool | None = None
    note: str | None = None
    add_tags: list[str] = []
    drop_tags: list[str] = []


def flag(handler: ProjectHandler, name: str) -> bool:
    """A yes or no of the query string. Raises BadRequestError."""
    text = handler.get_query_argument(name, "false")
    if text not in {"true", "false"}:
        raise BadRequestError(f"{name} is true or false, not {text!r}")
    return text == "true"


def selection(handler: ProjectHandler) -> dict[str, Any]:
    """Which runs a request is about: the arguments of `Selection`."""
    return {
        "query": handler.get_query_argument("query", ""),
        "trash": flag(handler, "trash"),
        "roots": flag(handler, "roots"),
    }


class NamesHandler(ProjectHandler):
    """`/runs/names`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What can be written in a query, chosen as a column and sorted by."""
        await self.reply(names)


def names(project: Project) -> dict[str, Any]:
    """The names that there are, and the values of the fields that have few."""
    found = project.ledger.browsing.names()
    return {
        "fields": sorted({*SORT_FIELDS, *FURTHER_FIELDS}),
        "params": found.params,
        "metrics": found.metrics,
        "tags": found.tags,
        "kinds": get_args(Kind),
        "statuses": get_args(Status),
    }


class GroupsHandler(ProjectHandler):
    """`/runs/groups`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The groups that a selection falls into."""
        text, kinds = self.get_query_argument("by", ""), get_args(By)
        if text not in kinds:
            raise BadRequestError(f"by is one of {', '.join(kinds)}, not {text!r}")
        by: By = kinds[kinds.index(text)]
        query, trash = self.get_query_argument("query", ""), flag(self, "trash")
        await self.reply(
            lambda project: {
                "groups": [
                    wire.group(group) for group in project.ledger.browsing.groups(by, query, trash=trash)
                ],
                "seq": project.ledger.seq(),
            }
        )


class IdsHandler(ProjectHandler):
    """`/runs/ids`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The ids of a part of a selection."""
        chosen, sort = selection(self), self.get_query_argument("sort", "")
        offset = self.number("offset", 0, 0, 2**53)
        limit = self.number("limit", MOST_IDS, 1, MOST_IDS)

        def ids(project: Project) -> dict[str, Any]:
            found, total = project.ledger.browsing.ids(chosen, sort, offset, limit)
            return {"ids": found, "total": total}

        await self.reply(ids)


class ActionsHandler(ProjectHandler):
    """`/runs/actions`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Change what people write on many runs, all of them or none."""
        action = self.body_as(Action, ACTIONS_BYTES)
        if len(action.ids) > MOST_IDS:
            raise BadRequestError(
                f"{len(action.ids)} ids; at most {MOST_IDS} runs are changed by one request"
            )
        ids = [run_id(text) for text in action.ids]
        await self.reply(lambda project: {"changed": act(project, ids, action)})


def act(project: Project, ids: list[str], action: Action) -> int:
    """Do it; how many runs there were."""
    changes: dict[str, Any] = {}
    if action.trashed is not None:
        changes["trashed_at"] = utc_now().timestamp() if action.trashed else None
    if action.starred is not None:
        changes["starred"] = action.starred
    if action.note is not None:
        changes["note"] = project.redactor.text(action.note)
    return project.ledger.browsing.change(ids, add=action.add_tags, drop=action.drop_tags, **changes)


class ProjectsHandler(ProjectHandler):
    """`/project`."""

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Make a project of the server's own folder, where there is none."""
        from jupyter_mlx.project import Project

        self.body_as(Nothing)
        services = self.services
        made = await IOLoop.current().run_in_executor(
            services.threads, lambda: Project.create(services.source.folder)
        )
        self.set_status(201)
        self.finish(wire.encode({"project": made.root.name}))


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty body."""
