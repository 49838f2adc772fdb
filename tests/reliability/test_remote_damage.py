"""Remotes that are damaged, or that lie: it is found, told, never spread, and mended by a push."""

import contextlib
import random
import subprocess

import msgspec
import pytest
from blake3 import blake3
from test_remote_crashes import FILES, clone, opened, read, remote_of, source  # noqa: F401 (a fixture)

from jupyter_mlx.data.manifest import FILE, FORMAT, TAG
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import CorruptError, MlxError
from jupyter_mlx.store import frames
from jupyter_mlx.store.base import NewerFormatError
from jupyter_mlx.store.listing import (
    BLOCK_LIMIT,
    OBJECT,
    PACK_HEADER,
    PIECE,
    RECIPE,
    BadListingError,
    Block,
    Listing,
    decode,
    pack_path,
)
from jupyter_mlx.store.recipes import Recipe
from jupyter_mlx.store.remote_store import FORMAT as REMOTE_FORMAT
from jupyter_mlx.store.remote_store import DamagedRemoteError, NotOnRemoteError

TEXT = b"a line of text\n" * 1000


def packs(folder):
    return sorted(path for path in (folder / "packs").rglob("*") if path.is_file())


def flip(path):
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    for at in range(20, len(data), 2000):
        data[at] ^= 1
    path.write_bytes(data)


def cut(path):
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.parametrize("harm", [flip, cut, lambda path: path.unlink()])
def test_a_damaged_pack_is_told_never_used_and_mended_by_a_push(source, tmp_path, harm):  # noqa: F811
    folder = tmp_path / "remote"
    opened(source).push(remote_of(folder, source / ".mlx" / "remotes"))
    for path in packs(folder):
        harm(path)
    there = clone(source, tmp_path / "clone")
    for _ in range(2):
        with pytest.raises(CorruptError):
            opened(there).pull(remote_of(folder, there / ".mlx" / "remotes"))
        assert not (there / "data").exists()
        for digest in opened(there).store.digests():
            opened(there).store.check(digest)
    for _ in range(5):  # each pull may come further, and find another pack damaged
        opened(source).push(remote_of(folder, source / ".mlx" / "remotes"))
        with contextlib.suppress(CorruptError):
            opened(there).pull(remote_of(folder, there / ".mlx" / "remotes"))
    assert read(there / "data") == FILES


def test_the_command_tells_damage_in_one_line(project, jmlx, tmp_path):
    (project.root / "data").write_bytes(random.Random(1).randbytes(5000))
    jmlx("remote", "add", "origin", str(tmp_path / "remote"))
    jmlx("add", "data")
    jmlx("push")
    for path in packs(tmp_path / "remote"):
        flip(path)
    subprocess.run(["rm", "-rf", ".mlx/store", "data"], check=True)
    done = jmlx("pull")
    assert done.returncode == 3, done
    assert "is damaged in" in done.stderr
    assert "`jmlx push` from a copy that has the data" in done.stderr
    assert done.stderr.count("\n") == 1


def remote_with(folder, *blocks):
    """A remote of one pack, whatever it says: of blocks `(stored bytes, Block)`."""
    listing = Listing(tuple(block for _, block in blocks))
    text = listing.encode()
    name = blake3(text).hexdigest()
    for path, data in {
        "format": REMOTE_FORMAT,
        pack_path(name): PACK_HEADER + b"".join(stored for stored, _ in blocks),
        f"index/{name}": text,
    }.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return remote_of(folder)


def plain(*objects, kind=OBJECT, digests=None):
    data = b"".join(objects)
    named = digests or [blake3(each).digest() for each in objects]
    items = tuple((digest, len(each), kind) for digest, each in zip(named, objects, strict=True))
    return data, Block(frames.PLAIN, len(data), len(data), items)


def test_what_is_well_formed_is_read(tmp_path):
    assert remote_with(tmp_path / "r", plain(TEXT, b"x")).get(Digest.of(b"x")) == b"x"


def test_other_bytes_than_the_digest_says_are_refused(tmp_path):
    wanted = Digest.of(b"wanted")
    store = remote_with(tmp_path / "r", plain(b"others", digests=[wanted.raw]))
    with pytest.raises(DamagedRemoteError):
        store.get(wanted)


@pytest.mark.parametrize("declared", [BLOCK_LIMIT, 10, len(TEXT) + 1])
def test_a_bomb_or_a_false_length_is_not_expanded(tmp_path, declared):
    bomb = frames.shrink(bytes(BLOCK_LIMIT * 4) if declared == BLOCK_LIMIT else TEXT)[1]
    block = Block(frames.ZSTD, len(bomb), declared, ((Digest.of(TEXT).raw, declared, OBJECT),))
    with pytest.raises(DamagedRemoteError):
        remote_with(tmp_path / "r", (bomb, block)).get(Digest.of(TEXT))


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1],
        lambda text: text + b"x",
        lambda text: b"OTHER" + text[5:],
        lambda text: text[:8] + b"\xff\xff\xff\xff" + text[12:],
        lambda text: text[:12] + b"\xff\xff\xff\xff" + text[16:],
        lambda text: text[:16] + b"\xff\xff\xff\xff" + text[20:],
        lambda text: text[:20] + b"\x01" + text[21:],
        lambda text: text[:24] + b"\x00\x00\x00\x00" + text[28:],
        lambda text: text[:28] + b"\x07" + text[29:],
        lambda text: text[:-1] + b"\x09",
    ],
)
def test_a_malformed_listing_is_refused(change):
    text = Listing((plain(b"some bytes")[1],)).encode()
    assert [listing.blocks[0].length for _, listing in decode(text, "index/x")] == [10]
    with pytest.raises(BadListingError):
        list(decode(change(text), "index/x"))


