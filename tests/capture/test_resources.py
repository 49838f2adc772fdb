import os
import subprocess
import sys
import time

import pytest

from jupyter_mlx.capture import resources, sampling
from jupyter_mlx.capture.resources import Meter
from jupyter_mlx.capture.sampling import Sample, Samples

MIB = 1 << 20
linux = pytest.mark.skipif(
    sys.platform != "linux", reason="the peak of a part of a process's life is known on Linux only"
)


def used(size):
    block = bytearray(size)
    block[::4096] = b"x" * len(block[::4096])


def test_the_meter_counts_cpu_memory_and_bytes(tmp_path):
    meter = Meter.start()
    sum(range(10**6))
    (tmp_path / "f").write_bytes(b"x" * MIB)
    (tmp_path / "f").read_bytes()
    found = meter.read()
    assert found["cpu_s"] > 0
    assert found["peak_memory_bytes"] >= found["mean_memory_bytes"] > MIB
    assert found["read_bytes"] >= MIB
    assert found["written_bytes"] >= MIB
    assert "series" not in found


def test_child_processes_count(tmp_path):
    meter = Meter.start()
    subprocess.run([sys.executable, "-c", "sum(range(10**7))"], check=True)
    found = meter.read()
    assert found["cpu_s"] >= found["children_cpu_s"] > 0


@linux
def test_the_peak_is_of_the_run_and_not_of_what_was_before():
    used(200 * MIB)
    meter = Meter.start()
    used(50 * MIB)
    small = meter.read()["peak_memory_bytes"]
    meter = Meter.start()
    used(200 * MIB)
    large = meter.read()["peak_memory_bytes"]
    # the process may have let go of other memory between the two
    assert large - small > 100 * MIB


@linux
def test_a_run_in_a_run_takes_nothing_of_the_outer_ones_peak():
    outer = Meter.start()
    used(200 * MIB)
    inner = Meter.start()
    inner.read()
    assert outer.read()["peak_memory_bytes"] > 200 * MIB


def test_a_long_run_keeps_a_series(monkeypatch):
    monkeypatch.setattr(resources, "LONG_S", 1.5)
    meter = Meter.start()
    time.sleep(1.7)
    series = meter.read()["series"]
    assert set(series) >= {"t", "cpu_percent", "memory_bytes"}
    assert len({len(values) for values in series.values()}) == 1
    assert series["t"] == sorted(series["t"])
    assert len(series["t"]) >= 2


def test_a_very_long_series_is_thinned_and_spans_the_whole_run():
    now = 0.0
    samples = Samples(lambda: Sample(now, 0.0, 1))
    for at in range(5000):
        now = float(at)
        samples.add()
    times = samples.series()["t"]
    assert len(times) <= sampling.MOST
    assert times[-1] > 4900


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_is_sampled_too(monkeypatch):
    monkeypatch.setattr(resources, "LONG_S", 1.2)
    Meter.start().read()
    child = os.fork()
    if not child:
        meter = Meter.start()
        time.sleep(1.4)
        os._exit(0 if len(meter.read()["series"]["t"]) >= 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
