"""Execution of one job by papermill with our engine, in this process; each cell is announced."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from jupyter_mlx.capture.redact import RepeatingRedactor
from jupyter_mlx.config.machine import Kernels, kernels_here
from jupyter_mlx.errors import ExecutionError, MlxError
from jupyter_mlx.starting import for_papermill

from . import formats
from .executors.base import TOLD_MIME, CellStarted, Job, Outcome, Printed
from .fingerprint import INJECTED

START_TIMEOUT_S = 60
TELL_EVERY_S = 0.2
"""So often at most the last line that was printed is told."""
LONGEST_LINE = 120
EPILOGUE_S = 5.0
"""How long a kernel that was interrupted may take for the epilogue."""
NO_INPUT = "it asks for input, and nobody is there to answer; make what it asks for a parameter"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FRAME = re.compile(r"(?:Cell In\[(?P<now>\d+)\], line|Input In \[(?P<then>\d+)\], in .*?line) (?P<line>\d+)")

Announce: TypeAlias = Callable[[CellStarted | Printed], None]


class PrologueError(ExecutionError):
    """What is executed before a notebook's first cell raised."""

    code = "prologue-failed"

    def __init__(self, ename: str, evalue: str) -> None:
        super().__init__(ename, evalue)
        self.ename, self.evalue = ename, evalue

    def __str__(self) -> str:
        return f"the kernel could not be prepared: {self.ename}: {self.evalue}"


def execute(job: Job, announce: Announce) -> Outcome:
    """Execute a notebook; how it ended is told by the outcome, for all that its code may do.

    Raises:
        KeyboardInterrupt: it was interrupted; the kernel is stopped, the notebook saved.
    """
    started = time.monotonic()
    try:
        node, earlier = _prepared(job), _earlier(job)
        here = kernels_here(Path(job.root))
    except MlxError as error:
        return Outcome(job.name, "failed", problem=str(error), ename=type(error).__name__, evalue=str(error))
    watch = _Watch(job, node, here, announce, earlier)
    try:
        problem = _run(job, node, watch)
    finally:
        watch.save()
    outcome = _failure(job, watch, problem) if problem or watch.failed else Outcome(job.name, "finished")
    outcome = outcome.cleaned(watch.clean)
    return replace(outcome, duration_s=time.monotonic() - started, told=watch.told)


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


def _earlier(job: Job) -> list[Any]:
    """The cells that are not executed, as an earlier execution left them."""
    if not job.begin:
        return []
    node = formats.load(formats.read_bytes(Path(job.earlier), job.earlier), job.earlier)
    code = [cell for cell in node.cells if cell.cell_type == "code" and cell.source.strip()]
    if len(code) < job.begin:
        raise formats.BadNotebookError(job.earlier, "lacks cells that were executed")
    return code[: job.begin]


