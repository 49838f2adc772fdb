"""`jmlx diff`, `log` and `du` of git revisions, runs, versions and parts, by the real command."""

import json
import subprocess

import pytest

import jupyter_mlx as jm


def git(root, *words):
    subprocess.run(["git", "-C", root, *words], check=True, capture_output=True)


@pytest.fixture
def data(project):
    """A project with two commits: v1, whose run read all and wrote `out/model`, and v2."""
    root = project.root
    (root / "data/sub").mkdir(parents=True)
    for name, text in {"a": "1", "sub/b": "1", "t.csv": "id,x\n1,1\n2,2\n"}.items():
        (root / "data" / name).write_text(text)
    project.workspace.add(["data"])
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "v1")
    git(root, "tag", "v1")
    with jm.run("train") as run:
        (root / "data/a").read_text()
        (root / "data/t.csv").read_text()
        (root / "model").write_text("model 1")
    (root / "data/a").write_text("22")
    (root / "data/sub/c").write_text("new")
    (root / "data/t.csv").write_text("id,x\n1,1\n2,3\n")
    project.workspace.add(["data"])
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "v2")
    git(root, "tag", "v2")
    return run.id


@pytest.fixture
def diff(data, jmlx):
    """Path → letter → files that differ, as the command tells it."""

    def run(*words):
        done = jmlx("diff", *words, "--json")
        assert done.returncode == 0, done
        kinds = ("added", "removed", "modified", "renamed")
        return {
            found["path"]: {kind: [file["path"] for file in found[kind]] for kind in kinds if found[kind]}
            for found in json.loads(done.stdout)
        }

    return run


V1_TO_V2 = {"data": {"added": ["sub/c"], "modified": ["a", "t.csv"]}}


def test_two_git_revisions(diff):
    assert diff("v1", "v2") == V1_TO_V2
    assert diff("v1") == V1_TO_V2
    assert diff("v2") == diff() == {}


def test_a_part_alone(diff):
    assert diff("v1", "v2", "--path", "data/sub") == {"data/sub": {"added": ["c"]}}
    assert diff("v1", "--path", "data/a") == {"data/a": {"modified": [""]}}


def test_a_run_and_the_work_tree(diff, data, project):
    (project.root / "model").write_text("model 2")
    found = {"data/a": {"modified": [""]}, "data/t.csv": {"modified": [""]}, "model": {"modified": [""]}}
    assert diff(data) == found
    assert diff(data[:8]) == found


def test_a_run_and_a_git_revision(diff, data):
    assert diff(data, "v1") == {"model": {"removed": [""]}}
    found = diff(data, "v2", "--path", "data")
    assert found == {"data/a": {"modified": [""]}, "data/t.csv": {"modified": [""]}}


def test_versions_by_the_beginnings_of_their_digests(diff, project):
    digests = [project.workspace.pointers(rev)[0].digest for rev in ("v1", "v2")]
    assert diff(*(digest.short for digest in digests)) == V1_TO_V2
    assert diff(*(str(digest) for digest in digests)) == V1_TO_V2
    assert diff(f"b3:{digests[0].hex[:8]}") == V1_TO_V2


def test_versions_of_different_paths_are_compared_when_both_are_named(diff, project):
    for name in ("one", "two"):
        (project.root / name).mkdir()
        (project.root / name / "same").write_text("same")
        (project.root / name / name).write_text(f"only in {name}")
    one, two = project.workspace.add(["one", "two"])
    assert diff(one.digest.short, two.digest.short) == {"two": {"added": ["two"], "removed": ["one"]}}


def test_a_git_revision_wins_over_a_run(diff, data, project):
    git(project.root, "tag", data[:8], "v2")
    assert diff(data[:8]) == {}


def test_a_name_of_nothing_says_so_in_one_line(data, jmlx):
    for name in ("nope", "b3:00000000", "0123456789abcdef", "-x"):
        done = jmlx("diff", "--", name)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "no git revision" in done.stderr


def test_the_beginning_of_several_versions_says_so(project, data, jmlx):
    version = project.workspace.pointers()[0]
    for last in "01":
        text = (project.root / "data.mlx").read_text().replace(version.digest.hex, "0123456789" + last * 54)
        (project.root / f"x{last}.mlx").write_text(text)
    done = jmlx("diff", "0123456789")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "give more digits" in done.stderr


def test_several_changed_folders_are_told_together(project, data, diff):
    for name in ("p", "q"):
        (project.root / name / "in").mkdir(parents=True)
        (project.root / name / "in" / "x").write_text("1")
    project.workspace.add(["p", "q"])
    for name in ("p", "q"):
        (project.root / name / "in" / "x").write_text("2")
    assert diff() == {"p": {"modified": ["in/x"]}, "q": {"modified": ["in/x"]}}


def test_parts_that_were_never_fetched_do_not_differ(project, data, jmlx, tmp_path):
    (project.root / "mlx.yaml").write_text(f"remotes: {{origin: {{url: {tmp_path / 'remote'}}}}}\n")
    git(project.root, "commit", "-q", "-a", "-m", "remote")
    assert jmlx("push").returncode == 0
    git(tmp_path, "clone", "-q", str(project.root), "clone")
    clone = tmp_path / "clone"
    assert jmlx("pull", "data/sub", cwd=clone).returncode == 0
    assert jmlx("diff", cwd=clone).stdout == "no difference\n"
    (clone / "data/sub/c").write_text("changed")
    assert jmlx("diff", "--stat", cwd=clone).stdout.startswith("data: 1 modified")
    status = jmlx("status", cwd=clone)
    assert (status.returncode, "modified" in status.stdout) == (3, True)


def test_the_log_of_a_part(data, jmlx):
    assert [line.split()[-1] for line in jmlx("log", "data/sub/c").stdout.splitlines()] == ["v2"]
    assert [line.split()[-1] for line in jmlx("log", "data/sub/b").stdout.splitlines()] == ["v1"]
    found = json.loads(jmlx("log", "data/a", "--json").stdout)
    assert [past["version"]["size_bytes"] for past in found] == [2, 1]
