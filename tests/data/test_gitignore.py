"""The upkeep of .gitignore, judged by git itself."""

import os
import subprocess

import pytest

from jupyter_mlx.data.gitignore import ignore, unignore
from jupyter_mlx.errors import AccessError


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


def test_lines_with_the_line_ends_of_windows_stay_so(repository):
    file = repository / ".gitignore"
    file.write_bytes(b"*.pyc\r\n/data\r\n*.tmp\r\n")
    assert not ignore(repository / "data", repository / "tmp")
    ignore(repository / "more", repository / "tmp")
    assert file.read_bytes() == b"*.pyc\r\n/data\r\n*.tmp\r\n/more\r\n"
    assert ignored(repository, "more")
    unignore(repository / "data", repository / "tmp")
    assert file.read_bytes() == b"*.pyc\r\n*.tmp\r\n/more\r\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_is_read_only_stays_as_it_is(repository):
    file = repository / ".gitignore"
    file.write_bytes(b"*.pyc\n")
    file.chmod(0o444)
    with pytest.raises(AccessError, match="chmod"):
        ignore(repository / "data", repository / "tmp")
    assert file.read_bytes() == b"*.pyc\n"
