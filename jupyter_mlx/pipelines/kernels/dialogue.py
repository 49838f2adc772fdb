"""A conversation with one kernel: code in, messages out, and nothing waited for but what happens.

One thread waits for all that can come at once: replies, output, the kernel's
death, a deadline. Kernels of every language are spoken to in the same way.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import zmq

Message: TypeAlias = dict[str, Any]
Hear: TypeAlias = Callable[[Message], None]
Aside: TypeAlias = Callable[[], "float | None"]
"""Does what is due beside the conversation; after how many seconds there will be more to do, if ever."""

ASK_AGAIN_S: Final = 0.1
"""How long after a kernel's first answer its output may take to reach us, before it is asked again."""
QUIET_S: Final = 0.05
"""After a kernel's death, how long its last words may take from one to the next."""
LOOK_S: Final = 0.2
"""How often a kernel is looked after where the system does not tell of its end."""
WAKE_S: Final = 1.0
"""After so long a kernel that has not begun with what it was asked is woken, and then after twice as long each time."""


class KernelEndedError(Exception):
    """The kernel ended while it was spoken to."""


class OverdueError(Exception):
    """The kernel did not answer in time."""

    def __init__(self, reply: Message | None = None) -> None:
        super().__init__()
        self.reply = reply
        """What it did answer, where only the end of its output is missing."""


