"""Remotes on real servers keep the contract of stores, and tell what is wrong in one line."""

import os
import random
import socket
import subprocess
import threading
import time

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.store.blobs import BlobNotFoundError, ReadOnlyRemoteError, RemoteError
from jupyter_mlx.store.remote import open_remote
from jupyter_mlx.testing.store import StoreTests

PLENTY = random.Random(3).randbytes(6 << 20)


def opened(place, tmp_path, cache="cache"):
    return open_remote(place.url, root=tmp_path, options=place.options, cache=tmp_path / cache)


class TestS3(StoreTests):
    @pytest.fixture
    def store(self, bucket, tmp_path):
        return opened(bucket, tmp_path)


class TestSSH(StoreTests):
    test_threads_put_at_once = None  # as of S3, and slow

    @pytest.fixture
    def store(self, ssh_place, tmp_path):
        return opened(ssh_place, tmp_path)


@pytest.fixture
def unknown():
    """Connections are made anew: fsspec keeps those of this process, whoever it is by now."""
    import s3fs
    import sshfs

    kinds = (s3fs.S3FileSystem, sshfs.SSHFileSystem)
    for kind in kinds:
        kind.clear_instance_cache()
    yield
    for kind in kinds:
        kind.clear_instance_cache()


@pytest.fixture(params=["bucket", "ssh_place"])
def place(request):
    return request.getfixturevalue(request.param)


def test_what_one_sent_another_gets(place, tmp_path):
    digests = [opened(place, tmp_path).put(data) for data in (b"small", PLENTY)]
    other = opened(place, tmp_path, "another")
    assert [other.get(digest) for digest in digests] == [b"small", PLENTY]
    assert not other.missing(digests)


def test_blobs_are_read_in_part_listed_and_removed(place, tmp_path):
    blobs = opened(place, tmp_path).blobs
    blobs.put("packs/ab/one", [b"some ", b"bytes"])
    blobs.put("packs/cd/two", [b""])
    assert blobs.get("packs/ab/one", 5, 3) == b"byt"
    assert blobs.get("packs/ab/one", 5, 300) == b"bytes"
    assert blobs.names("packs") == ["packs/ab/one", "packs/cd/two"]
    blobs.delete("packs/ab/one")
    blobs.delete("packs/ab/one")
    assert blobs.names("packs") == ["packs/cd/two"]
    assert blobs.names("index") == []
    with pytest.raises(BlobNotFoundError):
        blobs.get("packs/ab/one", 0, 10)


def test_a_web_server_is_read_and_never_written(http_place, tmp_path):
    digests = [open_remote(str(http_place.folder), root=tmp_path).put(data) for data in (b"small", PLENTY)]
    store = opened(http_place, tmp_path)
    assert [store.get(digest) for digest in digests] == [b"small", PLENTY]
    assert store.missing([*digests, Digest.of(b"other")]) == {Digest.of(b"other")}
    with pytest.raises(ReadOnlyRemoteError, match="can only be read"):
        store.put(b"other")


def test_a_bucket_that_is_not_there_is_told(bucket, tmp_path):
    bucket.url = "s3://nowhere-at-all/data"
    with pytest.raises(RemoteError, match="there is no 'nowhere-at-all'"):
        opened(bucket, tmp_path).put(b"x")


def test_without_credentials_it_is_told_where_they_belong(bucket, tmp_path, monkeypatch, unknown):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RemoteError, match="credentials in the environment"):
        opened(bucket, tmp_path).put(b"x")


