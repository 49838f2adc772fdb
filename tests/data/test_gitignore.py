"""The upkeep of .gitignore, judged by git itself."""

import subprocess

import pytest

from jupyter_mlx.data.gitignore import ignore, unignore


@pytest.fixture
def repository(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    return tmp_path


def ignored(repository, name):
    return (
        subprocess.run(["git", "-C", repository, "check-ignore", "-q", "--", name], check=False).returncode
        == 0
    )


@pytest.mark.parametrize(
    "name",
    [
        "data",
        "with space",
        "trailing ",
        "a*b",
        "q?",
        "[x]",
        "#hash",
        "!bang",
        "line\nbreak",
        "🎲",
        "back\\slash",
    ],
)
def test_git_ignores_exactly_the_data(repository, name):
    for each in (name, name + ".mlx", "other", "ab"):
        (repository / each).write_text("x")
    assert ignore(repository / name, repository / "tmp")
    assert ignored(repository, name)
    for each in (name + ".mlx", "other", "ab"):
        assert not ignored(repository, each)


def test_a_second_time_changes_nothing(repository):
    ignore(repository / "data", repository / "tmp")
    before = (repository / ".gitignore").read_bytes()
    assert not ignore(repository / "data", repository / "tmp")
    assert (repository / ".gitignore").read_bytes() == before


def test_other_lines_stay_as_they_are(repository):
    file = repository / ".gitignore"
    file.write_bytes(b"# mine\r\n*.pyc\n\n  odd \nlast without newline")
    ignore(repository / "data", repository / "tmp")
    assert file.read_bytes() == b"# mine\r\n*.pyc\n\n  odd \nlast without newline\n/data\n"
    unignore(repository / "data", repository / "tmp")
    assert file.read_bytes() == b"# mine\r\n*.pyc\n\n  odd \nlast without newline\n"


def test_the_file_goes_with_its_last_line(repository):
    ignore(repository / "data", repository / "tmp")
    assert unignore(repository / "data", repository / "tmp")
    assert not (repository / ".gitignore").exists()
    assert not unignore(repository / "data", repository / "tmp")
