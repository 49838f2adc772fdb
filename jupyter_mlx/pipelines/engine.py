"""The engine `mlx` of papermill: `papermill --engine mlx in.ipynb out.ipynb`, with a project or without.

It differs from papermill's own in what is waited for. The kernel is a copy of a
warm process where that is safe; there are no fixed waits; the kernel is told
to end and its end is awaited; the notebook is saved at intervals that keep the
saving small beside the work. What stands in the notebook afterwards is the same.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from nbclient.client import timestamp
from nbclient.exceptions import CellExecutionComplete, CellTimeoutError, DeadKernelError
from nbclient.util import run_hook, run_sync
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, NotebookExecutionManager, papermill_engines
from papermill.exceptions import PapermillExecutionError
from papermill.log import logger
from papermill.utils import merge_kwargs, remove_args

from .kernels.calling import IDLE_S, is_readable
from .kernels.deaths import Witness
from .kernels.dialogue import Dialogue, KernelEndedError, OverdueError, short_folder
from .kernels.leaving import LEAVING
from .kernels.provisioner import MlxProvisioner
from .kernels.wanted import wanted

__all__ = [
    "ENGINE",
    "EngineClient",
    "MlxEngine",
    "PacedManager",
    "PapermillExecutionError",
    "execute_notebook",
    "register",
]

ENGINE: Final = "mlx"
LEAVE_S: Final = 10.0
"""How long a kernel may take to leave: its exit handlers run."""
NUDGE_S: Final = 0.2
INTERRUPTED_S: Final = 2.0
"""How long a kernel may take to give up a cell that it is interrupted in."""
SAVE_EVERY_S: Final = 1.0
SHARE: Final = 20
"""A notebook is saved when this many times as long has passed as the last saving took."""


def execute_notebook(*args: Any, **options: Any) -> Any:
    """See `papermill.execute.execute_notebook`."""
    # papermill imports its engines in the middle of its own import
    from papermill.execute import execute_notebook as execute

    return execute(*args, **options)


class Pace:
    """Says when a notebook that grows should be saved: often, but at a twentieth of the time."""

    def __init__(self) -> None:
        self._saved_at = float("-inf")
        self._took_s = 0.0

    @property
    def due_in_s(self) -> float:
        """After how long it is time; zero or less where it is."""
        return self._saved_at + max(SAVE_EVERY_S, SHARE * self._took_s) - time.monotonic()

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Measure a saving."""
        begun = time.monotonic()
        yield
        self._saved_at = time.monotonic()
        self._took_s = self._saved_at - begun