def test_a_server_that_is_not_there_is_told(bucket, ssh_place, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        for url, options in (
            (bucket.url, {"endpoint_url": f"http://127.0.0.1:{port}"}),
            (f"ssh://127.0.0.1:{port}/data", {}),
        ):
            with pytest.raises(RemoteError, match="check the network"):
                open_remote(url, root=tmp_path, options=options).has(Digest.of(b"x"))


def test_a_key_that_the_server_does_not_know_is_told(ssh_place, tmp_path, monkeypatch, unknown):
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "known_hosts").write_bytes(
        (ssh_place.folder.parent / "home" / ".ssh" / "known_hosts").read_bytes()
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    with pytest.raises(RemoteError, match="access was refused"):
        opened(ssh_place, tmp_path).put(b"x")


def test_a_server_with_another_key_is_not_trusted(ssh_place, tmp_path, monkeypatch, unknown):
    (tmp_path / ".ssh").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    with pytest.raises(RemoteError, match="accept its key"):
        opened(ssh_place, tmp_path).put(b"x")


def test_the_command_line_pushes_to_a_server_and_pulls_from_it(place, project, jmlx, tmp_path):
    os.makedirs("data/inner")
    for name, data in {"data/a": b"a", "data/inner/b": PLENTY, "data/inner/c": b""}.items():
        (project.root / name).write_bytes(data)
    options = [word for key, value in place.options.items() for word in ("-o", f"{key}={value}")]
    assert jmlx("remote", "add", "origin", place.url, *options).returncode == 0
    assert jmlx("add", "data").returncode == 0
    pushed = jmlx("push", "-j", "8", "--json")
    assert pushed.returncode == 0, pushed
    other = tmp_path / "other"
    other.mkdir()
    for name in ("mlx.yaml", "data.mlx"):
        (other / name).write_bytes((project.root / name).read_bytes())
    pulled = jmlx("pull", "-j", "3", cwd=other)
    assert pulled.returncode == 0, pulled
    assert (other / "data/inner/b").read_bytes() == PLENTY
    assert (other / "data/inner/c").read_bytes() == b""
    again = jmlx("push", cwd=other)
    assert "the remote has everything already" in again.stdout, again


def test_a_connection_that_is_cut_once_is_made_again(proxied, tmp_path):
    store = opened(proxied, tmp_path)
    store.look()
    proxied.proxy.left = 1 << 20

    def mend():
        while not proxied.proxy.cuts:
            time.sleep(0.01)
        proxied.proxy.left = None

    threading.Thread(target=mend, daemon=True).start()
    digest = store.put(PLENTY)
    assert proxied.proxy.cuts
    assert opened(proxied.direct, tmp_path, "another").get(digest) == PLENTY


def test_a_server_that_dies_in_a_push_or_a_pull_is_told_and_both_go_through_later(
    proxied, project, jmlx, tmp_path
):
    (project.root / "data").write_bytes(PLENTY)
    endpoint = f"endpoint_url={proxied.options['endpoint_url']}"
    jmlx("remote", "add", "origin", proxied.url, "-o", endpoint)
    jmlx("add", "data")
    for words in (["push"], ["pull"]):
        proxied.proxy.left = 2 << 20
        broken = jmlx(*words)
        assert broken.returncode == 1, broken
        assert "try again" in broken.stderr
        assert broken.stderr.count("\n") == 1
        proxied.proxy.left = None
        done = jmlx(*words)
        assert done.returncode == 0, done
        if words == ["push"]:
            (project.root / "data").unlink()
            subprocess.run(["rm", "-rf", ".mlx/store", ".mlx/remotes"], check=True)
    assert (project.root / "data").read_bytes() == PLENTY


def test_a_gc_on_a_server_frees_what_nothing_needs_and_what_is_needed_comes_back(
    place, project, jmlx, tmp_path
):
    data = project.root / "data"
    options = [word for key, value in place.options.items() for word in ("-o", f"{key}={value}")]
    jmlx("remote", "add", "origin", place.url, *options)
    subprocess.run("git init -q && git add -A && git commit -qm begun", shell=True, check=True)
    for content in (PLENTY, PLENTY[::-1]):
        data.write_bytes(content)
        jmlx("add", "data")
        assert jmlx("push").returncode == 0
    subprocess.run("git add -A && git commit -qm of-the-second", shell=True, check=True)
    subprocess.run(["rm", "-rf", ".mlx/store"], check=True)  # nothing local stands in for the remote
    before = stored_bytes(place, tmp_path)
    freed = jmlx("gc", "--remote", "origin", "--grace", "0", "--json")
    assert freed.returncode == 0, freed
    assert before - stored_bytes(place, tmp_path) > len(PLENTY) * 0.9
    data.unlink()
    pulled = jmlx("pull")
    assert pulled.returncode == 0, pulled
    assert data.read_bytes() == PLENTY[::-1]


def stored_bytes(place, tmp_path):
    """The bytes of all blobs of a remote, as a client that knows nothing sees them."""
    blobs = opened(place, tmp_path, f"fresh-{os.urandom(4).hex()}").blobs
    return sum(len(blobs.get(name, 0, 1 << 30)) for name in blobs.names("packs"))
