"""Parts of tracked folders: fetched, checked out, changed and sent without the rest."""

import shutil
import subprocess
import threading
from pathlib import Path

import pytest

from jupyter_mlx.data.choice import InnerPathError, NotInVersionError
from jupyter_mlx.data.parts import LinkPartError
from jupyter_mlx.data.paths import NoSuchPathError
from jupyter_mlx.data.sending import chosen
from jupyter_mlx.data.tracking import PartialDataError
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.errors import CorruptError, ObjectNotFoundError
from jupyter_mlx.store import SMALL_BYTES, LocalStore
from jupyter_mlx.testing.store import content

FILES = {
    "data/6/a.png": b"six a",
    "data/7/x.png": b"seven x",
    "data/7/y.png": b"seven y",
    "data/7/deep/z.png": content(SMALL_BYTES + 1),
    "data/top": b"top",
}


@pytest.fixture
def remote(tmp_path):
    return LocalStore.open(tmp_path / "remote", tmp_path / "remote" / "tmp")


@pytest.fixture
def origin(tmp_path, remote):
    """A project whose data is at the remote."""
    root = tmp_path / "origin"
    write(root, FILES)
    opened(root).add(["data"])
    opened(root).push(remote)
    return root


@pytest.fixture
def clone(tmp_path, origin):
    """A project that has the pointer, and no data."""
    root = tmp_path / "clone"
    root.mkdir()
    shutil.copy(origin / "data.mlx", root)
    return root


