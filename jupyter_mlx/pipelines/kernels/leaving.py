"""How a Python kernel comes to leave when it is told to, and does not wait for itself."""

from __future__ import annotations

import inspect
from typing import Any, Final


def leave_in_order() -> None:
    """Have what sends output end before what it sends through. Executed in the kernel, by its source alone.

    At its exit ipykernel ends the thread that publishes output first. Where
    those of the control and the shell channel have a last status to publish
    then, they wait for it for ever, and the kernel for them: one time in some tens.
    """
    import atexit

    from ipykernel.kernelapp import IPKernelApp

    app: Any = IPKernelApp.instance()
    patience_s = 5.0

    def end_threads() -> None:
        for name in ("control_thread", "shell_channel_thread"):
            thread = getattr(app, name, None)
            if thread is not None and thread.is_alive():
                thread.stop()
                thread.join(patience_s)

    # called before what ipykernel registered, and after what the notebook will
    atexit.register(end_threads)


LEAVING: Final = f"exec({inspect.getsource(leave_in_order) + 'leave_in_order()'!r}, {{}})"
"""To be executed silently by an IPython kernel, which may lack this package."""
