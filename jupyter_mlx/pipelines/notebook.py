"""Execution of one notebook by papermill, in this process, with a kernel of its own.

The one file that imports papermill, on use. Our engine differs from papermill's
own in three things: the kernel is spoken to over sockets in a private folder
(parallel starts never race for a port), the notebook is saved whole, at
intervals and at the end (not twice a cell), and each cell is announced.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from jupyter_mlx.capture.redact import Redactor
from jupyter_mlx.errors import MlxError

from . import formats
from .executors.base import CellStarted, Job, Outcome
from .fingerprint import INJECTED

ENGINE = "mlx"
SAVE_EVERY_S = 5.0
START_TIMEOUT_S = 60
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"(?:Cell In\[(?P<now>\d+)\], line|Input In \[(?P<then>\d+)\], in .*?line) (?P<line>\d+)")

Announce: TypeAlias = Callable[[CellStarted], None]


def execute(job: Job, announce: Announce) -> Outcome:
    """Execute a notebook; how it ended is told by the outcome, for all that its code may do.

    Raises:
        KeyboardInterrupt: it was interrupted; the kernel is stopped, the notebook saved.
    """
    started = time.monotonic()
    try:
        node = _prepared(job)
    except MlxError as error:
        return Outcome(job.name, "failed", problem=str(error), ename=type(error).__name__, evalue=str(error))
    watch = _Watch(job, node, announce)
    try:
        problem = _run(job, node, watch)
    finally:
        watch.save()
    outcome = _failure(job, watch, problem) if problem or watch.failed else Outcome(job.name, "finished")
    return _timed(outcome, time.monotonic() - started)


def _prepared(job: Job) -> Any:
    """The notebook without its old outputs, its kernel named."""
    data = formats.read_bytes(Path(job.root) / job.notebook, job.notebook)
    node = formats.load(data, job.notebook)
    for cell in node.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    spec = node.metadata.setdefault("kernelspec", {})
    spec.setdefault("display_name", job.kernel)
    spec["name"] = job.kernel
    spec.setdefault("language", job.language)
    return node


class _Watch:
    """What is known of an execution while it goes on."""

    def __init__(self, job: Job, node: Any, announce: Announce) -> None:
        self.job, self.node, self.announce = job, node, announce
        self.cell = 0
        self.done = False
        """Whether every cell was executed."""
        self.current: Any = None
        self.failed: Any = None
        self._saved_at = time.monotonic()
        self._redactor = _redactor(job)

    def start(self, cell: Any) -> None:
        if _counts(cell):
            self.current = cell
            self.cell += 1
            self.announce(CellStarted(self.job.name, self.cell, sum(map(_counts, self.node.cells))))

    def save(self) -> None:
        """Write the notebook as it is now, whole or not at all."""
        import nbformat

        writes: Any = nbformat.writes
        from_dict: Any = nbformat.from_dict
        path = Path(self.job.executed)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        # what cannot be said in UTF-8 (lone surrogates) is replaced, not a reason to lose the rest
        data = str(writes(from_dict(self._redactor.value(self.node)))).encode("utf-8", "replace")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)
        self._saved_at = time.monotonic()

    def save_at_intervals(self) -> None:
        if time.monotonic() - self._saved_at > SAVE_EVERY_S:
            self.save()


def _redactor(job: Job) -> Redactor:
    """What takes secrets out of the executed notebook, the same as of the run where there is a project."""
    try:
        redactor = Redactor.open(Path(job.root) / ".mlx" / "salt")
    except OSError:
        redactor = Redactor(os.urandom(32))
    redactor.learn_named(os.environ)
    redactor.value(job.params)
    return redactor


def _counts(cell: Any) -> bool:
    """Whether people would count it as a code cell of the notebook."""
    return (
        cell.cell_type == "code"
        and bool(cell.source.strip())
        and INJECTED not in cell.metadata.get("tags", ())
    )


def _run(job: Job, node: Any, watch: _Watch) -> str:
    """Execute; return what went wrong outside the user's code, empty where nothing did."""
    with formats.quick_imports():
        import papermill
    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    _register_engine()
    try:
        papermill.execute_notebook(
            node,
            None,
            parameters=dict(job.params),
            engine_name=ENGINE,
            kernel_name=job.kernel,
            language=job.language,
            progress_bar=False,
            start_timeout=START_TIMEOUT_S,
            mlx_watch=watch,
        )
    except PapermillExecutionError:
        # told by the watch: papermill also counts errors that a cell's tag allows
        return ""
    except NoSuchKernel:
        return f"the kernel {job.kernel!r} is not installed; `jupyter kernelspec list` shows those that are"
    except CellTimeoutError:
        if watch.done:
            return "every cell ran, and then the kernel did not answer any more"
        return f"took longer than its timeout of {job.timeout_s:g} s"
    except DeadKernelError:
        return "the kernel died: it was killed, ran out of memory, or crashed in native code"
    except RuntimeError as error:
        if watch.current is None:
            return f"the kernel {job.kernel!r} did not start: {error}"
        raise
    return ""