def opened(root: Path) -> Workspace:
    state = root / ".mlx"
    state.mkdir(parents=True, exist_ok=True)
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def write(root: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def read(root: Path) -> dict[str, bytes]:
    files = sorted(path for path in (root / "data").rglob("*") if path.is_file())
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def state(root: Path, *paths: str) -> list[str]:
    return [found.state for found in opened(root).status(paths)]


def only(*prefixes: str) -> dict[str, bytes]:
    return {name: data for name, data in FILES.items() if name.startswith(prefixes)}


def holds_what_it_names(root: Path) -> bool:
    """Whether the store has all of each manifest that it has."""
    workspace = opened(root)
    return all(
        not workspace.store.missing(workspace.digests(version))
        for version in workspace.pointers()
        if workspace.store.has(version.digest)
    )


def test_a_part_of_a_folder_is_pulled_alone(clone, remote):
    transfer, _ = opened(clone).pull(remote, ["data/7"])
    assert read(clone) == only("data/7/")
    assert transfer.objects == 5  # three files, two listings
    assert holds_what_it_names(clone)


def test_one_file_of_a_folder_is_pulled_alone(clone, remote):
    transfer, _ = opened(clone).pull(remote, ["data/7/x.png"])
    assert read(clone) == only("data/7/x.png")
    assert transfer.objects == 1


def test_a_fetched_part_is_checked_out_without_the_remote(clone, remote):
    opened(clone).fetch(remote, ["data/7"])
    assert not (clone / "data").exists()
    opened(clone).checkout(["data/7/deep"])
    assert read(clone) == only("data/7/deep/")


def test_a_part_is_checked_out_where_all_is_here(origin):
    write(origin, {"data/7/x.png": b"mine", "data/6/a.png": b"mine"})
    workspace = opened(origin)
    workspace.checkout(["data/7"], force=True)
    assert (origin / "data/7/x.png").read_bytes() == b"seven x"
    assert (origin / "data/6/a.png").read_bytes() == b"mine"


def test_a_part_that_was_not_fetched_says_so(clone, remote):
    with pytest.raises(ObjectNotFoundError, match="jmlx pull"):
        opened(clone).checkout(["data/7"])
    opened(clone).pull(remote, ["data/7"])
    with pytest.raises(ObjectNotFoundError):
        opened(clone).checkout(["data"])
    assert read(clone) == only("data/7/")


def test_a_checkout_of_everything_goes_on_where_the_parts_that_are_here_are_right(clone, remote):
    opened(clone).pull(remote, ["data/7"])
    write(clone, {"other": b"1"})
    opened(clone).add(["other"])
    (clone / "other").unlink()
    opened(clone).checkout()
    assert (clone / "other").read_bytes() == b"1"
    (clone / "data/7/x.png").write_bytes(b"changed")
    with pytest.raises(ObjectNotFoundError):
        opened(clone).checkout()


def test_a_path_that_is_not_in_the_version_says_so(clone, remote):
    with pytest.raises(NotInVersionError, match="data/8"):
        opened(clone).pull(remote, ["data/8"])
    with pytest.raises(NotInVersionError, match="data/top/x"):
        opened(clone).pull(remote, ["data/top/x"])


def test_a_part_beside_the_whole_is_the_whole(clone, remote):
    assert [version.path for version in opened(clone).select(["data/7", "."], remote=remote)] == ["data"]


def test_status_tells_parts_from_changes(clone, remote):
    assert state(clone) == ["missing"]
    opened(clone).pull(remote, ["data/7/deep"])
    assert state(clone) == ["partial"]
    assert state(clone, "data/7/deep") == ["unchanged"]
    opened(clone).pull(remote, ["data/7"])
    assert state(clone) == ["partial"]
    write(clone, {"data/7/x.png": b"mine"})
    assert state(clone) == ["modified"]
    opened(clone).checkout(["data/7"], force=True)
    write(clone, {"data/9/new": b"new"})
    assert state(clone) == ["modified"]
    (clone / "data/9/new").unlink()
    (clone / "data/9").rmdir()
    (clone / "data/7/x.png").unlink()  # it was fetched: so it is gone, not absent
    assert state(clone) == ["modified"]


def test_all_of_the_parts_together_are_the_whole(clone, remote):
    for path in ("data/6", "data/7"):
        opened(clone).pull(remote, [path])
    opened(clone).pull(remote)
    assert read(clone) == FILES
    assert state(clone) == ["unchanged"]
    assert not list((clone / ".mlx/partial").iterdir())


def test_a_part_is_changed_without_the_rest(clone, origin, remote):
    opened(clone).pull(remote, ["data/7"])
    write(clone, {"data/7/x.png": b"changed", "data/7/new.png": b"new"})
    (clone / "data/7/y.png").unlink()
    version = opened(clone).add(["data/7"])[0]
    assert (version.path, version.files) == ("data", 5)
    assert state(clone) == ["partial"]
    sent = opened(clone).push(remote)
    assert sent.objects == 4  # two files, two listings
    shutil.copy(clone / "data.mlx", origin)
    opened(origin).pull(remote)
    assert read(origin) == {
        **only("data/6", "data/7/deep", "data/top"),
        "data/7/x.png": b"changed",
        "data/7/new.png": b"new",
    }
    assert opened(origin).version("data").digest == version.digest


def test_new_files_are_added_to_a_folder_of_which_only_the_listing_is_here(clone, origin, remote):
    write(clone, {"data/8/new.png": b"new"})
    with pytest.raises(ObjectNotFoundError, match="jmlx"):
        opened(clone).add(["data/8/new.png"])
    opened(clone).fetch(remote, ["data/top"])
    opened(clone).add(["data/8/new.png"])
    opened(clone).push(remote)
    shutil.copy(clone / "data.mlx", origin)
    opened(origin).pull(remote)
    assert read(origin) == {**FILES, "data/8/new.png": b"new"}


def test_a_change_of_a_part_equals_a_new_version_of_the_whole(origin):
    write(origin, {"data/7/x.png": b"changed", "data/new/folder/f": b"f"})
    opened(origin).add(["data/7/x.png"])
    version = opened(origin).add(["data/new"])[0]
    assert opened(origin).version("data") == version
    assert not (origin / ".mlx/partial").exists()
    assert holds_what_it_names(origin)
    assert state(origin) == ["unchanged"]


def test_other_changes_stay_out_of_a_version_of_a_part(origin):
    write(origin, {"data/7/x.png": b"changed", "data/6/a.png": b"changed"})
    opened(origin).add(["data/7/x.png"])
    assert state(origin) == ["modified"]
    assert opened(origin).read("data/6/a.png") == b"six a"
    assert opened(origin).read("data/7/x.png") == b"changed"


def test_a_deleted_part_that_is_added_is_taken_out(origin):
    shutil.rmtree(origin / "data/7/deep")
    (origin / "data/6/a.png").unlink()
    opened(origin).add(["data/7/deep", "data/6/a.png"])
    assert opened(origin).version("data") == opened(origin).pointers()[0]
    shutil.rmtree(origin / "data/7")
    opened(origin).add(["data/7/x.png"])  # the folder that it was in went too
    assert opened(origin).version("data") == opened(origin).pointers()[0]


def test_what_was_never_fetched_is_not_taken_for_deleted(clone, remote):
    opened(clone).pull(remote, ["data/7"])
    before = (clone / "data.mlx").read_bytes()
    for path in ("data/6/a.png", "data/6", "data/nowhere"):
        with pytest.raises((NoSuchPathError, ObjectNotFoundError)):
            opened(clone).add([path])
    assert (clone / "data.mlx").read_bytes() == before


def test_a_version_of_parts_alone_is_refused(clone, remote):
    opened(clone).pull(remote, ["data/7"])
    before = (clone / "data.mlx").read_bytes()
    with pytest.raises(PartialDataError, match="data/…"):
        opened(clone).add(["data"])
    assert (clone / "data.mlx").read_bytes() == before


def test_a_part_pushed_to_a_remote_without_the_rest_is_refused(clone, remote, tmp_path):
    opened(clone).pull(remote, ["data/7"])
    write(clone, {"data/7/x.png": b"changed"})
    opened(clone).add(["data/7"])
    other = LocalStore.open(tmp_path / "other", tmp_path / "other" / "tmp")
    with pytest.raises(ObjectNotFoundError):
        opened(clone).push(other)
    assert not other.has(opened(clone).pointers()[0].digest)


def test_a_part_is_kept_when_two_processes_add_others_at_once(origin):
    names = [f"data/new{number}/f" for number in range(8)]
    write(origin, {name: name.encode() for name in names})
    threads = [threading.Thread(target=lambda n=name: opened(origin).add([n])) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state(origin) == ["unchanged"]


def test_a_damaged_listing_beside_the_store_is_fetched_again(clone, remote):
    opened(clone).fetch(remote, ["data/7"])
    for path in (clone / ".mlx/partial").iterdir():
        path.chmod(0o600)
        path.write_bytes(b"damaged")
    with pytest.raises(ObjectNotFoundError):
        opened(clone).checkout(["data/7"])
    opened(clone).pull(remote, ["data/7"])
    assert read(clone) == only("data/7/")


def test_a_hostile_listing_is_not_kept(clone, remote):
    pointer = (clone / "data.mlx").read_text().splitlines()
    digest = remote.put(b"no listing at all")
    pointer[2] = f"digest: {digest}"
    (clone / "data.mlx").write_text("\n".join(pointer) + "\n")
    with pytest.raises(CorruptError):
        opened(clone).pull(remote, ["data/7"])
    assert not (clone / ".mlx/partial").exists()


def test_a_link_is_no_part_by_itself(origin):
    (origin / "data/link").symlink_to("top")
    opened(origin).add(["data"])
    with pytest.raises(LinkPartError):
        opened(origin).checkout(["data/link"])


def test_a_part_is_not_removed_from_tracking_by_itself(origin):
    with pytest.raises(InnerPathError, match="data"):
        opened(origin).remove("data/7")


def test_the_executable_bit_of_a_single_file_is_kept(tmp_path):
    root = tmp_path / "project"
    write(root, {"run.sh": b"#!/bin/sh\n", "plain": b"plain"})
    (root / "run.sh").chmod(0o755)
    opened(root).add(["run.sh", "plain"])
    assert (root / "run.sh.mlx").read_text().endswith("files: 1\nexecutable: true\n")
    assert "executable" not in (root / "plain.mlx").read_text()
    (root / "run.sh").unlink()
    opened(root).checkout()
    assert (root / "run.sh").stat().st_mode & 0o111
    (root / "run.sh").chmod(0o644)
    (root / "plain").chmod(0o755)
    assert state(root) == ["modified", "modified"]
    opened(root).checkout()
    assert state(root) == ["unchanged", "unchanged"]
    assert not (root / "plain").stat().st_mode & 0o111


def test_an_executable_file_of_a_folder_is_checked_out_executable(origin):
    (origin / "data/6/a.png").chmod(0o755)
    opened(origin).add(["data/6"])
    (origin / "data/6/a.png").unlink()
    opened(origin).checkout(["data/6/a.png"])
    assert (origin / "data/6/a.png").stat().st_mode & 0o111
    assert subprocess.run(["test", "-x", origin / "data/6/a.png"], check=False).returncode == 0


def test_listings_on_the_way_to_a_new_file_come_from_the_remote(clone, origin, remote):
    write(clone, {"data/7/new.png": b"new"})
    opened(clone).add(["data/7/new.png"], remote=lambda: remote)
    assert state(clone) == ["partial"]
    opened(clone).push(remote)
    shutil.copy(clone / "data.mlx", origin)
    opened(origin).pull(remote)
    assert read(origin) == {**FILES, "data/7/new.png": b"new"}


def test_a_part_of_another_revision_is_fetched(clone, origin, remote):
    before = (origin / "data.mlx").read_bytes()
    write(origin, {"data/6/a.png": b"changed"})
    opened(origin).add(["data"])
    opened(origin).push(remote)
    git_clone(clone, before, (origin / "data.mlx").read_bytes())
    versions = chosen(opened(clone), ["data/6"], ["HEAD~1"], everywhere=False, source=remote)
    opened(clone).fetch(remote, versions=versions)
    opened(clone).checkout(["data/6"], rev="HEAD~1")
    assert read(clone) == only("data/6")


def git_clone(root: Path, *pointers: bytes) -> None:
    """Make a git repository whose commits have these pointers of `data`."""
    subprocess.run(["git", "init", "-q", root], check=True)
    for pointer in pointers:
        (root / "data.mlx").write_bytes(pointer)
        subprocess.run(["git", "-C", root, "add", "data.mlx"], check=True)
        subprocess.run(["git", "-C", root, "commit", "-q", "-m", "one more"], check=True)
