"""The way between the work tree and the versions: add, status, checkout, diff, push, pull, verify."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from jupyter_mlx.data.checkout import UnsavedError
from jupyter_mlx.data.choice import NestedDataError
from jupyter_mlx.data.history import BadRevisionError, GitError
from jupyter_mlx.data.links import Link
from jupyter_mlx.data.paths import BadPathError, NoSuchPathError, NotTrackedError
from jupyter_mlx.data.survey import OuterLinkError, SpecialFileError
from jupyter_mlx.data.workspace import PathState, Workspace
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConfigError, CorruptObjectError, ObjectNotFoundError
from jupyter_mlx.store import SMALL_BYTES, LocalStore
from jupyter_mlx.testing.store import content

LARGE = content(SMALL_BYTES + 5)


@pytest.fixture
def root(tmp_path):
    write(tmp_path, {"project/.mlx/.gitignore": b"*\n"})
    return tmp_path / "project"


@pytest.fixture
def workspace(root):
    return opened(root)


@pytest.fixture
def remote(tmp_path):
    return LocalStore.open(tmp_path / "remote", tmp_path / "remote" / "tmp")


def opened(root: Path) -> Workspace:
    """The data of a project, as another process would see it."""
    state = root / ".mlx"
    state.mkdir(parents=True, exist_ok=True)
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def write(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def states(workspace: Workspace) -> dict[str, str]:
    return {found.path: found.state for found in workspace.status()}


def git(root: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *words], check=True, capture_output=True, text=True)
    return done.stdout


# add and status


def test_a_folder_that_was_added_comes_back_as_it_was(root, workspace):
    files = {"data/a": b"a", "data/sub/b": b"b", "data/empty": b"", "data/large": LARGE}
    write(root, files)
    (root / "data" / "empty folder").mkdir()
    (root / "data" / "a").chmod(0o755)
    version = workspace.add(["data"])[0]
    assert (version.kind, version.files, version.size_bytes) == ("folder", 4, 2 + len(LARGE))
    before = read(root / "data")
    subprocess.run(["rm", "-r", root / "data"], check=True)
    assert states(workspace) == {"data": "missing"}
    workspace.checkout()
    assert read(root / "data") == before
    assert (root / "data" / "empty folder").is_dir()
    assert (root / "data" / "a").stat().st_mode & 0o111
    assert not (root / "data" / "sub" / "b").stat().st_mode & 0o111
    assert states(opened(root)) == {"data": "unchanged"}


@pytest.mark.parametrize(
    "size", [0, 1, SMALL_BYTES - 1, SMALL_BYTES, SMALL_BYTES + 1, 8 << 20, (12 << 20) + 1]
)
def test_a_file_of_any_size_comes_back(root, workspace, size):
    write(root, {"f.bin": content(size)})
    assert workspace.add(["f.bin"])[0].digest == Digest.of(content(size))
    (root / "f.bin").unlink()
    workspace.checkout(["f.bin"])
    assert (root / "f.bin").read_bytes() == content(size)


@pytest.mark.parametrize(
    "name",
    [b"with space", b"line\nbreak", "🎲 emoji".encode(), b"n" * 250, b"no \xff utf-8", b"-dash"],
)
def test_files_with_odd_names_come_back(root, workspace, name):
    text = os.fsdecode(name)
    write(root, {f"data/{text}": b"content", text: b"content"})
    workspace.add(["data", text])
    for path in (root / "data" / text, root / text):
        path.unlink()
    workspace.checkout()
    assert [path.name for path in (root / "data").iterdir()] == [text]
    assert (root / text).exists()
    assert set(states(opened(root)).values()) == {"unchanged"}


def test_an_empty_folder_is_data_too(root, workspace):
    (root / "data").mkdir()
    assert workspace.add(["data"])[0].files == 0
    (root / "data").rmdir()
    workspace.checkout()
    assert list((root / "data").iterdir()) == []


def test_status_tells_each_state(root, workspace):
    write(root, {"same": b"1", "changed": b"1", "gone": b"1", "lost": b"1 lost"})
    workspace.add(["same", "changed", "gone", "lost"])
    write(root, {"changed": b"2"})
    (root / "gone").unlink()
    text = (root / "lost.mlx").read_text().replace(str(Digest.of(b"1 lost")), str(Digest.of(b"elsewhere")))
    (root / "lost.mlx").write_text(text)
    write(root, {"lost": b"elsewhere"})
    assert workspace.status() == [
        PathState("changed", "modified"),
        PathState("gone", "missing"),
        PathState("lost", "not-in-store"),
        PathState("same", "unchanged"),
    ]


def test_an_executable_bit_is_a_change_of_a_folder(root, workspace):
    write(root, {"data/run.sh": b"#!"})
    workspace.add(["data"])
    (root / "data/run.sh").chmod(0o755)
    assert states(workspace) == {"data": "modified"}


def test_adding_again_stores_and_changes_nothing(root, workspace):
    write(root, {"data/a": b"a", "data/l": LARGE})
    first = workspace.add(["data"])
    size = workspace.store.measure()
    assert workspace.add(["data"]) == first
    assert opened(root).store.measure() == size


def test_data_whose_objects_were_lost_is_stored_again_though_the_cache_knows_it(root, workspace):
    write(root, {"data/a": b"a", "data/l": LARGE})
    time.sleep(0.08)
    version = workspace.add(["data"])[0]
    workspace.store.close()
    subprocess.run(["rm", "-r", root / ".mlx" / "store"], check=True)
    again = opened(root)
    assert again.add(["data"]) == [version]
    assert not again.store.missing(again.digests(version))


def test_a_path_inside_tracked_data_stands_for_that_data(root, workspace):
    write(root, {"data/a": b"a"})
    workspace.add(["data"])
    write(root, {"data/b": b"b"})
    assert [version.path for version in workspace.add(["data/b"])] == ["data"]
    assert [version.path for version in workspace.add(["data.mlx"])] == ["data"]
    assert workspace.read("data/b") == b"b"


def test_a_folder_that_holds_tracked_data_is_refused(root, workspace):
    write(root, {"data/a": b"a"})
    workspace.add(["data/a"])
    with pytest.raises(NestedDataError, match="data/a"):
        workspace.add(["data"])


def test_git_ignores_the_data_and_sees_the_pointer(root, workspace):
    git(root, "init", "-q")
    write(root, {"data/images/1.png": b"1"})
    workspace.add(["data/images"])
    assert (root / "data" / ".gitignore").read_text() == "/images\n"
    assert "data/images.mlx" in git(root, "status", "--short", "-uall")
    assert "1.png" not in git(root, "status", "--short", "-uall")
    workspace.remove("data/images")
    assert not (root / "data" / "images.mlx").exists()
    assert (root / "data/images/1.png").read_bytes() == b"1"
    assert "1.png" in git(root, "status", "--short", "-uall")


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("/etc/passwd", "outside the project"),
        ("../x", "outside the project"),
        (".", "the project itself"),
        ("a/..", "the project itself"),
        (".mlx/store", "not for data"),
        (".git", "not for data"),
        ("a/.git/hooks", "refused"),
    ],
)
def test_a_path_that_cannot_hold_data_is_told(workspace, path, problem):
    with pytest.raises(BadPathError, match=problem):
        workspace.add([path])
    with pytest.raises(BadPathError, match=problem):
        workspace.version(path)


def test_nothing_is_added_where_one_path_is_wrong(root, workspace):
    write(root, {"a": b"a"})
    with pytest.raises(NoSuchPathError, match="nope"):
        workspace.add(["a", "nope"])
    assert workspace.pointers() == []


def test_save_stores_without_pointer_and_version_stores_nothing(root, workspace):
    write(root, {"out/m": b"m"})
    seen = workspace.version("out")
    assert not workspace.store.has(Digest.of(b"m"))
    assert workspace.save("out") == seen
    assert workspace.store.has(Digest.of(b"m"))
    assert workspace.pointers() == []
    assert workspace.version("nothing") is None
    with pytest.raises(NoSuchPathError):
        workspace.save("nothing")


def test_jupyters_checkpoints_are_no_part_of_the_data(root, workspace):
    write(root, {"data/a.csv": b"a"})
    version = workspace.add(["data"])[0]
    write(root, {"data/.ipynb_checkpoints/a-checkpoint.csv": b"old"})
    assert workspace.version("data") == version
    workspace.checkout()
    assert (root / "data/.ipynb_checkpoints/a-checkpoint.csv").exists()


# links and special files in the data


def test_a_link_within_the_data_stays_a_link(root, workspace):
    write(root, {"data/a": b"a"})
    (root / "data/link").symlink_to("a")
    (root / "data/dangling").symlink_to("not/there")
    workspace.add(["data"])
    subprocess.run(["rm", "-r", root / "data"], check=True)
    workspace.checkout()
    assert (root / "data/link").readlink() == Path("a")
    assert (root / "data/dangling").readlink() == Path("not/there")
    (root / "data/link").unlink()
    (root / "data/link").symlink_to("dangling")
    assert states(workspace) == {"data": "modified"}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "../.git/config", "../.mlx/ledger.db"])
def test_a_link_out_of_the_data_is_refused(root, workspace, target):
    write(root, {"data/a": b"a"})
    (root / "data/link").symlink_to(target)
    with pytest.raises(OuterLinkError, match="data/link"):
        workspace.add(["data"])
    assert workspace.pointers() == []


def test_a_link_in_the_place_of_the_data_is_told(root, workspace, tmp_path):
    write(tmp_path, {"outside/a": b"a"})
    write(root, {"real": b"a"})
    (root / "data").symlink_to(tmp_path / "outside")
    (root / "alias").symlink_to("real")
    with pytest.raises(BadPathError, match="link"):
        workspace.add(["data"])
    with pytest.raises(BadPathError, match="link"):
        workspace.add(["data/a"])
    with pytest.raises(BadPathError, match="real"):
        workspace.add(["alias"])


def test_a_pipe_in_the_data_is_told_and_not_waited_for(root, workspace):
    (root / "data").mkdir()
    os.mkfifo(root / "data" / "pipe")
    with pytest.raises(SpecialFileError, match="data/pipe"):
        workspace.add(["data"])


# checkout


def two_versions(root, workspace):
    write(root, {"d/same": b"same", "d/edited": b"one", "d/only1": b"1", "d/sub/x": b"x", "d/l": LARGE})
    one = workspace.add(["d"])[0]
    subprocess.run(["rm", "-r", root / "d/sub", root / "d/only1"], check=True)
    write(root, {"d/edited": b"two", "d/only2/y": b"y", "d/sub": b"a file now", "d/l": LARGE + b"more"})
    two = workspace.add(["d"])[0]
    return one, two


def test_going_back_and_forth_makes_each_version_exactly(root, workspace):
    one, two = two_versions(root, workspace)
    now = read(root / "d")
    change = workspace.restore(one)
    assert read(root / "d") == {
        "same": b"same", "edited": b"one", "only1": b"1", "sub/x": b"x", "l": LARGE
    }  # fmt: skip
    assert (change.written, change.removed) == (4, 2)
    workspace.restore(two)
    assert read(root / "d") == now
    assert states(opened(root)) == {"d": "unchanged"}
    assert list((root / ".mlx/tmp").iterdir()) == []


def test_checkout_touches_only_what_differs(root, workspace):
    one, _ = two_versions(root, workspace)
    before = (root / "d/same").stat()
    workspace.restore(one)
    after = (root / "d/same").stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert not workspace.restore(one)


def test_a_changed_file_is_not_lost(root, workspace):
    one, two = two_versions(root, workspace)
    write(root, {"d/edited": b"three, saved nowhere", "d/new": b"new, saved nowhere"})
    before = read(root / "d")
    with pytest.raises(UnsavedError, match=r"d/edited \(and 1 more\).*--force"):
        workspace.restore(one)
    assert read(root / "d") == before
    workspace.restore(one, force=True)
    assert "new" not in read(root / "d")
    for data in (b"three, saved nowhere", b"new, saved nowhere"):
        assert workspace.store.get(Digest.of(data)) == data
    del two


def test_a_file_that_changes_after_it_was_looked_at_is_left_alone(root, workspace):
    one, _ = two_versions(root, workspace)
    real = workspace.store.stream

    def stream(digests):  # the moment between deciding and writing
        write(root, {"d/edited": b"written meanwhile"})
        return real(digests)

    workspace.store.stream = stream
    with pytest.raises(Exception, match="d/edited was changed meanwhile"):
        workspace.restore(one)
    assert (root / "d/edited").read_bytes() == b"written meanwhile"


def test_a_missing_object_is_told_before_anything_is_touched(root, workspace, tmp_path):
    one, _ = two_versions(root, workspace)
    before = read(root / "d")
    workspace.store.linkable(Digest.of(LARGE)).unlink()
    with pytest.raises(ObjectNotFoundError, match="jmlx pull"):
        workspace.restore(one)
    assert read(root / "d") == before


def test_a_damaged_object_is_never_written_to_the_work_tree(root, workspace):
    one, _ = two_versions(root, workspace)
    path = workspace.store.linkable(Digest.of(LARGE))
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(77)
        file.write(b"\x00")
    path.chmod(0o444)
    for link in Link:
        with pytest.raises((CorruptObjectError, ObjectNotFoundError)):
            workspace.restore(one, link=link)
        assert (root / "d/l").read_bytes() == LARGE + b"more"
    write(root, {"again": LARGE})
    workspace.add(["again"])
    workspace.restore(one, force=True)
    assert (root / "d/l").read_bytes() == LARGE


def test_a_version_is_restored_beside(root, workspace):
    one, two = two_versions(root, workspace)
    workspace.restore(one, to="old/d")
    assert read(root / "old/d")["edited"] == b"one"
    assert states(workspace) == {"d": "unchanged"}
    del two


@pytest.mark.parametrize("link", [Link.HARDLINK, Link.SYMLINK])
def test_a_linked_large_file_is_read_only_and_known_as_unchanged(root, workspace, link):
    write(root, {"d/l": LARGE, "d/small": b"s", "d/run": LARGE + b"x"})
    (root / "d/run").chmod(0o755)
    workspace.add(["d"])
    workspace.checkout(link=link)
    path = root / "d/l"
    assert path.is_symlink() == (link == Link.SYMLINK)
    assert path.stat().st_ino == workspace.store.linkable(Digest.of(LARGE)).stat().st_ino
    assert not path.stat().st_mode & 0o222
    assert (root / "d/run").stat().st_mode & 0o300 == 0o300, "a program can't share the store's file"
    assert (root / "d/small").stat().st_mode & 0o200
    assert states(opened(root)) == {"d": "unchanged"}
    assert not workspace.checkout(link=link)[0], "linked already"
    assert workspace.unprotect("d") == 1
    path.write_bytes(b"edited")
    assert workspace.store.get(Digest.of(LARGE)) == LARGE
    assert states(opened(root)) == {"d": "modified"}


def test_versions_switched_by_hard_link_are_not_read_again(root, workspace):
    versions = []
    for data in (LARGE, LARGE + b"more"):
        write(root, {"l": data})
        versions += workspace.add(["l"])
    for version in versions:
        workspace.restore(version, link=Link.HARDLINK)
    read, watching = [], True

    def hook(event, arguments):
        if watching and event == "open" and ("/objects/" in str(arguments[0]) or arguments[0] == b"l"):
            read.append(arguments[0])

    sys.addaudithook(hook)
    for version in (*versions, *versions):
        assert workspace.restore(version, link=Link.HARDLINK)
        assert workspace.version("l") == version
    watching = False
    assert read == []
    assert (root / "l").read_bytes() == LARGE + b"more"


def test_a_hard_linked_file_edited_in_place_is_noticed_and_mended_from_elsewhere(root, workspace, remote):
    write(root, {"l": LARGE})
    workspace.add(["l"])
    workspace.push(remote)
    workspace.checkout(link=Link.HARDLINK)
    (root / "l").chmod(0o644)
    with (root / "l").open("r+b") as file:
        file.write(b"edited in place")
    assert states(workspace) == {"l": "modified"}
    assert not workspace.verify()
    workspace.pull(remote, force=True)
    assert (root / "l").read_bytes() == LARGE
    assert workspace.verify()


def test_an_explicit_reflink_where_there_are_none_is_told(root, workspace):
    write(root, {"l": LARGE})
    workspace.add(["l"])
    (root / "l").unlink()
    try:
        workspace.checkout(link=Link.REFLINK)
    except AccessError as error:
        assert "--link auto" in str(error)
        assert not (root / "l").exists()
    else:
        assert (root / "l").read_bytes() == LARGE


# git revisions


def test_data_of_a_git_revision_is_checked_out_while_git_stays(root, workspace):
    git(root, "init", "-q")
    write(root, {"d/a": b"one"})
    workspace.add(["d"])
    git(root, "add", ".")
    git(root, "commit", "-qm", "first")
    git(root, "tag", "v1")
    write(root, {"d/a": b"two"})
    workspace.add(["d"])
    git(root, "commit", "-qam", "second")
    workspace.checkout(rev="v1")
    assert read(root / "d") == {"a": b"one"}
    assert git(root, "status", "--short") == ""
    assert workspace.read("d/a") == b"two"
    assert workspace.read("d/a", rev="v1") == b"one"
    assert [past.subject for past in workspace.log("d")] == ["second", "first"]
    one, two = workspace.pointers("v1")[0], workspace.pointers("HEAD")[0]
    assert [change.path for change in workspace.diff(one, two).modified] == ["a"]


@pytest.mark.parametrize("rev", ["--output=/tmp/x", "-h", "", "nope", "HEAD\x00"])
def test_a_revision_that_git_does_not_know_is_told(root, workspace, rev):
    git(root, "init", "-q")
    with pytest.raises(BadRevisionError):
        workspace.checkout(rev=rev)


def test_the_history_of_data_without_git_or_commits_is_told(root, workspace):
    with pytest.raises(GitError, match="git init"):
        workspace.log("d")
    git(root, "init", "-q")
    with pytest.raises(NotTrackedError):
        workspace.log("d")


# diff


def test_diff_names_what_was_added_removed_modified_and_renamed(root, workspace):
    write(root, {"d/a": b"aaa", "d/b": b"bb", "d/sub/c": b"c", "d/same/x": b"x"})
    one = workspace.add(["d"])[0]
    (root / "d/b").rename(root / "d/sub/moved")
    (root / "d/sub/c").unlink()
    write(root, {"d/a": b"changed", "d/new/n": b"nnnn"})
    two = workspace.version("d")
    found = workspace.diff(one, two)
    assert [(change.path, change.after_bytes) for change in found.added] == [("new/n", 4)]
    assert [(change.path, change.before_bytes) for change in found.removed] == [("sub/c", 1)]
    assert [(change.path, change.before_bytes, change.after_bytes) for change in found.modified] == [
        ("a", 3, 7)
    ]
    assert [(change.before_path, change.path) for change in found.renamed] == [("b", "sub/moved")]
    assert not workspace.diff(two, two)
    assert len(workspace.diff(None, two).added) == 4
    assert len(workspace.diff(two, None).removed) == 4


# remotes


def test_data_travels_by_a_remote(root, workspace, remote, tmp_path):
    write(root, {"d/a": b"a", "d/sub/b": b"b", "d/l": LARGE, "f": b"f"})
    workspace.add(["d", "f"])
    sent = workspace.push(remote)
    assert sent.objects == 6  # four files and two manifests
    assert workspace.push(remote).objects == 0
    other = tmp_path / "other"
    other.mkdir()
    for name in ("d.mlx", "f.mlx"):
        (other / name).write_bytes((root / name).read_bytes())
    there = opened(other)
    assert there.fetch(remote, ["f"]).objects == 1
    assert not (other / "f").exists()
    received, changes = there.pull(remote)
    assert received.objects == 5
    assert read(other / "d") == read(root / "d")
    assert (other / "f").read_bytes() == b"f"
    assert there.verify()
    assert [change.path for change in changes] == ["d", "f"]


def test_a_push_after_a_change_sends_the_change(root, workspace, remote):
    write(root, {f"d/{folder}/{name}": b"%d %d" % (folder, name) for folder in range(5) for name in range(5)})
    workspace.add(["d"])
    workspace.push(remote)
    write(root, {"d/3/3": b"changed"})
    workspace.add(["d"])
    assert workspace.push(remote).objects == 3  # the file, its folder, the folder above


def test_a_damaged_object_is_not_spread(root, workspace, remote):
    write(root, {"l": LARGE})
    workspace.add(["l"])
    path = workspace.store.linkable(Digest.of(LARGE))
    path.chmod(0o644)
    path.write_bytes(LARGE[:-1] + b"!")
    path.chmod(0o444)
    with pytest.raises(CorruptObjectError):
        workspace.push(remote)
    assert list(remote.digests()) == []


def test_what_a_remote_gives_falsely_is_refused(root, workspace, remote, tmp_path):
    write(root, {"l": LARGE, "s": b"small one"})
    workspace.add(["l", "s"])
    workspace.push(remote)
    path = remote.linkable(Digest.of(LARGE))
    path.chmod(0o644)
    path.write_bytes(b"!" * len(LARGE))
    path.chmod(0o444)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/l.mlx").write_bytes((root / "l.mlx").read_bytes())
    with pytest.raises(CorruptObjectError):
        opened(tmp_path / "other").pull(remote)
    assert not (tmp_path / "other/l").exists()


def test_a_pull_of_what_was_never_pushed_says_so(root, workspace, remote):
    write(root, {"d/a": b"a"})
    workspace.add(["d"])
    workspace.store.close()
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    with pytest.raises(ObjectNotFoundError):
        opened(root).pull(remote)


# verify, and what is hostile


def test_verify_names_what_is_damaged_and_what_is_missing(root, workspace):
    write(root, {"d/a": b"precious" * 9, "d/l": LARGE, "fine": b"fine"})
    workspace.add(["d", "fine"])
    assert workspace.verify().checked == 4
    workspace.store.linkable(Digest.of(LARGE)).unlink()
    workspace.store.close()
    pack = next((root / ".mlx/store/packs").iterdir())
    data = bytearray(pack.read_bytes())
    data[data.index(b"precious") + 3] ^= 1
    pack.write_bytes(data)
    verdict = opened(root).verify()
    assert not verdict
    assert [(fault.digest, fault.paths) for fault in verdict.corrupt] == [
        (str(Digest.of(b"precious" * 9)), ("d/a",))
    ]
    assert [(fault.digest, fault.paths) for fault in verdict.missing] == [(str(Digest.of(LARGE)), ("d/l",))]
    assert opened(root).verify(["fine"])


def test_a_malformed_pointer_is_told_by_its_name(root, workspace):
    write(root, {"a": b"a"})
    workspace.add(["a"])
    (root / "a.mlx").write_text("format: 1\nkind: file\ndigest: nonsense\nsize_bytes: 1\nfiles: 1\n")
    with pytest.raises(ConfigError, match=r"a\.mlx:3: digest"):
        workspace.status()


def test_paths_are_chosen_at_or_below_or_above(root, workspace):
    write(root, {"x/a": b"a", "x/b": b"b", "y": b"y"})
    workspace.add(["x/a", "x/b", "y"])

    def chosen(*given):
        return [version.path for version in workspace.select(given)]

    assert chosen() == ["x/a", "x/b", "y"]
    assert chosen("x") == ["x/a", "x/b"]
    assert chosen(root / "y", "y.mlx") == ["y"]
    assert chosen(".") == ["x/a", "x/b", "y"]
    with pytest.raises(NotTrackedError, match="nothing"):
        chosen("nothing")
