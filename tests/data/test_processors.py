"""Whether a processor is free, by clocks that the test sets."""

import pytest

from jupyter_mlx.data import processors
from jupyter_mlx.data.processors import LOOK_S, Processors


class Clocks:
    """Stands in for `time`."""

    def __init__(self):
        self.wall_s = self.all_s = self.own_s = 0.0

    def monotonic(self):
        return self.wall_s

    def process_time(self):
        return self.all_s

    def thread_time(self):
        return self.own_s

    def sleep(self, seconds):
        self.wall_s += seconds


@pytest.fixture
def clocks(monkeypatch):
    made = Clocks()
    monkeypatch.setattr(processors, "time", made)
    monkeypatch.setattr(processors.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    return made


@pytest.mark.parametrize(
    ("others", "own", "room"),
    [
        (0, 0, True),
        (1, 0, True),
        (1, 1, True),
        (2, 0, False),
        (1.8, 0, False),
        (1.4, 0.6, False),
        (0, 1, True),
    ],
)
def test_there_is_room_while_the_others_leave_a_processor_of_two(clocks, others, own, room):
    looked = Processors()
    clocks.wall_s += 1
    clocks.all_s, clocks.own_s = others + own, own
    assert looked.has_room() is room


def test_before_it_has_seen_the_others_there_is_no_room_and_then_as_before(clocks):
    looked = Processors()
    assert not looked.has_room()
    looked.rest()
    assert looked.has_room()
    clocks.wall_s += LOOK_S / 2
    clocks.all_s += LOOK_S
    assert looked.has_room()
    looked.rest()
    clocks.all_s += 2 * LOOK_S
    assert not looked.has_room()