def _failure(job: Job, watch: _Watch, problem: str) -> Outcome:
    cell = watch.failed
    if cell is None:
        return Outcome(
            job.name, "failed", problem=problem, ename="KernelError", evalue=problem, cell=watch.cell
        )
    error = next((o for o in cell.outputs if o.output_type == "error"), None)
    if error is None:
        return Outcome(job.name, "failed", problem="a cell failed without saying why", cell=watch.cell)
    return Outcome(
        job.name,
        "failed",
        problem=f"{error.ename}: {_first_line(error.evalue)}",
        ename=error.ename,
        evalue=error.evalue,
        traceback=tuple(error.traceback),
        cell=watch.cell,
        line=_line(cell.source, error.traceback),
    )


def _timed(outcome: Outcome, duration_s: float) -> Outcome:
    from dataclasses import replace

    return replace(outcome, duration_s=duration_s)


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _line(source: str, traceback: list[str]) -> str:
    """The line of the cell that raised: of the frames that lie in cells, the first is always in this one."""
    frames = list(_FRAME.finditer(_ANSI.sub("", "\n".join(traceback))))
    own = [frame for frame in frames if frame.group("now", "then") == frames[0].group("now", "then")]
    lines = source.splitlines()
    if own and 0 < int(own[-1]["line"]) <= len(lines):
        return lines[int(own[-1]["line"]) - 1].strip()
    return _first_line(source)


@cache
def _register_engine() -> None:
    import logging

    from papermill.engines import NBClientEngine, papermill_engines

    # what papermill would log is told by outcomes
    logging.getLogger("papermill").setLevel(logging.ERROR)
    client_class, manager_class = _client_class(), _manager_class()

    class Engine(NBClientEngine):  # type: ignore[misc]
        """papermill's engine, with our client and our manager."""

        @classmethod
        def execute_notebook(cls, nb: Any, kernel_name: str, **options: Any) -> Any:
            watch: _Watch = options["mlx_watch"]
            manager = manager_class(nb, watch)
            manager.notebook_start()
            try:
                with tempfile.TemporaryDirectory(prefix="jmlx-", ignore_cleanup_errors=True) as private:
                    client = client_class(
                        manager,
                        kernel_name=kernel_name,
                        # papermill's and nbclient's `timeout` takes whole seconds only
                        timeout_func=lambda cell: watch.job.timeout_s,
                        # for what is asked of the kernel after the last cell
                        timeout=START_TIMEOUT_S,
                        startup_timeout=options["start_timeout"],
                    )
                    client.private = private
                    _execute(client, watch.job)
            finally:
                manager.notebook_complete()
            return manager.nb

    papermill_engines.register(ENGINE, Engine)


def _manager_class() -> Any:
    from nbclient.exceptions import CellExecutionError
    from papermill.engines import NotebookExecutionManager

    class Manager(NotebookExecutionManager):  # type: ignore[misc]
        """Follows an execution for papermill, and announces it."""

        def __init__(self, node: Any, watch: _Watch) -> None:
            self.watch = watch
            super().__init__(node, progress_bar=False, autosave_cell_every=0)
            watch.node = node

        def save(self, **_: Any) -> None:
            self.watch.save_at_intervals()

        def cell_start(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
            super().cell_start(cell, cell_index=cell_index, **options)
            self.watch.start(cell)

        def cell_exception(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
            super().cell_exception(cell, cell_index=cell_index, **options)
            error: CellExecutionError = options["exception"]
            if not (error.ename == "SystemExit" and error.evalue in ("", "0", "None")):
                self.watch.failed = cell

    return Manager


def _client_class() -> Any:
    from nbclient.exceptions import CellTimeoutError
    from nbclient.util import ensure_async, run_sync
    from papermill.clientwrap import PapermillNotebookClient

    class Client(PapermillNotebookClient):  # type: ignore[misc]
        """Speaks to a kernel over sockets in a private folder."""

        def create_kernel_manager(self) -> Any:
            manager = super().create_kernel_manager()
            if os.name == "posix" and self.nb_man.watch.job.language == "python":
                manager.transport = "ipc"
                manager.connection_file = str(Path(self.private) / "kernel.json")
            return manager

        def papermill_execute_cells(self) -> None:
            try:
                super().papermill_execute_cells()
                self.nb_man.watch.done = True
            except (KeyboardInterrupt, CellTimeoutError):
                # a busy kernel that is asked politely first may go on for seconds
                self.shutdown_kernel = "immediate"
                raise

        async def _async_cleanup_kernel(self) -> None:
            if self.shutdown_kernel != "immediate" and await ensure_async(self.km.is_alive()):
                # without the interrupt that `shutdown_kernel` sends first: an idle kernel that
                # hears it now and then misses the request that follows, and seconds are lost
                await ensure_async(self.km.request_shutdown())
                await ensure_async(self.km.finish_shutdown(pollinterval=0.01))
            await super()._async_cleanup_kernel()

        _cleanup_kernel = run_sync(_async_cleanup_kernel)

    return Client


def _execute(client: Any, job: Job) -> None:
    env = {**os.environ, **job.env}
    # the session of a JupyterLab that started us is not this notebook's
    env.pop("JPY_SESSION_NAME", None)
    # the notebook's own folder, as in JupyterLab: the same cells work here and there
    client.execute(cwd=str(Path(job.root, job.notebook).parent), env=env)
