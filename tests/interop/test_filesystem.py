"""`mlx://` and `jm.open`: versions of data read by Python and by libraries that speak fsspec."""

import os
import subprocess
import sys

import fsspec
import pytest

import jupyter_mlx as jm
from jupyter_mlx.data.paths import NotTrackedError
from jupyter_mlx.errors import CorruptObjectError, MlxError, UsageError
from jupyter_mlx.interop.filesystem import MlxFileSystem, NoSuchDataError, ReadOnlyError
from jupyter_mlx.revisions import IsFolderError, UnknownRevisionError
from jupyter_mlx.store import SMALL_BYTES
from jupyter_mlx.testing.store import content

LARGE = content(3 * SMALL_BYTES + 1)


@pytest.fixture(autouse=True)
def known():
    fsspec.register_implementation("mlx", MlxFileSystem, clobber=True)


@pytest.fixture
def data(project):
    """A project of which v1 is tagged; `raw/train.csv` and the folder `data` were changed since."""
    root = project.root
    for folder in ("data/sub/deep", "raw"):
        (root / folder).mkdir(parents=True)
    (root / "raw/train.csv").write_text("id,x\n1,1\n")
    (root / "data/sub/b.txt").write_text("b1")
    (root / "data/sub/deep/large").write_bytes(LARGE)
    (root / "data/user@example.org.csv").write_text("id\n1\n")
    project.workspace.add(["raw/train.csv", "data"])
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "v1"], ["tag", "v1"]):
        subprocess.run(["git", "-C", root, *words], check=True)
    (root / "raw/train.csv").write_text("id,x\n1,2\n2,2\n")
    (root / "data/sub/b.txt").write_text("b2")
    (root / "data/new.txt").write_text("new")
    project.workspace.add(["raw/train.csv", "data"])
    (root / "raw/train.csv").write_text("work in progress")
    return root


def fs(**options) -> MlxFileSystem:
    return fsspec.filesystem("mlx", **options)


def test_pandas_reads_a_version(data):
    pandas = pytest.importorskip("pandas")
    assert pandas.read_csv("mlx://raw/train.csv@v1")["x"].tolist() == [1]
    assert pandas.read_csv("mlx://raw/train.csv")["x"].tolist() == [2, 2]
    options = {"project": str(data), "rev": "v1"}
    assert pandas.read_csv("mlx://raw/train.csv", storage_options=options)["x"].tolist() == [1]


def test_pyarrow_reads_a_version(data, project):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet
    from pyarrow.fs import FSSpecHandler, PyFileSystem

    parquet.write_table(pa.table({"x": [1, 2]}), data / "data/t.parquet")
    project.workspace.add(["data/t.parquet"])
    arrow = PyFileSystem(FSSpecHandler(fs()))
    assert parquet.read_table("data/t.parquet", filesystem=arrow)["x"].to_pylist() == [1, 2]


def test_the_entry_point_names_the_file_system():
    from pathlib import Path

    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert 'mlx = "jupyter_mlx.interop.filesystem:MlxFileSystem"' in text


def test_folders_are_listed_at_a_version(data):
    found = fs()
    assert found.ls("", detail=False) == ["data", "raw"]
    assert found.ls("mlx://raw", detail=False) == ["raw/train.csv"]
    assert found.ls("data@v1", detail=False) == ["data/sub@v1", "data/user@example.org.csv@v1"]
    assert set(found.ls("data", detail=False)) == {"data/sub", "data/new.txt", "data/user@example.org.csv"}
    assert found.ls("data/sub/b.txt@v1")[0]["size"] == 2
    assert fs(rev="v1").ls("data/sub", detail=False) == ["data/sub/b.txt", "data/sub/deep"]


def test_info_has_size_type_and_digest(data, project):
    version = next(found for found in project.workspace.pointers("v1") if found.path == "data")
    assert fs().info("data@v1") == {
        "name": "data@v1", "type": "directory", "size": 0, "digest": str(version.digest),
    }  # fmt: skip
    assert fs().info("data/sub/deep/large")["size"] == len(LARGE)
    assert fs().isdir("raw")
    assert fs().isfile("raw/train.csv@v1")
    assert fs().checksum("data/sub/b.txt") != fs().checksum("data/sub/b.txt@v1")


