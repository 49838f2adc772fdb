"""What `jmlx gc` keeps and what it removes, in real projects with real git."""

import json
import random
import subprocess

import pytest

from jupyter_mlx import keeping
from jupyter_mlx.data.gc import RootError
from jupyter_mlx.data.links import Link
from jupyter_mlx.digest import Digest
from jupyter_mlx.keeping import Scope
from jupyter_mlx.project import Project
from jupyter_mlx.store import SMALL_BYTES

LARGE = random.Random(3).randbytes(SMALL_BYTES * 3)


def git(root, *words):
    subprocess.run(["git", "-C", root, *words], check=True, capture_output=True)


@pytest.fixture
def root(project):
    git(project.root, "init", "-q", "-b", "main")
    return project.root


def write(root, data, path="data/a"):
    (root / path).parent.mkdir(exist_ok=True)
    (root / path).write_bytes(data)


def version(root, data, commit=""):
    """Make `data` a version; what it takes to find it again."""
    write(root, data)
    write(root, b"never changes", "data/b")
    made = Project(root).workspace.add(["data"])[0]
    if commit:
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", commit)
    return made


def gc(root, **named):
    named.setdefault("grace_s", 0)
    return keeping.collect(Project(root), **named)


def kept(root, *datas):
    store = Project(root).store
    return [store.has(Digest.of(data)) for data in datas]


def test_what_a_branch_a_tag_a_stash_or_the_index_names_is_kept_and_the_rest_goes(root):
    version(root, b"first", "one")
    git(root, "checkout", "-q", "-b", "other")
    version(root, b"of another branch", "two")
    git(root, "checkout", "-q", "main")
    version(root, b"tagged", "three")
    git(root, "tag", "v3")
    git(root, "reset", "-q", "--hard", "HEAD~1")
    for data in (b"stashed first", b"stashed last"):
        version(root, data)
        git(root, "stash", "-q")
    version(root, b"staged")
    git(root, "add", "data.mlx")
    version(root, b"nothing names it")
    version(root, b"in the work tree")
    datas = [b"first", b"of another branch", b"tagged", b"stashed first", b"stashed last", b"staged"]
    told = gc(root, dry_run=True).removed
    assert told.small_objects == 2
    assert kept(root, b"nothing names it") == [True]
    done = gc(root).removed
    assert (done.small_objects, done.small_bytes) == (told.small_objects, told.small_bytes)
    assert kept(root, *datas, b"in the work tree", b"nothing names it") == [True] * 7 + [False]
    assert Project(root).workspace.verify()
    git(root, "tag", "-d", "v3")
    git(root, "branch", "-q", "-D", "other")
    git(root, "stash", "drop", "-q", "stash@{1}")
    gc(root)
    assert kept(root, *datas) == [True, False, False, False, True, True]


def test_history_is_kept_unless_only_tips_are_asked_for(root):
    for number in range(3):
        version(root, b"%d" % number * 9, "a commit")
    gc(root)
    assert kept(root, b"0" * 9, b"1" * 9, b"2" * 9) == [True] * 3
    gc(root, scope=Scope(tips=True))
    assert kept(root, b"0" * 9, b"1" * 9, b"2" * 9) == [False, False, True]


def test_what_only_commits_without_a_checked_out_branch_name_is_kept(root):
    version(root, b"on main", "one")
    git(root, "checkout", "-q", "--orphan", "fresh")
    (root / "data.mlx").unlink()
    gc(root)
    assert kept(root, b"on main") == [True]


def test_what_a_run_read_or_wrote_is_kept_with_its_record_and_environment(root):
    from jupyter_mlx import api

    write(root, b"read by a run", "input")
    with api.run("a run") as run:
        (root / "input").read_bytes()
        write(root, b"written by a run", "output")
        id_ = run.id
    (root / "input").unlink()
    (root / "output").unlink()
    project = Project(root)
    project.recorder.flush()
    done = gc(root).removed
    assert done.small_objects == 0
    found = project.ledger.get(id_)
    assert kept(root, b"read by a run", b"written by a run") == [True, True]
    assert project.store.has(Digest.parse(found.environment))
    assert project.store.has(Digest.parse(project.ledger.records()[id_]))


def test_the_records_of_a_lost_ledger_are_kept_with_what_they_name(root):
    from jupyter_mlx import api

    with api.run("a run"):
        write(root, b"written by a run", "output")
    Project(root).recorder.flush()
    for path in (root / ".mlx").glob("ledger.db*"):
        path.unlink()
    gc(root)
    assert kept(root, b"written by a run") == [True]
    fresh = Project(root)
    assert fresh.ledger.page().total == 0
    gc(root)
    assert fresh.rebuild_ledger() == 1
    gc(root)
    assert kept(root, b"written by a run") == [True]


