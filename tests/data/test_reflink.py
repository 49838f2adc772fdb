"""Files that share blocks with the store: on XFS, which has reflinks."""

import errno
import fcntl
import os

import pytest
from disks import mounted, taken

from jupyter_mlx.data.links import Link
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError
from jupyter_mlx.store import LocalStore
from jupyter_mlx.store.copying import hash_copy

SIZE = 40 << 20
LITTLE = 4 << 20
"""What the store's own files and the disk's may take beside the data."""


@pytest.fixture(scope="module")
def xfs(tmp_path_factory):
    with mounted(tmp_path_factory.mktemp("disk"), ["mkfs.xfs", "-q", "-m", "reflink=1"], 512) as place:
        yield place


@pytest.fixture
def root(xfs, request):
    made = xfs / request.node.name.replace("[", "-").replace("]", "")
    (made / ".mlx").mkdir(parents=True)
    return made


def opened(root, state=None):
    state = state or root / ".mlx"
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def fill(path):
    data = os.urandom(SIZE)
    path.write_bytes(data)
    return data


@pytest.mark.parametrize("link", [Link.AUTO, Link.REFLINK])
def test_an_add_and_a_checkout_take_no_space(xfs, root, link):
    data = fill(root / "d")
    before = taken(xfs)
    workspace = opened(root)
    version = workspace.add(["d"])[0]
    assert taken(xfs) - before < LITTLE
    for name in ("again", "once more"):
        workspace.restore(version, to=name, link=link)
        assert (root / name).read_bytes() == data
        assert (root / name).stat().st_nlink == 1
    assert taken(xfs) - before < LITTLE


def test_an_edit_leaves_the_object_and_other_copies_whole(root):
    data = fill(root / "d")
    workspace = opened(root)
    version = workspace.add(["d"])[0]
    workspace.restore(version, to="other", link=Link.REFLINK)
    with (root / "d").open("r+b") as file:
        file.seek(SIZE // 2)
        file.write(b"edited in place")
    assert (root / "other").read_bytes() == data
    assert workspace.verify()
    assert [state.state for state in workspace.status()] == ["modified"]
    workspace.save("d")
    workspace.restore(version, link=Link.REFLINK)
    assert (root / "d").read_bytes() == data


def test_a_source_that_changes_after_it_was_shared_does_not_change_the_copy(root):
    """What is hashed is the store's own copy: a later write to the source goes elsewhere."""
    data = fill(root / "d")
    with (root / "d").open("r+b") as source, (root / "copy").open("w+b") as target:
        digest = hash_copy(source.fileno(), target.fileno())
        source.write(b"written by somebody else")
        source.flush()
        os.fsync(source.fileno())
    assert digest == Digest.of(data).raw
    assert (root / "copy").read_bytes() == data


def test_a_damaged_object_is_not_shared(root):
    fill(root / "d")
    workspace = opened(root)
    version = workspace.add(["d"])[0]
    path = workspace.store.linkable(version.digest)
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(bytes([path.read_bytes()[0] ^ 1]))
    path.chmod(0o444)
    (root / "d").unlink()
    for link in (Link.AUTO, Link.REFLINK):
        with pytest.raises(Exception, match=r"damaged|no object|verify"):
            workspace.restore(version, link=link)
        assert not (root / "d").exists()


def test_from_another_disk_a_copy_is_made_where_a_reflink_can_not_be(root, tmp_path):
    data = fill(root / "d")
    state = tmp_path / "state"
    state.mkdir()
    workspace = opened(root, state)
    version = workspace.add(["d"])[0]
    (root / "d").unlink()
    with pytest.raises(AccessError, match="no reflinks"):
        workspace.restore(version, link=Link.REFLINK)
    assert not (root / "d").exists()
    workspace.restore(version, link=Link.AUTO)
    assert (root / "d").read_bytes() == data


def test_the_disk_has_reflinks_at_all(xfs):
    """Else the tests above would prove nothing."""
    (xfs / "one").write_bytes(b"x" * 8192)
    with (xfs / "one").open("rb") as source, (xfs / "two").open("wb") as target:
        try:
            fcntl.ioctl(target, 0x40049409, source.fileno())
        except OSError as error:
            assert error.errno != errno.EOPNOTSUPP
            raise
