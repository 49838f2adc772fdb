"""What a gc of a remote keeps, condemns and removes."""

import json
import random
import subprocess

import pytest

from jupyter_mlx import keeping
from jupyter_mlx.data.gc import RootError
from jupyter_mlx.digest import Digest
from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES

LARGE = random.Random(4).randbytes(SMALL_BYTES * 4)


def make(folder, remote):
    project = Project.create(folder)
    subprocess.run(["git", "init", "-q", "-b", "main"], cwd=project.root, check=True)
    (project.root / "mlx.yaml").write_text(f"remotes: {{origin: {{url: {remote}}}}}\n")
    commit(project.root, folder.name)
    return project.root


def commit(root, message):
    subprocess.run("git add -A && git commit -q -m " + message, shell=True, cwd=root, check=True)


def push(root, **files):
    (root / "d").mkdir(exist_ok=True)
    for name, data in files.items():
        (root / "d" / name).write_bytes(data)
    project = Project(root)
    version = project.workspace.add(["d"])[0]
    project.workspace.push(project.remote())
    return version


def gc(root, grace_s, **named):
    project = Project(root)
    return keeping.collect_remote(project, project.remote(), grace_s=grace_s, **named)


def missing(root, *datas):
    remote = Project(root).remote()
    return [Digest.of(data) in remote.missing([Digest.of(data)]) for data in datas]


def fetched(root, tmp_path, name="clone"):
    subprocess.run(["git", "clone", "-q", root, tmp_path / name], check=True)
    project = Project(tmp_path / name)
    project.workspace.pull(project.remote())
    return {path.name: path.read_bytes() for path in (tmp_path / name / "d").iterdir()}


@pytest.fixture
def remote(tmp_path):
    return tmp_path / "remote"


def test_what_is_needed_is_kept_and_the_rest_removed_at_once_where_that_is_asked_for(tmp_path, remote):
    root = make(tmp_path / "one", remote)
    push(root, big=LARGE, old=b"old" * 999)
    now = {"big": LARGE[: SMALL_BYTES * 2] + b"inserted" + LARGE[SMALL_BYTES * 2 :], "old": b"new" * 999}
    push(root, **now)
    commit(root, "now")
    told = gc(root, 0, dry_run=True)
    assert told.removed_packs
    assert missing(root, LARGE) == [False]
    done = gc(root, 0)
    assert done.removed_bytes == told.removed_bytes
    assert missing(root, LARGE, now["big"], now["old"]) == [True, False, False]
    assert fetched(root, tmp_path) == now
    remote_store = Project(root).remote()
    for digest in remote_store.digests():
        remote_store.check(digest)
    assert not list(remote.glob("index/condemned-*"))
    again = gc(root, 0)
    assert (again.removed_packs, again.condemned_packs) == (0, 0)
    push(root, big=LARGE)
    assert missing(root, LARGE) == [False], "what is pushed again is there again"


def test_what_goes_is_condemned_first_and_a_push_sends_it_again(tmp_path, remote):
    root = make(tmp_path / "one", remote)
    first = push(root, old=b"old" * 999)
    (root / "d/old").write_bytes(b"new" * 999)
    (root / ".mlx/remotes").exists()
    push(root, old=b"new" * 999)
    commit(root, "now")
    for path in remote.glob("refs/*"):
        path.unlink()
    done = gc(root, 1000.0)
    assert done.condemned_packs
    assert not done.removed_packs
    assert missing(root, b"old" * 999) == [True], "to a push it is absent"
    assert Project(root).remote().get(Digest.of(b"old" * 999)), "and can still be read"
    assert push(root, old=b"old" * 999).digest == first.digest
    for path in remote.glob("refs/*"):
        path.unlink()
    commit(root, "back")
    blob = next(remote.glob("index/condemned-*"))
    aged = json.loads(blob.read_bytes())
    aged["at"] -= 2000
    blob.chmod(0o644)
    blob.write_text(json.dumps(aged))
    done = gc(root, 1000.0)
    assert done.removed_packs
    assert fetched(root, tmp_path) == {"old": b"old" * 999}


def test_what_a_push_counted_on_before_its_pack_was_condemned_is_sent_again_before_that_goes(
    tmp_path, remote
):
    root = make(tmp_path / "one", remote)
    push(root, old=b"old" * 999)
    subprocess.run(["git", "checkout", "-q", "-b", "other"], cwd=root, check=True)
    commit(root, "keeps")
    subprocess.run(["git", "checkout", "-q", "main"], cwd=root, check=True)
    subprocess.run(["git", "branch", "-q", "-m", "other", "hidden"], cwd=root, check=True)
    subprocess.run(["git", "update-ref", "-d", "refs/heads/hidden"], cwd=root, check=True)
    for path in remote.glob("refs/*"):
        path.unlink()
    assert gc(root, 1000.0).condemned_packs
    # the other push ends now, with a record that names what is in the condemned pack
    (root / "d").mkdir(exist_ok=True)
    (root / "d/old").write_bytes(b"old" * 999)
    Project(root).workspace.add(["d"])
    commit(root, "back")
    done = gc(root, 0)
    assert done.sent_objects == 2
    assert fetched(root, tmp_path) == {"old": b"old" * 999}


def test_what_another_project_pushed_is_kept_and_a_malformed_record_keeps_all(tmp_path, remote):
    one, two = make(tmp_path / "one", remote), make(tmp_path / "two", remote)
    push(one, a=b"of one" * 99)
    push(two, a=b"of two" * 99, big=LARGE)
    subprocess.run(["rm", "-r", two], check=True)
    gc(one, 0)
    assert missing(one, b"of two" * 99, LARGE) == [False, False]
    (remote / "refs/nonsense").write_text("nonsense")
    with pytest.raises(RootError, match="refs/nonsense"):
        gc(one, 0)


def test_many_projects_packs_of_which_little_is_needed_are_sent_anew(tmp_path, remote):
    root = make(tmp_path / "one", remote)
    push(root, **{str(number): b"%d" % number * 500 for number in range(100)})
    for number in range(90):
        (root / "d" / str(number)).unlink()
    push(root)
    commit(root, "now")
    before = sum(path.stat().st_size for path in remote.glob("packs/*/*"))
    gc(root, 0)
    after = sum(path.stat().st_size for path in remote.glob("packs/*/*"))
    assert after < before
    assert len(fetched(root, tmp_path)) == 10


def test_the_command_says_what_goes_and_when(tmp_path, remote, jmlx):
    root = make(tmp_path / "one", remote)
    push(root, old=b"old" * 999)
    push(root, old=b"new" * 999)
    commit(root, "now")
    for path in remote.glob("refs/*"):
        path.unlink()
    told = jmlx("gc", "--remote", "origin", cwd=root)
    assert told.returncode == 0
    assert "condemned" in told.stdout
    assert "after 14 days" in told.stdout
    assert json.loads(jmlx("gc", "-r", "origin", "--json", cwd=root).stdout)["condemned_packs"] == 0
    told = jmlx("gc", "-r", "origin", "--grace", "0", cwd=root)
    assert "nobody may push" in told.stderr
    assert "removed" in told.stdout