def test_what_mlx_lock_and_kept_results_name_is_kept(root):
    project = Project(root)
    digests = [str(project.store.put(text)) for text in (b"in the lock", b"a result")]
    entry = {
        "fingerprint": str(Digest.of(b"f")), "code": "c", "kernel": "k", "modules": {}, "params": {}, "run": "",
        "inputs": {}, "duration_s": 0, "notebook": "",
    }  # fmt: skip
    outputs = [{"out": {"kind": "file", "digest": digest, "size_bytes": 1, "files": 1}} for digest in digests]
    lock = {"format": 1, "stages": {"s": {**entry, "outputs": outputs[0]}}}
    (root / "mlx.lock").write_text(json.dumps(lock))
    gc(root)
    assert kept(root, b"in the lock", b"a result") == [True, False]
    (root / "mlx.lock").write_text("{ nonsense")
    with pytest.raises(RootError, match=r"mlx\.lock.*git checkout mlx\.lock"):
        gc(root)
    git(root, "add", "mlx.lock")
    (root / "mlx.lock").unlink()
    gc(root)
    assert kept(root, b"in the lock") == [False]


def damage_manifest(root):
    (pack,) = (root / ".mlx/store/packs").iterdir()
    data = pack.read_bytes()
    at = data.index(b"jupyter_mlx manifest")
    pack.write_bytes(data[: at + 30] + bytes([data[at + 30] ^ 1]) + data[at + 31 :])


def lose_packs(root):
    for pack in (root / ".mlx/store/packs").iterdir():
        pack.unlink()


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (
            lambda root: (root / "data.mlx").write_text("format: 1\nkind: file\n"),
            r"data\.mlx: digest: is missing",
        ),
        (
            lambda root: (root / ".mlx/ledger.db").write_bytes(b"no database" * 999),
            "ledger.*jmlx doctor --rebuild",
        ),
        (lambda root: (root / ".git/HEAD").write_text("nonsense"), "git says"),
        (damage_manifest, "listing.* is damaged; `jmlx verify --repair`"),
        (lose_packs, "was here and is lost; `jmlx verify --repair`"),
    ],
    ids=["pointer", "ledger", "git", "manifest", "packs"],
)
def test_where_a_root_can_not_be_read_nothing_is_removed(root, harm, told):
    version(root, b"committed", "one")
    write(root, LARGE, "garbage")
    Project(root).store.put_file(root / "garbage")
    harm(root)
    with pytest.raises(RootError, match=told):
        gc(root)
    assert kept(root, LARGE) == [True]


def test_a_version_that_was_never_here_is_told_and_keeps_nothing_from_going(root, tmp_path):
    version(root, b"here", "one")
    git(tmp_path, "clone", "-q", root, "clone")
    clone = tmp_path / "clone"
    garbage = Project(clone).store.put(b"garbage")
    done = gc(clone)
    assert done.marked.absent
    assert not Project(clone).store.has(garbage)


def test_the_target_of_a_symbolic_link_in_the_work_tree_is_kept(root):
    write(root, LARGE, "large")
    project = Project(root)
    project.workspace.add(["large"])
    project.workspace.checkout(link=Link.SYMLINK)
    (root / "large.mlx").unlink()
    gc(root)
    assert (root / "large").read_bytes() == LARGE
    gc(root, scope=Scope(compact=True))
    assert (root / "large").read_bytes() == LARGE


def test_what_is_young_stays_for_the_grace_and_is_told(root, jmlx):
    version(root, b"garbage")
    version(root, b"kept")
    told = jmlx("gc", "--dry-run", cwd=root)
    assert "young" in told.stdout
    assert "--grace 0" in told.stdout
    assert json.loads(jmlx("gc", "--json", cwd=root).stdout)["young_objects"] == 2
    assert kept(root, b"garbage") == [True]
    assert "2 small objects" in jmlx("gc", "--grace", "0s", "-n", cwd=root).stdout
    told = json.loads(jmlx("gc", "--grace", "0", "--json", cwd=root).stdout)
    assert told["objects"] == 2
    assert told["size_bytes"] > 0
    assert kept(root, b"garbage", b"kept") == [False, True]
    assert jmlx("gc", "--grace", "soon", cwd=root).returncode == 2


def test_versions_of_a_large_file_share_what_is_the_same_after_a_compaction(root):
    project = Project(root)
    chance = random.Random(0)  # where chunks end is chance too, and how many an insertion makes anew
    big = chance.randbytes(24 << 20)
    datas = [big, big[: 9 << 20] + chance.randbytes(1024) + big[9 << 20 :]]
    for number, data in enumerate(datas):
        write(root, data, "big")
        project.workspace.add(["big"])
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", str(number))
    done = gc(root, scope=Scope(compact=True))
    assert done.compacted.objects == 2
    taken = sum(
        path.stat().st_size for path in (root / ".mlx/store").rglob("*") if "index.db" not in path.name
    )
    assert taken < 1.02 * len(big)
    for rev, data in (("HEAD~1", datas[0]), ("HEAD", datas[1])):
        (root / "big").unlink()
        Project(root).workspace.checkout(rev=rev)
        assert (root / "big").read_bytes() == data
    assert Project(root).workspace.verify()
    git(root, "reset", "-q", "--hard", "HEAD~1")
    gc(root)
    store = Project(root).store
    store.check(Digest.of(datas[0]))
    assert not store.has(Digest.of(datas[1]))


def test_a_gc_that_is_run_again_finds_nothing_more(root):
    version(root, b"gone")
    write(root, LARGE, "data/large")
    version(root, b"here")
    first, second = gc(root).removed, gc(root).removed
    assert first.small_objects
    assert (second.small_objects, second.large_objects, second.small_bytes) == (0, 0, 0)