class _Watch:
    """What is known of an execution while it goes on."""

    def __init__(self, job: Job, node: Any, here: Kernels, announce: Announce, earlier: list[Any]) -> None:
        self.job, self.node, self.here, self.announce = job, node, here, announce
        self._earlier = earlier
        self.cell = 0
        self.done = False
        """Whether every cell was executed."""
        self.current: Any = None
        self.failed: Any = None
        """The cell that failed, and with what:"""
        self.raised: Any = None
        self.told: dict[str, Any] = {}
        """What the prologue and the epilogue said."""
        self._told_at = 0.0
        self._redactor = _redactor(job)
        for cell in node.cells:
            # a secret that the code holds is one in what it prints, which is written before it
            self._redactor.text(cell.source)

    def printed(self, text: str) -> None:
        """Tell the last line of what a cell wrote."""
        now = time.monotonic()
        # the end is enough: a line that goes on is a bar, and an output may be large
        said = _ANSI.sub("", text[-10 * LONGEST_LINE :]).strip()
        if said and now - self._told_at > TELL_EVERY_S:
            self._told_at = now
            last = self.clean(said).replace("\r", "\n").rpartition("\n")[2].strip()
            self.announce(Printed(self.job.name, last[:LONGEST_LINE]))

    def clean(self, text: str) -> str:
        """The text without secrets: as a whole, for one may have several lines."""
        return self._redactor.text(text)

    def spares(self, cell: Any) -> bool:
        """Whether the prologue stands in for a cell, which is given the outputs that it had."""
        if not self._earlier or cell.cell_type != "code" or not cell.source.strip():
            return False
        before = self._earlier.pop(0)
        cell.outputs, cell.execution_count = before.outputs, before.execution_count
        return True

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
        data = str(writes(from_dict(self._redactor.whole(self.node)))).encode("utf-8", "replace")
        try:
            temporary.write_bytes(data)
            temporary.replace(path)
        finally:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def _redactor(job: Job) -> RepeatingRedactor:
    """What takes secrets out of the executed notebook, the same as of the run where there is a project."""
    try:
        redactor = RepeatingRedactor.open(Path(job.root) / ".mlx" / "salt")
    except OSError:
        redactor = RepeatingRedactor(os.urandom(32))
    redactor.learn_named({**os.environ, **job.env})
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
    with formats.quick_imports(), for_papermill():
        from .engine import PapermillExecutionError, execute_notebook
    import logging

    from jupyter_client.kernelspec import NoSuchKernel
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    # what papermill would log is told by outcomes
    logging.getLogger("papermill").setLevel(logging.ERROR)
    follow = _Follow(watch)
    try:
        execute_notebook(
            node,
            None,
            parameters=dict(job.params),
            engine_name=follow.engine,
            kernel_name=job.kernel,
            language=job.language,
            progress_bar=False,
            start_timeout=START_TIMEOUT_S,
            mlx_follow=follow,
        )
    except PapermillExecutionError:
        # told by the watch: papermill also counts errors that a cell's tag allows
        return ""
    except PrologueError as error:
        return str(error)
    except NoSuchKernel:
        return f"the kernel {job.kernel!r} is not installed; `jupyter kernelspec list` shows those that are"
    except CellTimeoutError:
        if watch.done:
            return "every cell ran, and then the kernel did not answer any more"
        return f"took longer than its timeout of {job.timeout_s:g} s"
    except DeadKernelError as error:
        return str(error)
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
    # a wrong use of a magic is told on stderr, and stands in the reply alone
    error = next((o for o in cell.outputs if o.output_type == "error"), watch.raised)
    shown = () if error is watch.raised else tuple(error.traceback)
    said = NO_INPUT if error.ename == "StdinNotImplementedError" else _first_line(watch.clean(error.evalue))
    return Outcome(
        job.name,
        "failed",
        problem=f"{error.ename}: {said}",
        ename=error.ename,
        evalue=error.evalue,
        traceback=shown,
        cell=watch.cell,
        line=_line(cell.source, shown),
    )


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


def _line(source: str, traceback: Iterable[str]) -> str:
    """The line of the cell that raised: of the frames that lie in cells, the first is always in this one."""
    frames = list(_FRAME.finditer(_ANSI.sub("", "\n".join(traceback))))
    own = [frame for frame in frames if frame.group("now", "then") == frames[0].group("now", "then")]
    lines = source.splitlines()
    if own and 0 < int(own[-1]["line"]) <= len(lines):
        return lines[int(own[-1]["line"]) - 1].strip()
    return _first_line(source)


