"""Who may use what of a machine, decided from numbers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jupyter_mlx.pipelines.slots import GPU_VARIABLE, Machine, Slots, TooLargeError


def asks(cpus=1.0, memory_bytes=None, gpus=0):
    return SimpleNamespace(cpus=cpus, memory_bytes=memory_bytes, gpus=gpus)


@pytest.fixture
def slots():
    return Slots(Machine(4, 8 * 10**9, ("3", "GPU-a")))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (asks(cpus=3), asks(cpus=2)),
        (asks(memory_bytes=5 * 10**9), asks(memory_bytes=4 * 10**9)),
        (asks(gpus=1), asks(gpus=2)),
    ],
)
def test_what_one_stage_holds_another_waits_for(slots, first, second):
    assert slots.take("a", first)
    assert slots.take("b", second) is None
    slots.release("a")
    assert slots.take("b", second)


def test_each_gpu_is_given_to_one_stage_by_the_name_that_it_has(slots):
    assert [slots.take(name, asks(gpus=1)).env for name in "ab"] == [
        {GPU_VARIABLE: "3"},
        {GPU_VARIABLE: "GPU-a"},
    ]
    assert slots.take("c", asks()).env == {}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (asks(cpus=5), "stage big asks for 5 processors, and there is 4 here"),
        (asks(memory_bytes=16 * 10**9), "asks for 16 GB memory, and there is 8 GB here"),
        (asks(gpus=3), "asks for 3 GPUs, and there is 2 here"),
    ],
)
def test_what_there_is_not_enough_of_is_told(slots, asked, told):
    with pytest.raises(TooLargeError, match=told):
        slots.check("big", asked)


def test_the_gpus_are_those_that_the_process_was_given(monkeypatch):
    monkeypatch.setenv(GPU_VARIABLE, "2, GPU-x,-1")
    assert Machine.here(1).gpus == ("2", "GPU-x")
    monkeypatch.setenv(GPU_VARIABLE, "")
    assert Machine.here(3) == Machine(max(3, Machine.here(1).cpus), Machine.here(1).memory_bytes, ())