class PacedManager(NotebookExecutionManager):  # type: ignore[misc]
    """Follows an execution for papermill, and saves the notebook at the engine's pace."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._pace = Pace()
        self._is_behind = False
        super().__init__(*args, **options)

    def save(self, **options: Any) -> None:
        """Write the notebook, if it is time; else `aside` does."""
        self._is_behind = True
        if self._pace.due_in_s <= 0:
            self.save_now(**options)

    def save_now(self, **options: Any) -> None:
        """Write the notebook."""
        self._is_behind = False
        with self._pace.saving():
            self.write(**options)

    def write(self, **options: Any) -> None:
        """Write the notebook to where it belongs."""
        super().save(**options)

    def aside(self) -> float | None:
        """Save what was not saved when it happened, if it is time now; else say when it will be."""
        if not self._is_behind:
            return None
        due_in_s = self._pace.due_in_s
        if due_in_s > 0:
            return due_in_s
        self.save_now()
        return None

    def cell_exception(self, cell: Any, cell_index: int | None = None, **options: Any) -> None:
        """See `NotebookExecutionManager.cell_exception`; a failure is worth a saving."""
        super().cell_exception(cell, cell_index=cell_index, **options)
        self.save_now()

    def notebook_complete(self, **options: Any) -> None:
        """See `NotebookExecutionManager.notebook_complete`; what it saves is the end."""
        self._pace = Pace()
        super().notebook_complete(**options)


class EngineClient(PapermillNotebookClient):  # type: ignore[misc]
    """papermill's client, with a conversation of our own."""

    cold = False
    idle_s = IDLE_S
    copy = ""
    wanted: tuple[str, ...] | None = None
    dialogue: Dialogue
    provisioner: Any = None

    def execute(self, **options: Any) -> Any:
        """Execute the notebook; see `NotebookClient.execute`.

        Raises:
            DeadKernelError: the kernel ended.
            CellTimeoutError: a cell took too long.
        """
        self.reset_execution_trackers()
        with tempfile.TemporaryDirectory(
            prefix="jmlx-", dir=short_folder(), ignore_cleanup_errors=True
        ) as private:
            self.km = self._manager(Path(private))
            self.witness = Witness()
            info = self._begin(options)
            try:
                self.converse()
                self.nb.metadata["language_info"] = info["language_info"]
                self.set_widgets_metadata()
                self._leave()
            finally:
                self._end()
        return self.nb

    def converse(self) -> None:
        """Execute the cells."""
        self.papermill_execute_cells()

    # -- the kernel --------------------------------------------------------------------------

    def _manager(self, private: Path) -> Any:
        manager = self.create_kernel_manager()
        spec = manager.kernel_spec
        if os.name == "posix" and spec.language.lower() == "python":
            # parallel starts never race for a port
            manager.transport = "ipc"
            manager.connection_file = str(private / "kernel.json")
        if manager.provisioner is None and not spec.metadata.get("kernel_provisioner"):
            self.provisioner = MlxProvisioner(
                kernel_id=manager.kernel_id or "mlx", kernel_spec=spec, parent=manager
            )
            self.provisioner.wanted = self.wanted or ()
            self.provisioner.idle_s = self.idle_s
            self.provisioner.cold = self.cold or self.wanted is None
            self.provisioner.copy = self.copy
            manager.provisioner = self.provisioner
        return manager

    def _begin(self, options: dict[str, Any]) -> Any:
        """Start the kernel; return what it says of itself when it can be spoken to.

        Raises:
            RuntimeError: it did not start.
        """
        self.start_new_kernel(**options)
        self.log.info(f"Executing notebook with kernel: {self.kernel_name}")
        try:
            exit_fd = getattr(self.provisioner, "exit_fd", -1)
            self.dialogue = Dialogue(self.km, exit_fd, self.nb_man.aside)
            self.kc = self.dialogue.client
            info = self.dialogue.ready(self.startup_timeout)
        except KernelEndedError:
            self._end()
            raise RuntimeError(f"{self.story()} before it could be spoken to") from None
        except OverdueError:
            self._end()
            raise RuntimeError(f"Kernel didn't respond in {self.startup_timeout} seconds") from None
        except BaseException:
            self._end()
            raise
        if info.get("implementation") == "ipython":
            # it comes before the first cell, and nothing waits for it
            self.kc.execute(LEAVING, silent=True, store_history=False, allow_stdin=False)
        run_sync(run_hook)(self.on_notebook_start, notebook=self.nb)
        return info

    def _leave(self) -> None:
        """Have the kernel end as it would by itself."""
        if self.shutdown_kernel == "immediate":
            return
        run_sync(self.km._async_request_shutdown)()
        deadline = time.monotonic() + LEAVE_S
        while run_sync(self.km.provisioner.poll)() is None and time.monotonic() < deadline:
            exit_fd = getattr(self.provisioner, "exit_fd", -1)
            if exit_fd < 0:
                time.sleep(NUDGE_S / 10)
            elif is_readable(exit_fd, NUDGE_S):
                continue
            # ipykernel has told its main thread to leave, but not woken it: where a child
            # ignores SIGTERM, as joblib's do, it would sleep on for 14 s
            self.kc.kernel_info()

    def _end(self) -> None:
        """Stop what is still there, and let go of it all."""
        with suppress(RuntimeError):
            if run_sync(self.km._async_is_alive)():
                run_sync(self.km._async_shutdown_kernel)(now=True)
            else:
                run_sync(self.km.provisioner.wait)()
        run_sync(self.km._async_cleanup_resources)()
        if self.kc is not None:
            self.dialogue.close()
            self.kc = None
        run_sync(run_hook)(self.on_notebook_complete, notebook=self.nb)

    def story(self) -> str:
        """How the kernel ended, in a few words."""
        process = getattr(self.km.provisioner, "process", None)
        status = process.poll() if process is not None else None
        return self.witness.story(status)

    # -- cells -------------------------------------------------------------------------------

    def execute_cell(
        self, cell: Any, cell_index: int, execution_count: int | None = None, store_history: bool = True
    ) -> Any:
        """Execute one cell; see `NotebookClient.execute_cell`."""
        hook: Callable[..., None] = run_sync(run_hook)
        hook(self.on_cell_start, cell=cell, cell_index=cell_index)
        tags = cell.metadata.get("tags", [])
        if cell.cell_type != "code" or not cell.source.strip() or self.skip_cells_with_tag in tags:
            return cell
        if self.record_timing:
            cell["metadata"]["execution"] = {}
        allows = not self.force_raise_errors and (self.allow_errors or "raises-exception" in tags)
        hook(self.on_cell_execute, cell=cell, cell_index=cell_index)
        asked = self.kc.execute(cell.source, store_history=store_history, stop_on_error=not allows)
        hook(self.on_cell_complete, cell=cell, cell_index=cell_index)
        self.code_cells_executed += 1
        cell.outputs = []
        self.clear_before_next_output = False
        reply = self._heard_out(asked, cell, cell_index)
        if self.record_timing and "header" in reply:
            cell["metadata"]["execution"]["shell.execute_reply"] = timestamp(reply)
        if execution_count:
            cell["execution_count"] = execution_count
        hook(self.on_cell_executed, cell=cell, cell_index=cell_index, execute_reply=reply)
        run_sync(self._check_raise_for_error)(cell, cell_index, reply)
        self.nb["cells"][cell_index] = cell
        return cell

    def _heard_out(self, asked: str, cell: Any, cell_index: int) -> Any:
        def hear(message: Any) -> None:
            with suppress(CellExecutionComplete):
                self.process_message(message, cell, cell_index)

        timeout_s = self._get_timeout(cell)
        try:
            return self.dialogue.hear_out(asked, hear, timeout_s=timeout_s, quiet_s=self.iopub_timeout)
        except KernelEndedError:
            raise DeadKernelError(self.story()) from None
        except OverdueError as error:
            if error.reply is not None:
                return self._unfinished(error.reply, cell)
            self.log.error("Timeout waiting for execute reply (%ss).", timeout_s)  # noqa: TRY400 (no traceback)
        if not self.interrupt_on_timeout:
            raise CellTimeoutError.error_from_timeout_and_cell("Cell execution timed out", timeout_s, cell)
        self.interrupt()
        reply = self.dialogue.hear_out(asked, hear)
        return {"content": {**self.error_on_timeout, "status": "error"}} if self.error_on_timeout else reply

    def _unfinished(self, reply: Any, cell: Any) -> Any:
        if self.raise_on_iopub_timeout:
            said = "Timeout waiting for IOPub output"
            raise CellTimeoutError.error_from_timeout_and_cell(said, self.iopub_timeout, cell)
        self.log.warning("Timeout waiting for IOPub output")
        return reply

    def interrupt(self) -> None:
        """Interrupt what the kernel executes."""
        run_sync(self.km._async_interrupt_kernel)()

    def calm(self) -> bool:
        """Interrupt the kernel; say whether it gave up its cell in time, so that it can be spoken to."""
        try:
            # a second time for a cell that caught the first
            for _ in range(2):
                self.interrupt()
                with suppress(OverdueError):
                    self.dialogue.execute(
                        "", lambda _: None, timeout_s=INTERRUPTED_S, options={"silent": True}
                    )
                    return True
        except (KernelEndedError, RuntimeError, OSError):
            pass
        return False