class _Follow:
    """What the engine needs to know of a job: `manager`, `client`, `execute`."""

    def __init__(self, watch: _Watch) -> None:
        from .engine import ENGINE, EngineClient, PacedManager, register

        register()
        self.engine, self.watch = ENGINE, watch
        follow = self

        class Manager(PacedManager):
            """Follows an execution for papermill, and announces it."""

            def __init__(self, node: Any, **_: Any) -> None:
                super().__init__(node, progress_bar=False, autosave_cell_every=1)
                watch.node = node

            def write(self, **_: Any) -> None:
                watch.save()

            def cell_start(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
                super().cell_start(cell, cell_index=cell_index, **options)
                watch.start(cell)

            def cell_exception(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
                super().cell_exception(cell, cell_index=cell_index, **options)
                error = options["exception"]
                if not (error.ename == "SystemExit" and error.evalue in ("", "0", "None")):
                    watch.failed, watch.raised = cell, error

        class Client(EngineClient):
            """Executes what belongs to the job beside the notebook's own cells."""

            def process_message(self, msg: Any, cell: Any, cell_index: int) -> Any:
                if msg["msg_type"] == "stream":
                    watch.printed(msg["content"]["text"])
                return super().process_message(msg, cell, cell_index)

            def execute_cell(self, cell: Any, cell_index: int, *options: Any, **named: Any) -> Any:
                # the prologue stands in for some
                return (
                    cell if watch.spares(cell) else super().execute_cell(cell, cell_index, *options, **named)
                )

            def converse(self) -> None:
                follow.converse(self, super().converse)

        self.manager, self.client = Manager, Client

    def execute(self, client: Any) -> Any:
        """Execute the notebook in its own folder, as JupyterLab does: the same cells work here and there."""
        job = self.watch.job
        here = self.watch.here
        client.cold, client.copy = job.cold or here.cold, job.copy
        client.idle_s = client.idle_s if here.idle_s is None else here.idle_s
        # papermill's and nbclient's `timeout` takes whole seconds only
        client.timeout_func = lambda cell: job.timeout_s
        env = {**os.environ, **job.env}
        # the session of a JupyterLab that started us is not this notebook's
        env.pop("JPY_SESSION_NAME", None)
        return client.execute(cwd=str(Path(job.root, job.notebook).parent), env=env)

    def converse(self, client: Any, execute_cells: Callable[[], None]) -> None:
        """Execute the prologue, the cells, the epilogue."""
        from nbclient.exceptions import CellTimeoutError

        job = self.watch.job
        self._prologue(client)
        try:
            execute_cells()
        except (KeyboardInterrupt, CellTimeoutError):
            # a busy kernel that is asked politely first may go on for seconds
            client.shutdown_kernel = "immediate"
            if job.epilogue and client.calm():
                self._epilogue(client, EPILOGUE_S)
            raise
        self.watch.done = True
        self._epilogue(client, START_TIMEOUT_S)

    def _prologue(self, client: Any) -> None:
        from nbclient.exceptions import DeadKernelError

        from .kernels.dialogue import KernelEndedError, OverdueError

        try:
            reply = self._beside(client, self.watch.job.prologue)
        except KernelEndedError:
            raise DeadKernelError(client.story()) from None
        except OverdueError:
            raise PrologueError("TimeoutError", f"it took longer than {START_TIMEOUT_S} s") from None
        if reply["status"] != "ok":
            raise PrologueError(reply.get("ename", ""), reply.get("evalue", ""))

    def _epilogue(self, client: Any, timeout_s: float) -> None:
        from .kernels.dialogue import KernelEndedError, OverdueError

        with suppress(KernelEndedError, OverdueError):
            self._beside(client, self.watch.job.epilogue, timeout_s)

    def _beside(self, client: Any, code: str, timeout_s: float = START_TIMEOUT_S) -> Any:
        """Execute what is no cell of the notebook; remember what it displays as `TOLD_MIME`."""
        if not code:
            return {"status": "ok"}

        def hear(message: Any) -> None:
            if message["msg_type"] == "display_data":
                self.watch.told.update(message["content"]["data"].get(TOLD_MIME, {}))

        options = {"silent": True, "store_history": False, "stop_on_error": False}
        return client.dialogue.execute(code, hear, timeout_s=timeout_s, options=options)["content"]
