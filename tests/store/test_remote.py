"""Remotes by URL; a folder is one, and passes the suite of stores."""

import pytest

from jupyter_mlx.errors import NotYetError, UsageError
from jupyter_mlx.store.remote import open_remote
from jupyter_mlx.testing.store import StoreTests


class TestFolderRemote(StoreTests):
    @pytest.fixture
    def store(self, tmp_path):
        return open_remote("../remote", root=tmp_path / "project")


def test_a_path_and_a_file_url_are_the_same_remote(tmp_path):
    digest = open_remote(str(tmp_path / "with space"), root=tmp_path).put(b"x")
    url = f"file://{tmp_path}/with%20space"
    assert open_remote(url, root=tmp_path / "elsewhere").get(digest) == b"x"


def test_a_relative_path_is_meant_from_the_project(tmp_path):
    open_remote("remote", root=tmp_path).put(b"x")
    assert (tmp_path / "remote" / "packs").is_dir()


@pytest.mark.parametrize("url", ["s3://bucket/path", "gs://bucket", "sftp://host/path", "https://host/path"])
def test_a_remote_that_a_later_version_reaches_says_what_to_do_now(tmp_path, url):
    with pytest.raises(NotYetError, match="path of a folder"):
        open_remote(url, root=tmp_path)


@pytest.mark.parametrize("url", ["nonsense:there", "file://another-host/path"])
def test_what_is_no_remote_is_refused(tmp_path, url):
    with pytest.raises(UsageError, match="no remote"):
        open_remote(url, root=tmp_path)