class MlxEngine(NBClientEngine):  # type: ignore[misc]
    """See the module."""

    @classmethod
    def execute_notebook(
        cls,
        nb: Any,
        kernel_name: str,
        output_path: Any = None,
        progress_bar: Any = True,
        log_output: bool = False,
        autosave_cell_every: int = 30,
        **options: Any,
    ) -> Any:
        """See `papermill.engines.Engine.execute_notebook`."""
        follow = options.pop("mlx_follow", None)
        make = follow.manager if follow else PacedManager
        manager = make(
            nb,
            output_path=output_path,
            progress_bar=progress_bar,
            log_output=log_output,
            autosave_cell_every=autosave_cell_every,
        )
        manager.notebook_start()
        try:
            cls.execute_managed_notebook(
                manager, kernel_name, log_output=log_output, mlx_follow=follow, **options
            )
        finally:
            manager.cleanup_pbar()
            manager.notebook_complete()
        return manager.nb

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        """See `papermill.engines.NBClientEngine.execute_managed_notebook`."""
        follow = options.pop("mlx_follow", None)
        if options.keys() & {"km", "kernel_manager_class", "coalesce_streams"}:
            # a kernel that is not ours to start, outputs that are nbclient's own to join
            return super().execute_managed_notebook(nb_man, kernel_name, **options)
        make = follow.client if follow else EngineClient
        client = make(nb_man, **_client_options(kernel_name, options))
        sources = [cell.source for cell in nb_man.nb.cells if cell.cell_type == "code"]
        client.wanted = wanted(sources)
        return follow.execute(client) if follow else client.execute(env=_env())


def _client_options(kernel_name: str, options: dict[str, Any]) -> dict[str, Any]:
    """What papermill's engine makes of its options for nbclient."""
    kept = remove_args(
        ["input_path", "timeout", "startup_timeout", "execution_timeout", "start_timeout"], **options
    )
    return dict(
        merge_kwargs(
            kept,
            timeout=options.get("execution_timeout") or options.get("timeout"),
            startup_timeout=options.get("start_timeout", 60),
            kernel_name=kernel_name,
            log=logger,
        )
    )


def _env() -> dict[str, str]:
    return dict(os.environ)


def register() -> None:
    """Make the engine known to papermill, where the entry point of an installed package does not."""
    papermill_engines.register(ENGINE, MlxEngine)
