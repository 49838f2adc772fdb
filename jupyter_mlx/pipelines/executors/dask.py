"""The Dask executor: notebooks on the workers of a cluster; see `dask_worker` for their side. Dask is imported on use.

A worker that sees the project's folder works in it; to one that does not, the
job takes along what it needs. What Dask shows or logs of a job is its stage's
name: parameters and secrets travel in a parcel that has no text.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from jupyter_mlx.errors import MlxError, UsageError

from . import luggage
from .agreeing import compared
from .base import Job, Outcome, Report
from .dask_worker import interrupt, perform
from .luggage import Home, Luggage, Parcel, Souvenirs
from .worker import decode

CONNECT_S = 5
"""How long a scheduler may take to answer."""
LONELY_S = 60.0
"""How long jobs wait for another worker when the last one has gone."""
LOOK_EVERY_S = 2.0
"""How often it is asked whether there are workers."""
GPU_VARIABLE = "CUDA_VISIBLE_DEVICES"
RESOURCES = {"cpus": "CPU", "memory_bytes": "MEMORY", "gpus": "GPU"}
"""Ours → as Dask's workers are told: `dask worker --resources "GPU=2"`."""


class DaskMissingError(UsageError):
    """Dask is not installed."""

    code = "dask-missing"

    def __str__(self) -> str:
        return "`--executor dask` needs Dask's distributed; `pip install 'jupyter-mlx[dask]'`"


class SchedulerUnreachableError(UsageError):
    """No scheduler answers at the address."""

    code = "scheduler-unreachable"

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(address, problem)
        self.address, self.problem = address, problem

    def __str__(self) -> str:
        return (
            f"no Dask scheduler answers at {self.address} ({self.problem}); start one with `dask scheduler`, "
            "or leave --scheduler out for a cluster on this machine"
        )


@dataclass
class _Sent:
    """A job that the cluster has."""

    job: Job
    report: Report
    future: Any
    witness: Path


