"""Projects that earlier versions wrote are read: one archive a format, made when it was new, never made again."""

import tarfile
from pathlib import Path

import pytest

from jupyter_mlx.data.workspace import Workspace
from jupyter_mlx.store import LocalStore

ARCHIVES = sorted((Path(__file__).parent / "versions").glob("format-*.tar.gz"))


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name)
def test_a_project_of_an_earlier_version_is_read_whole(tmp_path, archive):
    with tarfile.open(archive) as opened:
        for member in opened.getmembers():
            opened.extract(member, tmp_path, filter="fully_trusted")
    state = tmp_path / ".mlx"
    workspace = Workspace.open(tmp_path, LocalStore.open(state / "store", state / "tmp"), state)
    assert {found.path: found.state for found in workspace.status()} == {
        "data": "missing",
        "one.csv": "missing",
    }
    assert workspace.verify()
    workspace.checkout()
    data = tmp_path / "data"
    assert (tmp_path / "one.csv").read_bytes() == b"a,b\n1,2\n"
    assert (data / "sub/small").read_bytes() == b"small"
    assert (data / "large").read_bytes() == b"large" * 250_000
    assert (data / "run").stat().st_mode & 0o111
    assert (data / "link").readlink() == Path("sub/small")
    assert (data / "none").is_dir()
    assert (data / "empty").read_bytes() == b""
    assert (data / "caf\udce9").read_bytes() == b"latin"
    # and the same content has the same digest still
    assert [version.digest for version in workspace.add(["data", "one.csv"])] == [
        version.digest for version in workspace.pointers()
    ]
    assert "b3:" + workspace.version("data").digest.hex in (tmp_path / "data.mlx").read_text()
    with tarfile.open(archive) as opened:
        assert (tmp_path / "data.mlx").read_bytes() == opened.extractfile("data.mlx").read()
