"""mlx.lock and the kept results: round trips, damage, several writers."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import PATIENCE_S

from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import ConfigError
from jupyter_mlx.pipelines import lock
from jupyter_mlx.pipelines.fingerprint import Fingerprint
from jupyter_mlx.pipelines.lock import Claim
from jupyter_mlx.pipelines.result import DataVersion, Result
from jupyter_mlx.pipelines.results import Results

digests = st.binary(max_size=4).map(lambda data: str(Digest.of(data)))
paths = st.text(min_size=1, max_size=8)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
versions = st.builds(
    DataVersion, paths, st.sampled_from(["file", "folder"]), digests, st.integers(0), st.integers(0)
)
by_path = st.lists(versions, max_size=3).map(lambda found: {version.path: version for version in found})


@st.composite
def results(draw):
    inputs, outputs = draw(by_path), draw(by_path)
    fingerprint = Fingerprint(
        code=draw(digests),
        kernel=draw(st.text()),
        modules=draw(st.dictionaries(paths, digests, max_size=2)),
        params=draw(st.dictionaries(st.text(), values, max_size=3)),
        inputs={path: version.digest for path, version in inputs.items()},
        outputs=tuple(sorted(outputs)),
    )
    seconds = draw(st.integers(0, 10**6)) / 1000
    return Result(fingerprint, inputs, outputs, draw(st.text()), seconds, draw(digests))


def result(name: str = "x") -> Result:
    made = DataVersion("out", "file", str(Digest.of(name.encode())), 1, 1)
    return Result(Fingerprint(str(Digest.of(b"code")), "python3/python", params={"n": name}, outputs=("out",)), {}, {"out": made}, run="r1")  # fmt: skip


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".mlx").mkdir()
    return tmp_path


@given(st.dictionaries(st.text(min_size=1), results(), max_size=3))
def test_a_lock_reads_back_as_it_was_written(stages):
    text = lock.render(stages)
    assert lock.parse(text) == stages
    assert lock.render(lock.parse(text)) == text
    assert {n: r.fingerprint.digest for n, r in lock.parse(text).items()} == {
        n: r.fingerprint.digest for n, r in stages.items()
    }


def test_one_changed_fact_is_one_changed_line():
    before = lock.render({"a": result("1"), "b": result("2")}).splitlines()
    after = lock.render({"b": result("2"), "a": result("1b")}).splitlines()
    changed = [new for old, new in zip(before, after, strict=True) if old != new]
    assert [line.strip().partition(":")[0] for line in changed] == ['"fingerprint"', '"out"', '"n"']


def test_no_lock_is_an_empty_one(root):
    assert lock.read(root) == {}


def test_stages_are_merged_and_forgotten_ones_leave(root):
    lock.update(root, root / ".mlx", {"a": result("1"), "old": result("2")}, frozenset({"a", "old"}))
    lock.update(root, root / ".mlx", {"b": result("3")}, frozenset({"a", "b"}))
    assert lock.read(root) == {"a": result("1"), "b": result("3")}


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: "", "mlx.lock:1: is not JSON"),
        (lambda text: text[:-20], "is not JSON; take a good one from git"),
        (lambda text: f"<<<<<<< ours\n{text}", "mlx.lock:1: holds an unfinished merge"),
        (lambda text: "[]", "mlx.lock:1: stages: is missing"),
        (lambda text: text.replace('"format": 2', '"format": 99'), "mlx.lock:2: format: is 99, and this version"),
        (lambda text: text.replace("b3:", "md5:"), "mlx.lock:4: stages.a: is malformed"),
        (lambda text: text.replace('"kind": "file"', '"kind": "device"'), "stages.a: is malformed"),
        (lambda text: text.replace('"run"', '"ran"'), "stages.a: is malformed ('run')"),
    ],
)  # fmt: skip
def test_a_malformed_lock_is_told_with_its_line_and_the_way_out(root, edit, message):
    (root / "mlx.lock").write_text(edit(lock.render({"a": result()})))
    with pytest.raises(ConfigError) as caught:
        lock.read(root)
    assert message in str(caught.value)


def test_writers_in_several_processes_lose_nothing(root):
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[3:]\n"
        "from jupyter_mlx.pipelines import lock; from test_lock import result\n"
        "root, who = Path(sys.argv[1]), sys.argv[2]\n"
        "known = frozenset(f'{w}{i}' for w in 'abc' for i in range(10))\n"
        "for i in range(10): lock.update(root, root / '.mlx', {f'{who}{i}': result(who)}, known)\n"
    )
    from pathlib import Path

    here = [str(folder) for folder in Path(__file__).parents[:2]]
    writers = [subprocess.Popen([sys.executable, "-c", code, str(root), who, *here]) for who in "abc"]
    assert [writer.wait(PATIENCE_S) for writer in writers] == [0, 0, 0]
    assert len(lock.read(root)) == 30


def test_a_claim_is_one_process_s_alone_and_ends_with_it(root):
    code = (
        "import sys; from pathlib import Path; from jupyter_mlx.pipelines.lock import Claim\n"
        "claim = Claim.take(Path(sys.argv[1]), 'train'); claim.begin('run1'); print('mine', flush=True)\n"
        "sys.stdin.read()\n"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(root / ".mlx")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout.readline() == b"mine\n"
    assert Claim.take(root / ".mlx", "train") is None
    assert Claim.take(root / ".mlx", "evaluate") is not None
    holder.kill()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    claim = Claim.take(root / ".mlx", "train")
    assert claim.unfinished
    claim.done()
    assert not claim.unfinished
    claim.release()


@pytest.mark.parametrize("name", ["a@x=../../b", "a@x=" + "é" * 300, "a@x=\0", "a@x=%2F"])
def test_a_stage_s_file_name_stays_in_its_folder(root, name):
    claim = Claim.take(root / ".mlx", name)
    claim.release()
    assert len(list((root / ".mlx/locks").iterdir())) == 1


def test_results_are_found_by_fingerprint_and_damage_is_no_result(root):
    kept = Results(root / ".mlx")
    assert kept.get(result().fingerprint.digest) is None
    kept.put(result("1"))
    kept.put(result("2"))
    assert kept.get(result("1").fingerprint.digest) == result("1")
    assert {version.digest for version in kept.versions()} == {
        result(n).outputs["out"].digest for n in ("1", "2")
    }
    path = root / ".mlx/results" / result("1").fingerprint.digest.hex
    for damage in (b"", b"{", json.dumps(result("2").entry()).encode()):
        path.write_bytes(damage)
        assert kept.get(result("1").fingerprint.digest) is None
