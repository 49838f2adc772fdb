"""`jmlx remote`, `push`, `fetch` and `pull`: what people type, and what they are told."""

import json
import subprocess

import pytest


def git(*words):
    return subprocess.run(["git", *words], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def versions(project, jmlx, tmp_path):
    """Three commits of `data`, each on a branch or tag of its own, and a remote that is empty."""
    git("init", "-q", "-b", "main")
    jmlx("remote", "add", "origin", str(tmp_path / "remote"))
    for name in ("one", "two", "three"):
        (project.root / "data").mkdir(exist_ok=True)
        (project.root / "data" / "file").write_text(name * 100)
        jmlx("add", "data")
        git("add", "-A")
        git("commit", "-qm", name)
        git("tag", name)
    return tmp_path / "remote"


def test_a_push_sends_the_versions_at_the_revisions_that_are_named(versions, jmlx, tmp_path):
    told = json.loads(jmlx("push", "--rev", "one", "--rev", "two", "--json").stdout)
    assert told["objects"] == 4
    assert 0 < told["bytes_sent"] < 4000
    assert json.loads(jmlx("push", "--all", "--json").stdout)["objects"] == 2
    assert "has everything already" in jmlx("push").stdout
    other = tmp_path / "other"
    subprocess.run(["git", "clone", "-q", ".", other], check=True)
    assert json.loads(jmlx("fetch", "--rev", "one", "--json", cwd=other).stdout)["objects"] == 2
    assert json.loads(jmlx("fetch", "--all", "--json", cwd=other).stdout)["objects"] == 4
    assert jmlx("checkout", "--rev", "two", cwd=other).returncode == 0
    assert (other / "data" / "file").read_text() == "two" * 100


def test_a_push_leaves_a_record_of_what_it_sent(versions, jmlx):
    jmlx("push")
    jmlx("push")
    (record,) = (versions / "refs").iterdir()
    told = json.loads(record.read_bytes())
    assert told["project"] == git("rev-list", "--max-parents=0", "HEAD")
    assert told["commit"] == git("rev-parse", "HEAD")
    assert [(path, kind) for path, kind, _ in told["versions"]] == [("data", "folder")]


def test_a_revision_that_git_does_not_know_is_told(versions, jmlx):
    done = jmlx("push", "--rev", "nowhere")
    assert done.returncode == 1
    assert "no git revision 'nowhere'" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["o", "s3://me:pw@bucket"], "holds a password or a key"),
        (["o", "s3://bucket", "-o", "secret=abc"], "holds a password or a key"),
        (["o", "s3://bucket", "-o", "aws_access_key_id=abc"], "holds a password or a key"),
        (["o", "az://box", "-o", "account_key=abc"], "holds a password or a key"),
        (["o", "az://box", "-o", "connection_string=abc"], "holds a password or a key"),
        (["o", "s3://bucket", "-o", "endpoint_url=http://me:pw@host"], "holds a password or a key"),
        (["o", "s3://bucket", "-o", "endpoint=x"], "did you mean 'endpoint_url'?"),
        (["o", "ftp://host/x"], "nothing is known that reaches ftp:"),
        (["o", "s3:///x"], "it names no host or bucket"),
    ],
)
def test_a_remote_that_will_not_do_is_refused_before_anything_is_written(project, jmlx, words, told):
    before = (project.root / "mlx.yaml").read_bytes()
    done = jmlx("remote", "add", *words)
    assert done.returncode == 1, done
    assert told in done.stderr
    assert (project.root / "mlx.yaml").read_bytes() == before


def test_options_of_a_remote_stand_in_mlx_yaml(project, jmlx):
    done = jmlx("remote", "add", "o", "s3://bucket/a", "-o", "profile=team", "-o", "anon=true")
    assert done.returncode == 0, done
    remote = type(project)(project.root).config.remotes["o"]
    assert (remote.url, dict(remote.options)) == ("s3://bucket/a", {"profile": "team", "anon": True})


def test_settings_of_this_machine_go_before_those_of_the_project(project, jmlx, tmp_path):
    jmlx("remote", "add", "origin", "/nowhere/at/all")
    (project.root / ".mlx" / "local.yaml").write_text(f"remotes:\n  origin:\n    url: {tmp_path}/here\n")
    (project.root / "data").write_text("x")
    jmlx("add", "data")
    assert jmlx("push").returncode == 0
    assert (tmp_path / "here" / "format").exists()
    (project.root / ".mlx" / "local.yaml").write_text("remotes:\n  origin:\n    secret: x\n")
    done = jmlx("push")
    assert done.returncode == 1
    assert ".mlx/local.yaml:3: remotes.origin.secret" in done.stderr


def test_a_package_that_is_missing_is_named(project, jmlx, tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "gcsfs.py").write_text("raise ImportError")
    jmlx("remote", "add", "origin", "gs://bucket")
    (project.root / "data").write_text("x")
    jmlx("add", "data")
    done = jmlx("push", env={"PYTHONPATH": str(tmp_path / "hidden")})
    assert done.returncode == 1
    assert done.stderr.strip().endswith("pip install 'jupyter-mlx[gcs]'")
