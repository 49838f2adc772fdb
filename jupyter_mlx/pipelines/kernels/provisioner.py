"""How Jupyter gets its kernels from a warm process, and ordinary ones where that is not safe."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from functools import partial
from typing import Any

from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from . import COLD_VARIABLE
from .calling import IDLE_S, NotWarmError, Request, WarmKernel, copied_kernel, warm_kernel
from .family import family_of
from .preloading import modules_of


class MlxProvisioner(LocalProvisioner):
    """Starts a kernel as a copy of a warm process; any that cannot be one, as Jupyter always does.

    It is chosen as `mlx-provisioner`, by a kernelspec's `kernel_provisioner` or
    by the variable JUPYTER_DEFAULT_PROVISIONER_NAME. What a notebook imports is
    imported ahead only where the caller knows the notebook (`wanted`).
    """

    wanted: tuple[str, ...] | None = None
    """The modules to be imported ahead; None: nothing beyond what every kernel imports."""
    idle_s: float = IDLE_S
    cold: bool = False
    copy: str = ""
    """The key of a kernel's copy that sleeps, which is to be gone on with if it is there."""
    why_cold: str = ""
    """Why the kernel is an ordinary one, empty where it is not."""
    process: Any = None
    _exit_fd: int = -1

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """See `KernelProvisionerBase.launch_kernel`."""
        loop = asyncio.get_running_loop()
        try:
            # a warm process that has to start first imports for a second or two
            made = await loop.run_in_executor(None, partial(self._warm, cmd, kwargs))
        except NotWarmError as error:
            self.why_cold = str(error)
            return await super().launch_kernel(cmd, **kwargs)
        self.why_cold = ""
        self.process, self.pid, self.pgid = made, made.pid, made.pid
        self.cwd = kwargs.get("cwd") or os.getcwd()  # noqa: PTH109 (a string, as Jupyter has it)
        return self.connection_info

    def _warm(self, command: list[str], options: dict[str, Any]) -> WarmKernel:
        env = options.get("env") or dict(os.environ)
        if self.cold or env.get(COLD_VARIABLE):
            raise NotWarmError("cold kernels are asked for")
        if options.keys() - {"env", "cwd"} - {"kernel_id", "extra_arguments"}:
            raise NotWarmError("it is to be started in a way of its own")
        family = family_of(command, env, modules_of(self.wanted or ()))
        if family is None:
            raise NotWarmError("it is not this interpreter's own kernel, on Linux")
        cwd = os.path.abspath(options.get("cwd") or ".")  # noqa: PTH100 (links in it are left as they are)
        request = Request(command, env, cwd, self.wanted or (), self.idle_s)
        if self.copy:
            # without it, the prologue brings back what was recorded, or refuses
            with suppress(NotWarmError):
                return copied_kernel(self.copy, request)
        return warm_kernel(family, request)

    @property
    def exit_fd(self) -> int:
        """What becomes readable when the kernel has ended; -1 where the system has no such thing."""
        if isinstance(self.process, WarmKernel):
            return self.process.fileno() if self.process.returncode is None else -1
        if self._exit_fd < 0 and self.process is not None and hasattr(os, "pidfd_open"):
            try:
                self._exit_fd = os.pidfd_open(self.process.pid)
            except OSError:
                return -1
        return self._exit_fd

    async def wait(self) -> int | None:
        """See `KernelProvisionerBase.wait`; told by the system, not by asking every 100 ms."""
        fd = self.exit_fd if self.process is not None and self.process.poll() is None else -1
        if fd >= 0:
            await _readable(fd)
        return await super().wait()

    async def cleanup(self, restart: bool = False) -> None:
        """See `KernelProvisionerBase.cleanup`."""
        if self._exit_fd >= 0:
            os.close(self._exit_fd)
            self._exit_fd = -1
        await super().cleanup(restart)


async def _readable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def tell() -> None:
        if not done.done():
            done.set_result(None)

    loop.add_reader(fd, tell)
    try:
        await done
    finally:
        loop.remove_reader(fd)
