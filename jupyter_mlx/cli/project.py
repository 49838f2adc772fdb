"""`jmlx init`, `status` and `doctor`: the project as a whole."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jupyter_mlx.errors import MlxError
from jupyter_mlx.wording import counted

from .face import Face, Payload, command

if TYPE_CHECKING:
    from jupyter_mlx.project import Project

HINTS = {
    "modified": "`jmlx add` keeps changed data, `jmlx checkout` goes back",
    "missing": "`jmlx checkout` brings missing data, `jmlx pull` from a remote",
    "not-in-store": "`jmlx add` stores the data again",
}
"""State of data → what to do about it."""


@command("init")
@click.argument("folder", default=".")
@click.option(
    "--git-hooks/--no-git-hooks",
    "hooks",
    default=None,
    help="Have git bring, merge and push the data along; also in a project that is there.",
)
@click.option(
    "--store",
    metavar="DIR",
    help="Keep the data in DIR, which other projects use too; also in a fresh clone.",
)
@click.option("--shared", is_flag=True, help="With --store: the whole group of DIR may write to it.")
def init_command(face: Face, folder: str, hooks: bool | None, store: str | None, shared: bool) -> Payload:
    r"""Make a project of FOLDER (the current one without it).

    Writes mlx.yaml, which belongs in git, and .mlx/, which git ignores.

    With --git-hooks, git checkout, merge and pull bring the data along, git
    push sends it, and pointers are merged file by file. Hooks that are there
    stay; --no-git-hooks takes ours out again.

    \b
      jmlx init
      jmlx add data/train.csv
      jmlx init --git-hooks && git add .gitattributes
      jmlx init --store /data/mlx --shared
    """
    from jupyter_mlx.project import Project, ProjectExistsError

    made = True
    try:
        project = Project.create(face.path(folder))
    except ProjectExistsError:
        if hooks is None and store is None:
            raise
        project, made = Project.open(face.path(folder)), False
    if store is not None:
        from jupyter_mlx.sharing import share

        share(project.root, face.path(store), group=shared)
        face.say(f"the data is kept in {face.path(store)}: .mlx/local.yaml says so on this machine alone")
    if made:
        face.say(f"made a project in {project.root}")
        face.say("next: `jmlx add PATH` for data, `%load_ext jupyter_mlx` and %%track in a notebook")
    if hooks is None:
        return {"root": str(project.root)}
    return {"root": str(project.root), "hooks": _hooks(face, project, put=hooks)}


def _hooks(face: Face, project: Project, *, put: bool) -> list[str]:
    from jupyter_mlx.data.hooks import install, uninstall

    files = (install if put else uninstall)(project.root, project.state / "tmp")
    for file in files:
        face.say(f"{'in place' if put else 'taken out of'}: {file}")
    if put:
        face.say(
            "next: `git add .gitattributes` and commit it; each clone needs `jmlx init --git-hooks` once"
        )
    return files


@command("status")
@click.argument("paths", nargs=-1)
def status_command(face: Face, paths: tuple[str, ...]) -> Payload:
    """Say which tracked data has changed, and which stages would run.

    Exits 3 where something has. For PATHS, only their data.
    """
    project = face.project
    root = project.root
    wanted = [face.path(path) for path in paths]
    data = [{"path": found.path, "state": found.state} for found in project.workspace.status(wanted)]
    stages = [] if paths else project.plan()
    for found in data:
        face.say(f"{found['state']:>13}  {found['path']}")
    for step in stages:
        state = "would run" if step["action"] == "run" else step["action"]
        face.say(f"{state:>13}  stage {step['name']}  ({step['reason']})")
    if any("left" in step for step in stages):
        from .stage_views import say_left

        say_left(face, stages)
    if not data and not stages:
        face.say(
            f"{root}: nothing is tracked; `jmlx add PATH` tracks data, `stages:` in mlx.yaml makes a pipeline"
        )
    states = {found["state"] for found in data} - {"unchanged", "partial"}
    pending = [step for step in stages if step["action"] == "run"]
    by_hand = [step for step in stages if step["action"] == "cached" and step["reason"] != "cached"]
    if states or pending or by_hand:
        hints = [hint for state, hint in HINTS.items() if state in states]
        hints += ["`jmlx run` runs the stages"] if pending else []
        hints += ["`jmlx run --overwrite` brings the stages' own outputs back"] if by_hand else []
        face.say("next: " + "; ".join(hints))
        face.differs()
    elif data or stages:
        parts = "; of `partial` data only parts are here" if "partial" in {f["state"] for f in data} else ""
        rest = " else" if any("left" in step for step in stages) else ""
        face.say(f"everything{rest} is as it was recorded{parts}")
    return {"data": data, "stages": stages}


@command("doctor")
@click.option("--rebuild", is_flag=True, help="Make the ledger again from the records in the store.")
def doctor_command(face: Face, rebuild: bool) -> Payload:
    """Check what jupyter_mlx needs: Python, git, the kernel, the JupyterLab panel, the project.

    Exits 3 where something is wrong, each with what to do.
    """
    if rebuild:
        count = face.project.rebuild_ledger()
        face.say(f"the ledger has {count} runs again; the old one is kept as .mlx/ledger.db.old")
        return {"runs": count}
    checks = [_python(), _git(), _kernel(), _panel(), *_project(face)]
    for found in checks:
        face.say(f"{'ok' if found['ok'] else 'WRONG':>6}  {found['name']}: {found['detail']}")
    if not all(found["ok"] for found in checks):
        face.differs()
    return {"checks": checks}


def _check(name: str, ok: bool, detail: str) -> dict[str, object]:
    return {"name": name, "ok": ok, "detail": detail}


def _python() -> dict[str, object]:
    return _check("python", sys.version_info >= (3, 10), f"{sys.version.split()[0]} at {sys.executable}")


def _git() -> dict[str, object]:
    import shutil  # slow to import, and `jmlx status` does not need it

    found = shutil.which("git")
    return _check(
        "git", found is not None, found or "not found: runs will not know their commit; install git"
    )


def _kernel() -> dict[str, object]:
    from jupyter_client.kernelspec import KernelSpecManager

    names = sorted(KernelSpecManager().find_kernel_specs())
    return _check("kernels", bool(names), ", ".join(names) or "none: `pip install ipykernel`")


def _panel() -> dict[str, object]:
    from jupyter_core.paths import jupyter_path

    places = [Path(folder, "jupyter-mlx", "package.json") for folder in jupyter_path("labextensions")]
    found = next((place.parent for place in places if place.is_file()), None)
    return _check(
        "panel",
        found is not None,
        str(found) if found else "not installed: `pip install --force-reinstall jupyter-mlx`",
    )


def _project(face: Face) -> list[dict[str, object]]:
    """The project's checks; one line where there is no project."""
    try:
        project = face.project
        checks = [_check("project", ok=True, detail=str(project.root))]
        checks.append(_check("mlx.yaml", ok=True, detail=counted(len(project.config.stages), "stage")))
        checks += [_ledger(project), _store(project)]
    except MlxError as error:
        return [_check("project", ok=False, detail=str(error))]
    return checks


def _ledger(project: Project) -> dict[str, object]:
    """Whether the ledger can be read; if not, how much of it can be made again."""
    try:
        return _check("ledger", ok=True, detail=counted(project.ledger.page(limit=1).total, "run"))
    except MlxError as error:
        records = sum(1 for _ in project.store.headed(b"mlx-record "))
        lost = "what is known of runs that had not ended is lost"
        return _check(
            "ledger", ok=False, detail=f"{error} (records of {counted(records, 'run')} are there; {lost})"
        )


def _store(project: Project) -> dict[str, object]:
    """What the store holds, and what it is known to have lost; `jmlx verify` reads it all."""
    try:
        if not (project.store.folder / "format").exists():
            return _check("store", ok=True, detail="nothing is stored yet")
        size = project.store.measure()
        damaged, lost = project.store.faults()
    except MlxError as error:
        return _check("store", ok=False, detail=str(error))
    count = counted(size.small_objects + size.large_objects, "object")
    if not damaged and not lost:
        return _check("store", ok=True, detail=count)
    what = f"{damaged:,} found damaged, {lost:,} lost with their packs"
    return _check("store", ok=False, detail=f"{count}; {what}: `jmlx verify --repair` names and mends them")
