"""RELIABILITY, "case-insensitive file system": two names that a disk takes for one are told, never mixed."""

import subprocess

import pytest
from disks import mounted

from jupyter_mlx.data.checkout import TwinNamesError
from jupyter_mlx.data.twins import twins
from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.store import LocalStore

CASE = {"d/Read": b"upper", "d/read": b"lower", "d/other": b"o"}
FORM = {"d/caf\u00e9": b"one letter", "d/cafe\u0301": b"two letters"}


@pytest.fixture(scope="module", params=["casefold", "vfat"])
def disk(tmp_path_factory, request):
    """A folder on a disk where `A` and `a` are one file."""
    folder = tmp_path_factory.mktemp("disk")
    if request.param == "vfat":
        with mounted(folder, ["mkfs.vfat"], 64, "loop,utf8") as place:
            yield place
        return
    with mounted(folder, ["mkfs.ext4", "-q", "-O", "casefold"], 64) as place:
        made = place / "folded"
        made.mkdir()
        if subprocess.run(["chattr", "+F", made], capture_output=True, check=False).returncode:
            pytest.skip("this system has no case-insensitive folders")
        yield made


def opened(root):
    state = root / ".mlx"
    state.mkdir(parents=True, exist_ok=True)
    return Workspace.open(root, LocalStore.open(state / "store", state / "tmp"), state)


def write(root, files):
    for name, data in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(data)


def listing(root):
    return (
        {path.name: path.read_bytes() for path in (root / "d").iterdir()} if (root / "d").exists() else None
    )


@pytest.fixture
def there(tmp_path, disk, request):
    """A project on that disk, and a version with twins made on another."""

    def make(files):
        write(tmp_path / "here", files)
        here = opened(tmp_path / "here")
        version = here.add(["d"])[0]
        root = disk / request.node.name.replace("[", "-").replace("]", "")
        workspace = opened(root)
        workspace.fetch(here.store, versions=[version])
        return root, workspace, version

    return make


def test_a_folder_that_holds_twins_is_refused_and_nothing_is_made(there):
    root, workspace, version = there(CASE)
    with pytest.raises(TwinNamesError, match=r"d holds 'Read' and 'read', which are one name on this disk"):
        workspace.restore(version)
    assert listing(root) is None
    assert list((root / ".mlx/tmp").iterdir()) == []


def test_twins_are_not_put_into_a_folder_that_is_there(there):
    root, workspace, version = there(CASE)
    write(root, {"d/read": b"mine", "d/kept": b"k"})
    workspace.add(["d"])
    before = listing(root)
    for force in (False, True):
        with pytest.raises(TwinNamesError):
            workspace.restore(version, force=force)
        assert listing(root) == before


def test_names_of_two_unicode_forms_are_one_or_two_as_the_disk_has_it(there):
    root, workspace, version = there(FORM)
    try:
        workspace.restore(version)
    except TwinNamesError:
        assert listing(root) is None
    else:
        assert sorted(listing(root).values()) == sorted(FORM.values())


def test_a_name_that_changed_its_case_alone_is_no_twin(there):
    root, workspace, version = there({"d/Read": b"upper"})
    write(root, {"d/read": b"lower"})
    workspace.add(["d"])
    workspace.restore(version)
    assert listing(root) == {"Read": b"upper"}


def test_where_the_disk_tells_them_apart_twins_are_checked_out(tmp_path):
    write(tmp_path, {**CASE, **FORM})
    workspace = opened(tmp_path)
    version = workspace.add(["d"])[0]
    before = listing(tmp_path)
    subprocess.run(["rm", "-r", tmp_path / "d"], check=True)
    workspace.restore(version)
    assert listing(tmp_path) == before


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([b"a", b"b"], None),
        ([b"a", b"A"], (b"A", b"a")),
        ([b"Stra\xc3\x9fe", b"STRASSE"], (b"STRASSE", b"Stra\xc3\x9fe")),
        ([b"\xff", b"\xfe"], None),
        ([], None),
    ],
)
def test_twins_are_found_by_case_and_form(names, found):
    assert twins(lambda: sorted(names)) == found
