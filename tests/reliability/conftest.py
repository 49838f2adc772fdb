"""Real servers on 127.0.0.1, on free ports: S3, SSH, HTTP. Each is a process of its own that ends with the tests."""

import contextlib
import getpass
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from commands import COMMANDS
from waiting import PATIENCE_S


def free_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        return server.getsockname()[1]


@contextlib.contextmanager
def serving(words, port, **named):
    """A server process, from when it answers on its port."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **named)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            assert process.poll() is None, f"{words} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{words} does not answer"
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="session")
def s3_server():
    """An S3 server; with `.endpoint` and the credentials in `.env`."""
    COMMANDS.need("s3fs")
    port = free_port()
    env = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
    words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with serving(words, port, stderr=subprocess.DEVNULL) as process:
        yield SimpleNamespace(endpoint=f"http://127.0.0.1:{port}", env=env, process=process)


@pytest.fixture
def bucket(s3_server, monkeypatch, request):
    """An empty bucket of the S3 server, the credentials in the environment; `.url` and `.options`."""
    import s3fs

    for name, value in s3_server.env.items():
        monkeypatch.setenv(name, value)
    name = f"bucket-{os.urandom(6).hex()}"
    options = {"endpoint_url": s3_server.endpoint}
    s3fs.S3FileSystem(**options).mkdir(name)
    return SimpleNamespace(name=name, url=f"s3://{name}/data", options=options)


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory):
    """An SSH server for this user alone; `.url` of the folder `.folder`, and a HOME with the key to it."""
    sshd = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")
    if sshd is None or os.geteuid() != 0:
        pytest.skip("sshd is not there, or the tests do not run as root")
    COMMANDS.need("sshfs")
    folder, port = tmp_path_factory.mktemp("ssh"), free_port()
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    for key in (folder / "host", home / ".ssh" / "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    public = (folder / "host.pub").read_text().split()
    (home / ".ssh" / "known_hosts").write_text(f"[127.0.0.1]:{port} {public[0]} {public[1]}\n")
    (folder / "keys").write_bytes((home / ".ssh" / "id_ed25519.pub").read_bytes())
    folder.chmod(0o755)
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/keys\n"
        f"PidFile {folder}/pid\nStrictModes no\nPasswordAuthentication no\nUsePAM no\nMaxStartups 100\n"
        "Subsystem sftp internal-sftp\n"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    with serving([sshd, "-D", "-e", "-f", folder / "config"], port, stderr=subprocess.DEVNULL) as process:
        yield SimpleNamespace(port=port, home=home, folder=folder, process=process)


@pytest.fixture
def ssh_place(ssh_server, monkeypatch):
    """An empty folder behind the SSH server, the key in HOME; `.url`."""
    monkeypatch.setenv("HOME", str(ssh_server.home))
    folder = ssh_server.folder / f"data-{os.urandom(6).hex()}"
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{ssh_server.port}{folder}"
    return SimpleNamespace(url=url, folder=folder, options={})


@pytest.fixture
def http_place(tmp_path):
    """A folder behind an HTTP server; `.url` and `.folder`."""
    folder, port = tmp_path / "served", free_port()
    folder.mkdir()
    words = [
        sys.executable,
        "-m",
        "http.server",
        "--bind",
        "127.0.0.1",
        "--directory",
        str(folder),
        str(port),
    ]
    with serving(words, port, stderr=subprocess.DEVNULL):
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}", folder=folder, options={})


class Proxy:
    """Stands between a client and a server, and can break: after so many bytes each connection is cut."""

    def __init__(self, port):
        self.target, self.left, self.cuts = port, None, 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=self._carry, args=pair, daemon=True).start()

    def _carry(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                if self.left is not None:
                    self.left -= len(data)
                    if self.left < 0:
                        self.cuts += 1
                        break
                target.sendall(data)
        for each in (source, target):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def close(self):
        self._server.close()


@pytest.fixture
def proxied(bucket):
    """The bucket through a `Proxy`; `.proxy`."""
    proxy = Proxy(int(bucket.options["endpoint_url"].rpartition(":")[2]))
    options = {"endpoint_url": f"http://127.0.0.1:{proxy.port}"}
    yield SimpleNamespace(url=bucket.url, options=options, proxy=proxy, direct=bucket)
    proxy.close()
