"""What `jmlx verify` finds and names, and what `--repair` mends."""

import json
import random
import subprocess

import pytest

from jupyter_mlx import api, keeping
from jupyter_mlx.digest import Digest
from jupyter_mlx.keeping import Scope
from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES

LARGE = random.Random(5).randbytes(SMALL_BYTES + 5)


@pytest.fixture
def root(project, jmlx, tmp_path):
    """A project with data that was pushed, and a run that read some of it."""
    (project.root / "d/sub").mkdir(parents=True)
    for number in range(30):
        (project.root / f"d/sub/{number}").write_bytes(b"%d" % number * 100)
    (project.root / "d/large").write_bytes(LARGE)
    project.workspace.add(["d"])
    assert jmlx("remote", "add", "origin", str(tmp_path / "remote")).returncode == 0
    assert jmlx("push").returncode == 0
    return project.root


def harm_small(root, data):
    (pack,) = (root / ".mlx/store/packs").iterdir()
    found = bytearray(pack.read_bytes())
    found[found.index(data) + 1] ^= 4
    pack.write_bytes(found)


def harm_large(root, data=LARGE):
    digest = Digest.of(data)
    path = root / ".mlx/store/objects" / digest.hex[:2] / digest.hex[2:]
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1])
    path.chmod(0o444)


def forget_index(root):
    for path in (root / ".mlx/store").glob("index.db*"):
        path.unlink()


def test_damage_is_named_with_the_data_the_runs_and_the_commits_that_need_it(root, jmlx):
    subprocess.run("git init -q && git add -A && git commit -qm one", shell=True, cwd=root, check=True)
    with api.run("reads") as run:
        (root / "d/sub/7").read_bytes()
        id_ = run.id
    Project(root).recorder.flush()
    harm_small(root, b"7" * 100)
    harm_large(root)
    told = jmlx("verify", "--json")
    assert told.returncode == 3
    faults = {fault["digest"]: fault for fault in json.loads(told.stdout)["corrupt"]}
    small = faults[str(Digest.of(b"7" * 100))]
    assert small["paths"] == ["d/sub/7"]
    assert f"run {id_}" in small["others"]
    assert any(other.startswith("d.mlx at ") for other in small["others"])
    assert faults[str(Digest.of(LARGE))]["paths"] == ["d/large"]
    assert json.loads(told.stdout)["missing"] == []
    again = jmlx("verify")
    assert again.returncode == 3, "what was found once is not forgotten"
    assert "d/sub/7" in again.stdout
    assert "jmlx verify --repair" in again.stdout


def test_an_object_that_only_a_run_needs_is_missed_and_the_run_named(root, jmlx):
    with api.run("writes") as run:
        (root / "out").write_bytes(LARGE[1:] + b"result")
        id_ = run.id
    project = Project(root)
    project.recorder.flush()
    project.store.linkable(Digest.of(LARGE[1:] + b"result")).unlink()
    (root / "out").unlink()
    told = json.loads(jmlx("verify", "--json").stdout)
    assert [fault["others"] for fault in told["missing"]] == [[f"run {id_}"]]


def test_a_path_at_any_depth_is_verified_alone(root, jmlx):
    harm_small(root, b"7" * 100)
    assert jmlx("verify", "d/sub/8").returncode == 0
    assert jmlx("verify", "d/large").returncode == 0
    assert jmlx("verify", "d/sub/7").returncode == 3
    assert jmlx("verify", "d/sub").returncode == 3


