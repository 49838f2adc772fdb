"""The server extension: puts the routes and the events of jupyter_mlx into a Jupyter server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_server.serverapp import ServerApp

    from .events import Announcer
    from .jobs import Job, Jobs
    from .reproductions import Reproductions
    from .source import ProjectSource

SETTING = "jupyter_mlx"
THREADS = 4
"""For the work of requests; SQLite has one writer anyway."""


@dataclass(frozen=True, slots=True)
class Services:
    """What every handler answers from; one a server, under `settings["jupyter_mlx"]`."""

    source: ProjectSource
    threads: ThreadPoolExecutor
    announcer: Announcer | None
    """None where the server has no events: the panel then refreshes by hand."""
    reproductions: Reproductions
    jobs: Jobs


def load(serverapp: ServerApp) -> None:
    """Add the extension to a starting `ServerApp`."""
    from jupyter_server.utils import url_path_join

    from .events import Announcer
    from .jobs import Jobs
    from .reproductions import Reproductions
    from .routes import ROUTES
    from .source import ProjectSource

    source = ProjectSource(Path(serverapp.root_dir).resolve())
    # the panel names notebooks by it to their kernels
    serverapp.web_app.settings.setdefault("page_config_data", {})["jupyterMlxRoot"] = str(source.folder)
    events = serverapp.event_logger
    announcer = Announcer(source, events, serverapp.log) if events else None
    serverapp.web_app.settings[SETTING] = Services(
        source,
        ThreadPoolExecutor(THREADS, thread_name_prefix="jupyter_mlx"),
        announcer,
        Reproductions(),
        Jobs(_teller(serverapp)),
    )
    if announcer:
        announcer.start_later(serverapp.io_loop)
    base = serverapp.web_app.settings["base_url"]
    serverapp.web_app.add_handlers(  # type: ignore[no-untyped-call]
        ".*$", [(url_path_join(base, "jupyter-mlx/api/v1", path), handler) for path, handler in ROUTES]
    )


def _teller(serverapp: ServerApp) -> Callable[[Job], None]:
    """Tells the front ends of a job that has changed, from any thread."""
    from .jobs import SCHEMA, SCHEMA_ID

    events = serverapp.event_logger
    if events is None:
        return lambda job: None
    events.register_event_schema(SCHEMA)

    def tell(job: Job) -> None:
        data = job.as_event()
        serverapp.io_loop.add_callback(lambda: events.emit(schema_id=SCHEMA_ID, data=data))

    return tell
