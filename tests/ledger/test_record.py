import math
import zlib
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.ledger import record
from jupyter_mlx.ledger.run import Failure, FileVersion, Run

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
files = st.builds(
    FileVersion,
    st.text(min_size=1),
    st.just("b3:" + "0" * 64),
    st.integers(0, 2**40),
    st.sampled_from(["declared", "seen", "weak"]),
    st.sampled_from(["file", "folder", "outside"]),
    st.sampled_from(["", "hook", "hook,watch"]),
    st.booleans(),
)
runs = st.builds(
    Run,
    id=st.text("0123456789abcdef", min_size=16, max_size=16),
    name=st.text(),
    kind=st.sampled_from(["cell", "stage", "notebook"]),
    status=st.sampled_from(["finished", "failed"]),
    started_at=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(timezone.utc)),
    duration_s=st.none() | st.floats(0, 1e6),
    params=st.dictionaries(st.text(), values, max_size=3),
    metrics=st.dictionaries(st.text(), st.floats(allow_nan=False), max_size=3),
    tags=st.lists(st.text(), max_size=3, unique=True).map(tuple),
    source=st.text(),
    inputs=st.lists(files, max_size=2).map(tuple),
    error=st.none() | st.builds(Failure, st.text(), st.text(), st.lists(st.text(), max_size=2).map(tuple)),
)


@given(runs)
def test_a_record_reads_back(run):
    series = {"loss": [(0, 1.5, 0.1), (1, 0.5, 0.2)]}
    assert record.decode(record.encode(run, series)) == (run, series)


def test_a_record_keeps_what_json_cannot_say():
    run = Run(
        "a" * 16, "r", "cell", "finished", datetime(2026, 1, 1, tzinfo=timezone.utc), metrics={"m": math.nan}
    )
    found, series = record.decode(record.encode(run, {"m": [(0, math.inf, 0.0)]}))
    assert math.isnan(found.metrics["m"])
    assert series["m"][0][1] == math.inf


@given(st.binary(max_size=60))
def test_other_bytes_are_no_record(data):
    assert record.decode(data) is None
    assert record.decode(record.MAGIC + data) is None
    assert record.decode(record.MAGIC_PLAIN[0] + data) is None


def test_records_that_earlier_versions_wrote_are_read():
    series = {"long": [(at, float(at), 0.1) for at in range(100)]}
    run = Run("a" * 16, "r", "cell", "finished", datetime(2026, 1, 1, tzinfo=timezone.utc), source="x = 1")
    plain = zlib.decompress(record.encode(run, series)[len(record.MAGIC) :])
    for line in record.MAGIC_PLAIN:
        assert record.decode(line + plain) == (run, series)