class Dialogue:
    """Speaks to a kernel that a manager has started."""

    def __init__(self, manager: Any, exit_fd: int = -1, aside: Aside = lambda: None) -> None:
        self.manager, self.exit_fd, self.aside = manager, exit_fd, aside
        self.client = manager.blocking_client()
        context = self.client.context
        # a kernel that has not bound its sockets yet is tried again sooner than by default
        context.setsockopt(zmq.RECONNECT_IVL, 10)
        # output is never thrown away because we are slower than the kernel
        context.setsockopt(zmq.RCVHWM, 0)
        self.client.start_channels(stdin=False, hb=False)
        self.client.allow_stdin = False
        self._waking = _Waking(self.client)
        self._poller = zmq.Poller()
        for channel in (self.client.shell_channel, self.client.iopub_channel):
            self._poller.register(channel.socket, zmq.POLLIN)
        if exit_fd >= 0:
            self._poller.register(exit_fd, zmq.POLLIN)

    def ready(self, timeout_s: float) -> Mapping[str, Any]:
        """Wait until the kernel answers and its output reaches us; return what it says of itself.

        Raises:
            KernelEndedError: it ended.
            OverdueError: it does not answer.
        """
        deadline = time.monotonic() + timeout_s
        info: Mapping[str, Any] = {}
        heard = False
        asked: set[str] = set()
        while not (info and heard):
            asked.add(self.client.kernel_info())
            until = min(deadline, time.monotonic() + ASK_AGAIN_S) if info else deadline
            while time.monotonic() < until and not (info and heard):
                replies, output = self._next(until)
                info = next(
                    (m["content"] for m in replies if m["parent_header"].get("msg_id") in asked), info
                )
                heard = heard or any(m["parent_header"].get("msg_id") in asked for m in output)
                if info and not heard:
                    until = min(until, time.monotonic() + ASK_AGAIN_S)
            if time.monotonic() >= deadline:
                raise OverdueError
        return info

    def execute(
        self,
        code: str,
        hear: Hear,
        *,
        timeout_s: float | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Message:
        """Have code executed; `hear` each message of its output; return the reply when all is said.

        Raises:
            KernelEndedError: the kernel ended; what it had said until then was heard.
            OverdueError: it was not done in time, and goes on.
        """
        asked = self.client.execute(code, allow_stdin=False, **(options or {}))
        return self.hear_out(asked, hear, timeout_s=timeout_s)

    def hear_out(
        self, asked: str, hear: Hear, *, timeout_s: float | None = None, quiet_s: float | None = None
    ) -> Message:
        """Wait for the reply to, and all output of, what was asked before; see `execute`.

        After the reply the output may still take its time, but not be silent for longer than `quiet_s`.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        reply: Message | None = None
        idle = False
        self._waking.ask()
        while reply is None or not idle:
            try:
                replies, output = self._next(self._waking.before(deadline))
            except KernelEndedError:
                self._last_words(asked, hear)
                raise
            for message in output:
                if message["parent_header"].get("msg_id") == asked:
                    self._waking.answered()
                    hear(message)
                    idle = idle or _is_idle(message)
            self._waking.look()
            reply = next((m for m in replies if m["parent_header"].get("msg_id") == asked), reply)
            if reply is not None and quiet_s is not None and (replies or output):
                deadline = time.monotonic() + quiet_s
            if deadline is not None and time.monotonic() >= deadline and not (reply and idle):
                raise OverdueError(reply)
        return reply

    def close(self) -> None:
        """Hang up; the kernel goes on."""
        self._waking.close()
        self.client.stop_channels()

    def _next(self, deadline: float | None) -> tuple[list[Message], list[Message]]:
        """What has come on the shell and the output channel; waits for something until the deadline."""
        limits = [
            None if deadline is None else max(0.0, deadline - time.monotonic()),
            self.aside(),
            LOOK_S if self.exit_fd < 0 else None,
        ]
        wait_s = min((limit for limit in limits if limit is not None), default=None)
        ready = dict(self._poller.poll(None if wait_s is None else int(wait_s * 1000) + 1))
        shell, iopub = self.client.shell_channel.socket, self.client.iopub_channel.socket
        output = self._received(iopub) if iopub in ready else []
        replies = self._received(shell) if shell in ready else []
        if not output and not replies and (self.exit_fd in ready or self._has_ended()):
            raise KernelEndedError
        return replies, output

    def _received(self, socket: Any) -> list[Message]:
        found: list[Message] = []
        while True:
            try:
                parts = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return found
            _, parts = self.client.session.feed_identities(parts)
            found.append(self.client.session.deserialize(parts))

    def _has_ended(self) -> bool:
        if self.exit_fd >= 0:
            return False
        from nbclient.util import run_sync

        return not run_sync(self.manager._async_is_alive)()

    def _last_words(self, asked: str, hear: Hear) -> None:
        """Hear what a kernel said before it ended."""
        iopub = self.client.iopub_channel.socket
        while iopub.poll(int(QUIET_S * 1000)):
            for message in self._received(iopub):
                if message["parent_header"].get("msg_id") == asked:
                    hear(message)


class _Waking:
    """Wakes a kernel that has not seen what it was asked.

    Before 7.4, ipykernel now and then misses that a request has come, and waits
    until another client connects (https://github.com/ipython/ipykernel/issues/1554).
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self._others: list[Any] = []
        self.ask()

    def ask(self) -> None:
        """Something is asked."""
        self._begun, self._pause_s = False, WAKE_S
        self._at = time.monotonic() + WAKE_S

    def answered(self) -> None:
        """The kernel has begun with it."""
        self._begun = True

    def before(self, deadline: float | None) -> float | None:
        """Until when messages may be waited for."""
        if self._begun:
            return deadline
        return self._at if deadline is None else min(self._at, deadline)

    def look(self) -> None:
        """Wake the kernel if it is time."""
        if self._begun or time.monotonic() < self._at:
            return
        self._pause_s *= 2
        self._at = time.monotonic() + self._pause_s
        other, session = self._client.connect_shell(), self._client.session
        self._others.append(other)
        session.send(other, session.msg("kernel_info_request", {}))

    def close(self) -> None:
        """Hang up."""
        for other in self._others:
            other.close()


def _is_idle(message: Message) -> bool:
    return bool(message["msg_type"] == "status" and message["content"]["execution_state"] == "idle")


def short_folder() -> str | None:
    """Where a folder of sockets can be made: their paths have a limit that a long TMPDIR exceeds."""
    import tempfile

    return "/tmp" if os.name == "posix" and len(tempfile.gettempdir()) > 40 else None  # noqa: S108
