"""The stat cache: it is believed only where a change could not have gone unseen."""

import os
import time
from types import SimpleNamespace

import pytest

from jupyter_mlx.data.reading import Reader
from jupyter_mlx.data.scan import StatCache, is_settled, look_of
from jupyter_mlx.data.survey import Survey
from jupyter_mlx.digest import Digest

SECOND = 1_000_000_000


class Noting(Reader):
    """Notes what was read."""

    def __init__(self, cache):
        super().__init__(cache)
        self.read = set()

    def small(self, data):
        self.read.add(data)
        return super().small(data)


def look(root, cache, name="f"):
    """What is there, and the bytes that had to be read to know."""
    reader = Noting(cache)
    entry = Survey(root, cache, reader).path(os.fsencode(name))
    reader.close()
    return entry, reader.read


def names(row):
    return {name for name, _ in row.files.items()}


def settle():
    time.sleep(0.08)  # longer than the tick in which a write could hide


@pytest.fixture
def cache(tmp_path):
    return StatCache(tmp_path / "scan.db")


def test_an_unchanged_file_is_not_read_again(tmp_path, cache):
    (tmp_path / "f").write_bytes(b"x")
    settle()
    assert look(tmp_path, cache)[1] == {b"x"}
    assert look(tmp_path, cache)[1] == set()


def test_a_file_written_just_now_is_read_again(tmp_path, cache):
    (tmp_path / "f").write_bytes(b"x")
    look(tmp_path, cache)
    assert look(tmp_path, cache)[1] == {b"x"}


def test_same_size_and_mtime_set_back_does_not_deceive(tmp_path, cache):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    settle()
    stat = path.stat()
    look(tmp_path, cache)
    path.write_bytes(b"new")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert look(tmp_path, cache)[0].of == Digest.of(b"new")


def test_a_file_swapped_for_another_does_not_deceive(tmp_path, cache):
    path = tmp_path / "f"
    path.write_bytes(b"old")
    settle()
    stat = path.stat()
    look(tmp_path, cache)
    (tmp_path / "other").write_bytes(b"new")
    os.utime(tmp_path / "other", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    (tmp_path / "other").replace(path)
    assert look(tmp_path, cache)[0].of == Digest.of(b"new")


@pytest.mark.parametrize(
    ("changed_ns", "read_ns", "settled"),
    [
        (10 * SECOND + 5, 10 * SECOND + 6, False),
        (10 * SECOND + 5, 11 * SECOND, True),
        (10 * SECOND, 11 * SECOND, False),  # a file system that counts whole seconds
        (10 * SECOND, 13 * SECOND, True),
        (99 * SECOND + 5, 11 * SECOND, False),  # the clock was set back
    ],
)
def test_a_look_is_believed_when_the_clock_has_moved_on(changed_ns, read_ns, settled):
    look = look_of(SimpleNamespace(st_size=1, st_mtime_ns=changed_ns, st_ctime_ns=changed_ns, st_ino=7))
    assert is_settled(look, read_ns) is settled


@pytest.mark.parametrize("damage", [b"", b"no database" * 500], ids=["empty", "garbage"])
def test_a_damaged_cache_is_made_anew(tmp_path, cache, damage):
    (tmp_path / "f").write_bytes(b"x")
    settle()
    look(tmp_path, cache)
    for file in tmp_path.glob("scan.db*"):
        file.unlink()
    (tmp_path / "scan.db").write_bytes(damage)
    assert look(tmp_path, cache)[0].of == Digest.of(b"x")
    assert look(tmp_path, cache)[1] == set()


def test_files_of_a_folder_are_remembered_by_their_folder(tmp_path, cache):
    for name in ("d/a", "d/e/b", "d0/c"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    settle()
    look(tmp_path, cache, "d")
    look(tmp_path, cache, "d0")
    assert [names(cache.load(path)) for path in (b"d", b"d/e", b"d0")] == [{b"a"}, {b"b"}, {b"c"}]
    assert look(tmp_path, cache, "d")[1] == set()


@pytest.mark.parametrize(
    "change",
    [
        lambda d: (d / "a").unlink(),
        lambda d: (d / "c").write_text("c"),
        lambda d: (d / "e/b").write_text("other"),
        lambda d: (d / "e/f").mkdir(),
        lambda d: (d / "l").symlink_to("a"),
        lambda d: (d / "a").rename(d / "aa"),
        lambda d: (d / "a").chmod(0o755),
    ],
    ids=["removed", "come", "changed below", "folder below", "link", "renamed", "executable"],
)
def test_a_remembered_listing_is_believed_only_while_nothing_in_it_changed(tmp_path, cache, change):
    folder = tmp_path / "d"
    for name in ("a", "e/b"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    settle()
    before = look(tmp_path, cache, "d")[0]
    assert look(tmp_path, cache, "d")[0] == before
    change(folder)
    after = look(tmp_path, cache, "d")[0]
    assert after != before
    assert after == look(tmp_path, StatCache(tmp_path / "fresh.db"), "d")[0]


def test_a_time_that_no_clock_reaches_is_no_error(tmp_path, cache):
    (tmp_path / "f").write_bytes(b"x")
    os.utime(tmp_path / "f", (2**34, 2**34))
    assert look(tmp_path, cache)[0].of == Digest.of(b"x")


def test_a_single_file_keeps_what_is_known_of_its_neighbours(tmp_path, cache):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    settle()
    look(tmp_path, cache, "a")
    look(tmp_path, cache, "b")
    assert names(cache.load(b"")) == {b"a", b"b"}


def test_a_cache_that_cannot_be_written_costs_a_read_and_no_error(tmp_path):
    (tmp_path / "f").write_bytes(b"x")
    assert look(tmp_path, StatCache(tmp_path / "absent" / "scan.db"))[0].of == Digest.of(b"x")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc")
def test_a_child_inherits_no_connection_and_both_sides_go_on(tmp_path, cache):
    (tmp_path / "f").write_bytes(b"x")
    settle()
    look(tmp_path, cache)
    child = os.fork()
    if child == 0:
        files = {os.path.realpath(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")}
        os._exit(
            any(file.startswith(str(tmp_path / "scan.db")) for file in files)
            or look(tmp_path, cache)[0] is None
        )
    assert os.waitpid(child, 0)[1] == 0
    assert look(tmp_path, cache)[0]
