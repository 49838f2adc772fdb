"""What all routes share: where the answer comes from, what is refused before it is looked at, how an error is told.

HTTP statuses are known here alone.
"""

from __future__ import annotations

import re
from http.client import responses
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec
from jupyter_server.base.handlers import APIHandler
from tornado import web
from tornado.ioloop import IOLoop

from jupyter_mlx.errors import (
    ConflictError,
    MlxError,
    NotFoundError,
    NotYetError,
    UnavailableError,
    UsageError,
)
from jupyter_mlx.ledger.query import QueryError

from . import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_mlx.project import Project

    from .app import Services

T = TypeVar("T")

RUN_ID = re.compile(r"[0-9a-f]{4,16}")
BODY_BYTES = 64 * 1024
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

    def body_as(self, shape: type[T], most_bytes: int = BODY_BYTES) -> T:
        """The request's JSON body.

        Raises:
            BadRequestError: it is too long, not JSON, or of another shape.
        """
        if len(self.request.body) > most_bytes:
            raise BadRequestError(f"the body is over {most_bytes} bytes")
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
        place = {"at": error.at, "problem": error.problem} if isinstance(error, QueryError) else {}
        self.finish(wire.encode({"error": {"code": code, "message": message, **place}, "message": message}))


def run_id(text: str) -> str:
    """`text`, which is the id of a run or the first digits of one.

    Raises:
        BadRequestError: it is anything else.
    """
    if not RUN_ID.fullmatch(text):
        raise BadRequestError(f"{text!r} is not the id of a run; one has 4 to 16 hex digits")
    return text
