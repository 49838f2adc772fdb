"""Remotes by URL; a folder is one, and passes the suite of stores."""

import pytest

from jupyter_mlx.errors import UsageError
from jupyter_mlx.store import LocalStore
from jupyter_mlx.store.remote import Address, open_remote
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


def test_a_folder_that_is_a_store_is_used_as_it_is(tmp_path):
    digest = LocalStore.open(tmp_path / "old", tmp_path / "old" / "tmp").put(b"x")
    old = open_remote("old", root=tmp_path)
    assert isinstance(old, LocalStore)
    assert old.get(digest) == b"x"


@pytest.mark.parametrize(
    ("url", "kind", "path", "options"),
    [
        ("s3://bucket/a/b/", "s3", "bucket/a/b", {}),
        ("gs://bucket", "gs", "bucket", {}),
        ("az://box/a", "az", "box/a", {}),
        ("abfss://box@account.dfs.core.windows.net/a", "az", "box/a", {"account_name": "account"}),
        ("ssh://me@host:2222/srv/data", "ssh", "/srv/data", {"host": "host", "port": 2222, "username": "me"}),
        ("sftp://host/~/data", "ssh", "data", {"host": "host"}),
        ("https://host/data", "http", "https://host/data", {}),
    ],
)
def test_an_address_is_read(tmp_path, url, kind, path, options):
    found = Address.parse(url, tmp_path)
    assert (found.kind, found.path, dict(found.options)) == (kind, path, options)


@pytest.mark.parametrize("url", ["nonsense:there", "file://another-host/path", "s3:///path", "ssh://host:x/"])
def test_what_is_no_remote_is_refused(tmp_path, url):
    with pytest.raises(UsageError, match="no remote"):
        open_remote(url, root=tmp_path)