@dataclass
class DaskExecutor:
    """See `Executor`."""

    address: str | None
    """Of a scheduler; None for a cluster on this machine."""
    slots: int
    """With a scheduler, 0 means as many as its workers have threads."""
    home: Home | None = None
    """The project, where jobs may have to travel."""
    note: Callable[[str], None] = lambda text: None
    _sent: dict[str, _Sent] = field(default_factory=dict)
    """Token → job."""
    _cancelled: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Connect, and compare versions.

        Raises:
            DaskMissingError, SchedulerUnreachableError, VersionsDifferError: it cannot work.
        """
        self._lock = threading.RLock()
        self._stopping = False
        self._closed = threading.Event()
        self._travels = False
        self._connect()
        try:
            self._compare_versions()
        except BaseException:
            self._client.close()
            raise
        self._topic = f"jupyter-mlx-{os.urandom(8).hex()}"
        self._client.subscribe_topic(self._topic, self._hear)
        self._watcher = threading.Thread(target=self._watch, daemon=True, name="jupyter-mlx-dask")
        self._watcher.start()

    # -- the cluster -------------------------------------------------------------------------

    def _connect(self) -> None:
        try:
            import distributed as found
        except ImportError:
            raise DaskMissingError from None
        distributed: Any = found
        self._cluster: Any = None
        if self.address is None:
            self._cluster = distributed.LocalCluster(
                n_workers=self.slots or None, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1"
            )
        try:
            self._client: Any = _connected(distributed.Client, self._cluster or self.address)
        except (OSError, ValueError, TypeError) as error:
            # TypeError: `tls://` without certificates
            raise SchedulerUnreachableError(self.address or "", str(error) or type(error).__name__) from None
        self.slots = self.slots or max(1, sum(worker["nthreads"] for worker in self.workers().values()))

    def workers(self) -> dict[str, Any]:
        """The workers that there are now: address → what the scheduler says of them."""
        found: dict[str, Any] = self._client.scheduler_info().get("workers", {})
        return found

    def _compare_versions(self) -> None:
        found = self._client.get_versions(packages=["jupyter_mlx", "ipykernel", "papermill", "nbclient"])
        here = found["client"]["packages"]
        for address, worker in found["workers"].items():
            differ = compared(address, here, worker["packages"])
            if differ:
                self.note(differ)

    def _watch(self) -> None:
        """Answer the jobs that nobody is left to execute."""
        lonely_s, seen = 0.0, False
        while not self._closed.wait(LOOK_EVERY_S):
            with suppress(Exception):  # the client is reconnecting, or closed
                there = bool(self.workers())
                seen = seen or there
                lonely_s = 0.0 if there or not seen else lonely_s + LOOK_EVERY_S
            if lonely_s >= LONELY_S:
                for token in list(self._sent):
                    self._answer(token, "failed", "no worker of the Dask cluster is left to execute it")

    # -- jobs --------------------------------------------------------------------------------

    def submit(self, job: Job, report: Report) -> None:
        """See `Executor.submit`."""
        if self._stopping:
            report(Outcome(job.name, "interrupted"))
            return
        # each worker has GPUs of its own
        job = replace(job, env={key: value for key, value in job.env.items() if key != GPU_VARIABLE})
        try:
            self._send(job, report, self._pack(job) if self._travels else None)
        except (MlxError, OSError) as error:
            report(Outcome(job.name, "failed", problem=str(error), ename=type(error).__name__))

    def _pack(self, job: Job) -> Luggage:
        if self.home is None:
            raise UnseenError(job.root)
        return luggage.packed(job, self.home)

    def _send(self, job: Job, report: Report, taken: Luggage | None) -> None:
        token = os.urandom(8).hex()
        witness = Path(job.executed).with_name(f".jmlx-{token}")
        witness.write_text(token)
        parcel = Parcel(job, token, self._topic, (str(witness), token), taken)
        with self._lock:
            sent = self._sent[token] = _Sent(job, report, None, witness)
        name = job.name.partition("@")[0]
        sent.future = self._client.submit(
            perform, parcel, key=f"{name}-{token}", pure=False, resources=self._asked(job) or None
        )
        sent.future.add_done_callback(lambda future: self._ended(token, future))

    def _asked(self, job: Job) -> dict[str, float]:
        """What the job asks for, as far as any worker says how much of it there is."""
        offered = {name for worker in self.workers().values() for name in worker.get("resources", {})}
        return {
            RESOURCES[name]: amount
            for name, amount in job.resources.items()
            if amount and RESOURCES.get(name) in offered
        }

    def _hear(self, event: tuple[float, Mapping[str, Any]]) -> None:
        """Pass on what a job tells while it runs."""
        with self._lock:
            sent = self._sent.get(event[1]["token"])
        if sent is not None:
            sent.report(replace(decode(event[1]["message"]), name=sent.job.name))

    def _ended(self, token: str, future: Any) -> None:
        """Answer for a job whose task has ended, however it did."""
        if future.status == "finished":
            # not in the client's own loop, which fetches the result
            threading.Thread(target=self._take, args=(token, future), daemon=True).start()
        elif future.status == "cancelled":
            if token in self._cancelled:
                self._answer(token, "interrupted")
            else:
                self._answer(token, "failed", "the Dask scheduler has lost it, or has gone")
        else:
            error = future.exception()
            said = type(error).__name__
            killed = (
                "the workers that executed it died"
                if said == "KilledWorker"
                else f"Dask failed: {said}: {error}"
            )
            self._answer(token, "failed", killed)

    def _take(self, token: str, future: Any) -> None:
        with self._lock:
            sent = self._sent.get(token)
        if sent is None:
            return
        try:
            found: Souvenirs | None = future.result()
            if found is None:
                self._send_again(token, sent)
                return
            outcome = replace(found.outcome, name=sent.job.name)
            if found.executed or found.goods.versions:
                assert self.home is not None
                outcome = replace(luggage.brought(found, sent.job, self.home), name=sent.job.name)
            self._answer(token, outcome=outcome)
        except Exception as error:
            # each job is answered, whatever a library raises
            self._answer(token, "failed", str(error) or type(error).__name__)

    def _send_again(self, token: str, sent: _Sent) -> None:
        """Send a job with its luggage, unless it was stopped meanwhile."""
        self._travels = True
        taken = None if token in self._cancelled else self._pack(sent.job)
        # whoever stops it finds the old task or the new one
        with self._lock:
            if token in self._cancelled:
                self._answer(token, "interrupted")
            else:
                self._send(sent.job, sent.report, taken)
                self._forget(token)

    def _answer(
        self, token: str, status: Any = "failed", problem: str = "", outcome: Outcome | None = None
    ) -> None:
        """Report how a job ended, once."""
        sent = self._forget(token)
        if sent is not None:
            sent.report(
                outcome or Outcome(sent.job.name, status, problem=problem, ename="DaskError" * bool(problem))
            )

    def _forget(self, token: str) -> _Sent | None:
        with self._lock:
            sent = self._sent.pop(token, None)
        if sent is not None:
            sent.witness.unlink(missing_ok=True)
        return sent

    # -- ending ------------------------------------------------------------------------------

    def held(self) -> frozenset[str]:
        """See `Executor.held`."""
        with self._lock:
            return frozenset(sent.job.name for sent in self._sent.values())

    def cancel(self, name: str) -> None:
        """See `Executor.cancel`."""
        self._end(lambda sent: sent.job.name == name)

    def stop(self, *, now: bool = False) -> None:
        """See `Executor.stop`."""
        self._stopping = True
        tokens = self._end(lambda _: True)
        if now:
            for token in tokens:
                self._answer(token, "interrupted")

    def _end(self, is_meant: Callable[[_Sent], bool]) -> list[str]:
        """Have workers stop what they execute of some jobs; the scheduler forgets the others. Returns their tokens."""
        with self._lock:
            tokens = [token for token, sent in self._sent.items() if is_meant(sent)]
            self._cancelled.update(tokens)
        if not tokens:
            return tokens
        there = self._client.run(interrupt, tokens, on_error="ignore")
        running = {token for found in there.values() if found for token in found}
        waiting = [
            sent.future for token in tokens if token not in running and (sent := self._sent.get(token))
        ]
        self._client.cancel([future for future in waiting if future is not None])
        return tokens

    def close(self) -> None:
        """See `Executor.close`."""
        self._closed.set()
        self._watcher.join()
        with suppress(Exception):
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()


def _connected(client: Any, to: Any) -> Any:
    """A client of Dask's that has connected; raises what Dask raises."""
    made = client.__new__(client)
    try:
        made.__init__(to, timeout=CONNECT_S, set_as_default=False, name="jupyter-mlx")
    except BaseException:
        # it would close itself as it is let go of, and complain, after ten seconds, that it cannot
        made.status = "closed"
        with suppress(Exception):
            made._loop_runner.stop()
        raise
    return made


class UnseenError(UsageError):
    """A worker does not see the folder that a job works in, and the job cannot travel."""

    code = "unseen"

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.root = root

    def __str__(self) -> str:
        return f"the worker does not see {self.root}; put it on a file system that both share"
