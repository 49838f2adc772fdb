"""The routes of data and of the pipeline: how they stand, and the jobs that change them."""

from __future__ import annotations

import asyncio
import re
import sys
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from . import wire
from .cells import project_path
from .handler import BadRequestError, ProjectHandler
from .jobs import Job

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jupyter_mlx.ledger.run import Run
    from jupyter_mlx.pipelines.plan import Step
    from jupyter_mlx.project import Project

REVISION = re.compile(r"[A-Za-z0-9_./~^@{}:][A-Za-z0-9_./~^@{}:-]{0,199}")
MOST_PATHS = 1000
DIFF_ROWS = 10
PATIENCE_S = 60.0
RECENT = 500
"""Among so many runs of stages the last ones are looked for together; for the others one by one."""
ERROR_CHARS = 500


class DataJob(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that works on data."""

    what: Literal["add", "checkout", "push", "pull", "remove"]
    paths: list[str] = []
    rev: str = ""
    """Of a checkout: the git revision."""


class Start(msgspec.Struct, forbid_unknown_fields=True):
    """The body of a POST that runs the pipeline; no stages means all."""

    stages: list[str] = []
    force: bool = False
    start: list[str] = msgspec.field(name="from", default=[])
    """Stages to begin from: they and all that depends on them."""


def revision(text: str) -> str:
    """`text`, which names a version of data in git.

    Raises:
        BadRequestError: it could be anything else, as an option of a command.
    """
    if not REVISION.fullmatch(text):
        raise BadRequestError(f"{text[:100]!r} is not a revision")
    return text


def data(project: Project) -> dict[str, Any]:
    """The tracked data with its state, and where it can be sent."""
    workspace = project.workspace
    versions = {version.path: version for version in workspace.pointers()}
    found = [
        {
            "path": one.path,
            "state": one.state,
            "kind": versions[one.path].kind,
            "digest": str(versions[one.path].digest),
            "size_bytes": versions[one.path].size_bytes,
            "files": versions[one.path].files,
        }
        for one in workspace.status()
        if one.path in versions
    ]
    return {"data": found, "remotes": list(project.config.remotes)}


def versions(project: Project, path: str) -> dict[str, Any]:
    """The versions that data had in git's history, the newest first."""
    return {
        "versions": [
            {
                "commit": past.commit,
                "at": past.at,
                "subject": past.subject,
                "digest": past.version and str(past.version.digest),
                "size_bytes": past.version and past.version.size_bytes,
                "files": past.version and past.version.files,
                "problem": past.problem,
            }
            for past in project.workspace.log(project.root / path)
        ]
    }


def pipeline(project: Project) -> dict[str, Any]:
    """The stages with what would be done about each, what they read from, and their last runs."""
    from jupyter_mlx.config import Config

    config = Config.read(project.root)
    if not config.stages:
        return {"stages": []}
    runner = project.runner()
    graph = runner.pipeline()
    stages = {stage.name: stage for stage in graph.stages}
    runs = last_runs(project, list(stages))

    def told(step: Step) -> dict[str, Any]:
        stage = stages[step.name]
        return {
            "name": step.name,
            "action": step.action,
            "reason": step.reason,
            "duration_s": step.duration_s,
            "group": stage.group,
            "notebook": stage.notebook,
            "command": stage.command if isinstance(stage.command, str) else " ".join(stage.command or ()),
            "inputs": stage.inputs,
            "outputs": stage.outputs,
            "upstream": sorted(graph.upstream[step.name]),
            "line": config.lines.get(f"stages.{stage.group}", 0),
            "run": runs.get(step.name),
        }

    return {"stages": [told(step) for step in runner.plan().steps]}


def last_runs(project: Project, stages: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The newest run of each stage that has one, with how far it is while it runs, and its error."""
    found: dict[str, Run] = {}
    for run in project.ledger.page("kind = stage", limit=RECENT).runs:
        found.setdefault(run.name, run)
    for name in stages:
        if name not in found:
            quoted = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
            for run in project.ledger.page(f"kind = stage and name = {quoted}", limit=1).runs:
                found[name] = run
    return {name: _told(project, found[name]) for name in stages if name in found}


def _told(project: Project, run: Run) -> dict[str, Any]:
    # a row of a page has neither
    whole = project.ledger.get(run.id) if run.status in ("running", "failed") else run
    error = whole.error and whole.error.evalue[:ERROR_CHARS]
    return {**wire.run_row(run), "progress": whole.progress, "error": error}


class DataHandler(ProjectHandler):
    """`/data`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The tracked data and its state."""
        await self.reply(data)


class VersionsHandler(ProjectHandler):
    """`/data/versions`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The versions of one path."""
        path = project_path(self.get_query_argument("path", "", strip=False))
        await self.reply(lambda project: versions(project, path))


class DiffHandler(ProjectHandler):
    """`/data/diff`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What differs, by `jmlx diff` in a process of its own: it may read large tables."""
        path = project_path(self.get_query_argument("path", "", strip=False))
        given = [self.get_query_argument(name, "") for name in ("a", "b")]
        revisions = [revision(text) for text in given if text]
        root = await self.ask(lambda project: project.root)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "jupyter_mlx.cli.main", "diff", "--json", f"--rows={DIFF_ROWS}"),
            *(f"--path={path}", "--", *revisions),
            cwd=root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            said, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        except asyncio.TimeoutError:
            process.kill()
            raise BadRequestError(
                f"the difference takes over {PATIENCE_S:.0f} s; `jmlx diff` has the time"
            ) from None
        found = msgspec.json.decode(said or b"{}")
        if isinstance(found, dict) and "error" in found:
            raise BadRequestError(found["error"]["message"])
        self.finish(wire.encode({"differences": found}))


class _BeginningHandler(ProjectHandler):
    """Begins jobs."""

    async def begin(self, what: str, arguments: list[str], about: list[str]) -> None:
        jobs = self.services.jobs

        def start(project: Project) -> Job:
            project.prepare()
            return jobs.start(project.root, what, arguments, about)

        job = await self.ask(start)
        self.set_status(202)
        self.finish(wire.encode(job.as_json()))


class JobsHandler(_BeginningHandler):
    """`/jobs`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """What goes on, and what has ended lately."""
        self.finish(wire.encode({"jobs": [job.as_json() for job in self.services.jobs.all()]}))

    @web.authenticated
    @authorized
    async def post(self) -> None:
        """Begin to work on data."""
        given = self.body_as(DataJob)
        if len(given.paths) > MOST_PATHS:
            raise BadRequestError(f"at most {MOST_PATHS} paths at a time")
        paths = [project_path(path) for path in given.paths]
        if given.what in ("add", "remove") and not paths:
            raise BadRequestError(f"{given.what} needs a path")
        options = [f"--rev={revision(given.rev)}"] if given.rev and given.what == "checkout" else []
        await self.begin(given.what, [*options, "--", *paths], paths)


class JobHandler(ProjectHandler):
    """`/jobs/{id}`."""

    @web.authenticated
    @authorized
    async def delete(self, text: str) -> None:
        """Stop it, as Ctrl-C does."""
        if not re.fullmatch(r"[0-9a-f]{16}", text):
            raise BadRequestError(f"{text[:50]!r} is not the id of a job")
        self.finish(wire.encode(self.services.jobs.stop(text).as_json()))


class PipelineHandler(ProjectHandler):
    """`/pipeline`."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """The graph, and the plan: what would run, and why."""
        await self.reply(pipeline)


class PipelineRunHandler(_BeginningHandler):
    """`/pipeline/run`."""

    @web.authenticated
    @authorized(action="execute")
    async def post(self) -> None:
        """Start a run of the pipeline in a process of its own."""
        given = self.body_as(Start)
        for stage in (*given.stages, *given.start):
            # the names become arguments of `jmlx run`
            if not stage or stage.startswith("-"):
                raise BadRequestError(f"{stage!r} is not the name of a stage")
        options = [*(["--force"] if given.force else []), *(f"--from={stage}" for stage in given.start)]
        await self.begin("run", [*options, "--", *given.stages], given.stages)