def test_a_listing_that_is_not_what_it_is_named_by_is_refused(tmp_path):
    remote_with(tmp_path / "r", plain(b"x"))
    path = next((tmp_path / "r" / "index").iterdir())
    path.rename(path.with_name("0" * 64))
    with pytest.raises(BadListingError, match="named by"):
        remote_of(tmp_path / "r").has(Digest.of(b"x"))


def test_names_that_are_none_of_ours_are_passed_over(tmp_path):
    store = remote_with(tmp_path / "r", plain(b"x"))
    for name in ("README", "condemned-nonsense", "condemned-" + "0" * 64, "A" * 64, "..."):
        (tmp_path / "r" / "index" / name).write_bytes(b"{}")
    assert store.get(Digest.of(b"x")) == b"x"


def test_a_recipe_that_leads_to_other_bytes_is_refused(tmp_path):
    wanted = Digest.of(b"w" * (1 << 20))
    leaf = blake3(TEXT).digest() + len(TEXT).to_bytes(4, "little")
    recipe = Recipe(((blake3(leaf).digest(), len(TEXT)),)).encode()
    store = remote_with(
        tmp_path / "r",
        plain(TEXT, leaf, kind=PIECE),
        plain(recipe, kind=RECIPE, digests=[wanted.raw]),
    )
    with pytest.raises(CorruptError, match="its chunks are those of another object"):
        store.copy_to(wanted, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("size", [1, 1 << 27, 1 << 40, 1 << 62])
def test_a_recipe_with_false_lengths_is_refused(tmp_path, size):
    wanted = Digest.of(b"wanted")
    leaf = blake3(TEXT).digest() + len(TEXT).to_bytes(4, "little")
    recipe = Recipe(((blake3(leaf).digest(), size),)).encode()
    store = remote_with(
        tmp_path / "r",
        plain(TEXT, leaf, kind=PIECE),
        plain(recipe, kind=RECIPE, digests=[wanted.raw]),
    )
    with pytest.raises(CorruptError, match="do not add up"):
        store.copy_to(wanted, tmp_path / "copy")


def test_a_recipe_is_not_taken_for_an_object_nor_the_reverse(tmp_path):
    wanted = Digest.of(b"small")
    recipe = Recipe(()).encode()
    store = remote_with(tmp_path / "r", plain(recipe, kind=RECIPE, digests=[wanted.raw]))
    with pytest.raises(CorruptError):
        dict(store.stream([wanted.raw]))


@pytest.mark.parametrize("name", [b"..", b"../x", b"/etc/x", b".git", b"a\\b", b"C:x", b""])
def test_a_hostile_manifest_from_a_remote_writes_nothing(source, tmp_path, name):  # noqa: F811
    listing = msgspec.msgpack.encode([TAG, FORMAT, [[name, FILE, Digest.of(b"x").raw, 1, 1]]])
    remote_with(tmp_path / "r", plain(b"x", listing))
    there = clone(source, tmp_path / "clone")
    pointer = (there / "data.mlx").read_text().splitlines()
    (there / "data.mlx").write_text(
        "\n".join(f"digest: {Digest.of(listing)}" if "digest" in line else line for line in pointer) + "\n"
    )
    before = {path for path in tmp_path.rglob("*") if ".mlx" not in path.parts}
    with pytest.raises(CorruptError):
        opened(there).pull(remote_of(tmp_path / "r"))
    assert {path for path in tmp_path.rglob("*") if ".mlx" not in path.parts} == before
    assert opened(there).store.missing([Digest.of(listing)])


def test_a_remote_of_a_later_format_is_left_alone(tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "format").write_bytes(b"jupyter_mlx remote\nformat: 2\n")
    with pytest.raises(NewerFormatError, match="format: 2"):
        remote_of(tmp_path / "r").put(b"x")
    assert [path.name for path in (tmp_path / "r").iterdir()] == ["format"]


def test_a_cache_that_is_damaged_is_made_again(tmp_path):
    digest = remote_of(tmp_path / "r", tmp_path / "cache").put(b"x")
    for path in (tmp_path / "cache").iterdir():
        path.write_bytes(b"no database" * 1000)
    assert remote_of(tmp_path / "r", tmp_path / "cache").get(digest) == b"x"


def test_a_remote_that_was_emptied_is_filled_again(source, tmp_path):  # noqa: F811
    folder, cache = tmp_path / "r", tmp_path / "cache"
    opened(source).push(remote_of(folder, cache))
    subprocess.run(["rm", "-rf", folder], check=True)
    opened(source).push(remote_of(folder, cache))
    there = clone(source, tmp_path / "clone")
    opened(there).pull(remote_of(folder))
    assert read(there / "data") == FILES
    assert list((folder / "refs").iterdir())


def test_an_object_that_is_nowhere_is_named(source, tmp_path):  # noqa: F811
    there = clone(source, tmp_path / "clone")
    digest = opened(source).pointers()[0].digest.hex
    with pytest.raises(NotOnRemoteError, match=rf"{digest} in .*`jmlx push` from a copy that has"):
        opened(there).pull(remote_of(tmp_path / "empty"))


@pytest.mark.parametrize("where", ["objects", "packs"])
def test_what_is_damaged_here_a_pull_brings_again(source, tmp_path, where):  # noqa: F811
    opened(source).push(remote_of(tmp_path / "r"))
    for path in (source / ".mlx" / "store" / where).rglob("*"):
        if path.is_file():
            flip(path)
    subprocess.run(["rm", "-rf", source / "data"], check=True)
    with pytest.raises(MlxError):
        opened(source).checkout()
    for _ in range(3):  # each may come further, and find another object damaged
        with contextlib.suppress(MlxError):
            opened(source).pull(remote_of(tmp_path / "r"))
    assert read(source / "data") == FILES