@pytest.mark.parametrize("harm", ["small", "large", "packs", "objects", "manifest", "index too"])
def test_what_is_damaged_or_lost_is_fetched_again_from_a_remote(root, jmlx, harm):
    subprocess.run(["rm", "-r", root / "d"], check=True)
    if harm == "small":
        harm_small(root, b"7" * 100)
    elif harm == "large":
        harm_large(root)
    elif harm == "manifest":
        harm_small(root, b"jupyter_mlx manifest")
    else:
        folder = "objects" if harm == "objects" else "packs"
        subprocess.run(["rm", "-r", root / ".mlx/store" / folder], check=True)
    if harm == "index too":
        forget_index(root)
    told = jmlx("verify", "--repair", "--json")
    assert told.returncode == 0, told.stdout
    assert json.loads(told.stdout)["repaired"]
    assert jmlx("verify").returncode == 0
    assert jmlx("checkout").returncode == 0
    assert (root / "d/large").read_bytes() == LARGE
    assert (root / "d/sub/7").read_bytes() == b"7" * 100


def test_what_is_whole_in_the_work_tree_is_stored_again_without_a_remote(root, jmlx):
    assert jmlx("remote", "remove", "origin").returncode == 0
    harm_large(root)
    subprocess.run(["rm", "-r", root / ".mlx/store/packs"], check=True)
    (root / "d/sub/9").write_bytes(b"changed since")
    told = jmlx("verify", "--repair", "--json")
    assert told.returncode == 3
    left = json.loads(told.stdout)["missing"]
    assert Project(root).store.has(Digest.of(LARGE))
    assert str(Digest.of(b"8" * 100)) not in [fault["digest"] for fault in left]
    assert str(Digest.of(b"9" * 100)) in [fault["digest"] for fault in left]
    (root / "d/sub/9").write_bytes(b"9" * 100)
    assert jmlx("verify", "--repair").returncode == 0
    assert jmlx("verify").returncode == 0


def test_what_nobody_has_is_left_and_told(root, jmlx, tmp_path):
    harm_large(root)
    subprocess.run(["rm", "-r", root / "d", tmp_path / "remote"], check=True)
    told = jmlx("verify", "--repair")
    assert told.returncode == 3
    assert "d/large" in told.stdout
    assert "another copy" in told.stdout


def test_a_damaged_chunk_is_told_as_its_object_and_mended(root, jmlx):
    keeping.collect(Project(root), scope=Scope(compact=True))
    store = Project(root).store
    assert store.linkable(Digest.of(LARGE)) is None
    harm_small(root, LARGE[20_000:20_100])
    subprocess.run(["rm", "-r", root / "d"], check=True)
    told = json.loads(jmlx("verify", "--json").stdout)
    assert ["d/large"] in [fault["paths"] for fault in told["corrupt"]]
    assert jmlx("verify", "--repair").returncode == 0
    assert jmlx("checkout").returncode == 0
    assert (root / "d/large").read_bytes() == LARGE


def test_doctor_says_what_is_damaged_and_what_is_lost_with_the_ledger(root, jmlx):
    with api.run("a run"):
        pass
    Project(root).recorder.flush()
    harm_large(root)
    jmlx("verify")
    (root / ".mlx/ledger.db").write_bytes(b"no database" * 999)
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (root / ".mlx" / name).unlink(missing_ok=True)
    told = jmlx("doctor")
    assert told.returncode == 3
    assert "1 found damaged" in told.stdout
    assert "records of 1 run are there" in told.stdout
    assert "jmlx doctor --rebuild" in told.stdout


def test_what_only_an_old_commit_needs_is_named_again_and_again_until_it_is_mended(root, jmlx):
    subprocess.run("git init -q && git add -A && git commit -qm one", shell=True, cwd=root, check=True)
    (root / "d/sub/7").write_bytes(b"changed")
    assert jmlx("add", "d").returncode == 0
    subprocess.run("git add -A && git commit -qm two", shell=True, cwd=root, check=True)
    harm_small(root, b"7" * 100)
    for _ in range(2):
        told = jmlx("verify", "--json")
        assert told.returncode == 3
        (fault,) = json.loads(told.stdout)["corrupt"]
        assert fault["digest"] == str(Digest.of(b"7" * 100))
        assert fault["paths"] == []
        assert [other.split(" at ")[0] for other in fault["others"]] == ["d.mlx"]
    assert jmlx("verify", "--repair").returncode == 0
    assert jmlx("verify").returncode == 0