def test_files_are_found_by_walks_and_patterns(data):
    found = fs()
    v1 = ["data/sub/b.txt@v1", "data/sub/deep/large@v1", "data/user@example.org.csv@v1"]
    assert found.find("data@v1") == v1
    assert found.glob("data/**/*.txt@v1") == ["data/sub/b.txt@v1"]
    assert found.glob("data/*.txt") == ["data/new.txt"]
    assert found.glob("**/*.csv") == ["data/user@example.org.csv", "raw/train.csv"]
    assert found.cat("data/sub/*.txt@v1") == {"data/sub/b.txt@v1": b"b1"}
    assert sum(found.du("data@v1", total=False).values()) == 2 + len(LARGE) + 5
    assert found._parent("data/sub/b.txt@v1") == "data/sub@v1"


def test_names_with_an_at_are_names(data):
    assert fs().cat("data/user@example.org.csv") == b"id\n1\n"
    assert fs().cat("data/user@example.org.csv@v1") == b"id\n1\n"


def test_large_files_are_read_at_any_place(data):
    with fs().open("data/sub/deep/large@v1") as file:
        file.seek(SMALL_BYTES)
        assert file.read(5) == LARGE[SMALL_BYTES : SMALL_BYTES + 5]
    assert fs().cat_file("data/sub/deep/large", start=-3) == LARGE[-3:]


def test_a_copy_of_a_version_is_got(data, tmp_path):
    fs().get("data/sub@v1", str(tmp_path / "got"), recursive=True)
    found = {path.name for path in (tmp_path / "got").rglob("*") if path.is_file()}
    assert {name.split("@")[0] for name in found} == {"b.txt", "large"}


def test_what_is_not_there_is_told(data):
    for path in ("nothing", "data/nothing", "data/new.txt@v1", "raw/train.csv/x"):
        assert not fs().exists(path)
        with pytest.raises(FileNotFoundError, match="jmlx log") as caught:
            fs().info(path)
        assert isinstance(caught.value, NoSuchDataError)
    with pytest.raises(UnknownRevisionError, match="v9"):
        fs().info("data@v9")
    with pytest.raises(MlxError, match="outside the project"):
        fs().info("../outside")
    with pytest.raises(UsageError, match="storage_options"):
        fs().info("mlx:///abs/path")


def test_nothing_is_written(data):
    with pytest.raises(ReadOnlyError, match="jmlx add"):
        fs().open("data/sub/b.txt", "wb")
    with pytest.raises(OSError, match="versions are not written"):
        fs().pipe("data/sub/b.txt", b"x")


def test_open_gives_bytes_or_text_of_any_state(data, project):
    with jm.open("raw/train.csv") as file:
        assert file.read() == b"id,x\n1,2\n2,2\n"
    with jm.open("raw/train.csv", rev="v1", mode="r") as file:
        assert file.readlines() == ["id,x\n", "1,1\n"]
    with jm.run("reads") as run:
        (data / "data/sub/b.txt").read_text()
    digest = project.workspace.contents.part(project.workspace.pointers("v1")[0], "sub/b.txt").digest
    assert jm.open("data/sub/b.txt", rev=run.id).read() == b"b2"
    assert jm.open("data/sub/b.txt", rev="v1").read() == b"b1"
    assert digest.hex


def test_open_reads_latin_1_where_it_is_told_to(data, project):
    (data / "data/latin").write_bytes(b"\xe9")
    project.workspace.add(["data/latin"])
    assert jm.open("data/latin", mode="r", encoding="latin-1").read() == "é"
    assert jm.open("data/latin", mode="r", errors="replace").read() == "\ufffd"


def test_open_of_what_can_not_be_read_says_so(data):
    for path, error in (("data/sub", IsFolderError), ("nothing", NotTrackedError)):
        with pytest.raises(error):
            jm.open(path)
    with pytest.raises(UsageError, match="'w'"):
        jm.open("raw/train.csv", mode="w")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_open_does_not_read_a_large_file_into_memory(data, project):
    size = 64 << 20
    (data / "data/huge").write_bytes(bytes(size))
    project.workspace.add(["data/huge"])
    code = (
        "import re, jupyter_mlx as jm\n"
        # not getrusage, which counts what the parent took before it started this
        "peak = lambda: int(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
        "jm.open('data/sub/b.txt').read()\n"
        "before = peak()\n"
        "file = jm.open('data/huge'); file.seek(-1, 2); assert file.read() == b'\\0'\n"
        "print(peak() - before)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=data, check=True, capture_output=True, text=True)
    assert int(done.stdout) < size // 1024 // 2


def test_a_damaged_object_is_not_read(data, project):
    digest = fs().checksum("data/sub/deep/large").removeprefix("b3:")
    path = data / ".mlx/store/objects" / digest[:2] / digest[2:]
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(b"damaged")
    os.utime(path, ns=(1, 1))
    with pytest.raises(CorruptObjectError):
        fs().open("data/sub/deep/large")
