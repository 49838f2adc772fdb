"""Modules that ask, while they are imported ahead, which front end they are in."""

from __future__ import annotations

import builtins

import pytest

from jupyter_mlx.pipelines.kernels.front_end import ASKS, KEEPS, listening

IN_KERNEL = """
try:
    in_kernel = hasattr(get_ipython(), "kernel")
except NameError:
    in_kernel = False
"""


def imported(code):
    """What a module of this code has then, and what was noted of it."""
    module, faults = {}, []
    with listening(faults):
        exec(code, module)
    return module, faults


def test_a_module_that_asks_whether_it_is_in_a_kernel_hears_that_it_is():
    module, faults = imported(IN_KERNEL)
    assert (module["in_kernel"], faults) == (True, [])


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        ("name = get_ipython().__class__.__name__", ASKS),
        ("get_ipython().register_magics(int)", ASKS),
        ("app = get_ipython().kernel.app_name", ASKS),
        ("isinstance(get_ipython(), int)", ASKS),
        ("from IPython import get_ipython as ask\nask()", ASKS),
        ("shell = get_ipython()", KEEPS),
        ("ask = get_ipython", KEEPS),
    ],
)
def test_a_module_that_asks_more_or_keeps_the_answer_is_noted(code, fault):
    noted = []
    module = {}
    with listening(noted):
        try:
            exec(code, module)
        except AttributeError as error:
            assert error.args  # as a module that is imported meets it
    assert set(noted) == {fault}


def test_afterwards_there_is_no_front_end_here():
    _, faults = imported("")
    assert (faults, hasattr(builtins, "get_ipython")) == ([], False)
