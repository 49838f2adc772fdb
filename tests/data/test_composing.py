"""What a path will be: as it is once the versions were really brought back."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import pytest

from jupyter_mlx.data.ignore import ExcludedPathError
from jupyter_mlx.errors import ObjectNotFoundError

OUTPUTS = ("models/b", "models/a", "models/deep/c", "models/single.txt")


@pytest.fixture
def saved(project):
    """Four versions in one folder, with a file of the user's beside them."""
    root = project.root
    for path in OUTPUTS[:3]:
        (root / path / "inner").mkdir(parents=True)
        (root / path / "inner/x.txt").write_text(path)
        (root / path / "y.txt").write_text("y")
    (root / "models/single.txt").write_text("1")
    (root / "models/mine.txt").write_text("mine")
    return project, [project.workspace.save(path) for path in OUTPUTS]


def told(project, path, versions):
    found = project.workspace.composing().version(path, versions, OUTPUTS)
    return found.digest if found else None


def brought(project, path, versions):
    for version in versions:
        project.workspace.restore(version, force=True)
    for output in OUTPUTS:
        project.workspace.ignore(output)
    found = project.workspace.version(path)
    return found.digest if found else None


def nothing(root):
    del root


def all_gone(root):
    shutil.rmtree(root / "models")


def one_gone(root):
    shutil.rmtree(root / "models/deep")


def others_there(root):
    (root / "models/a/y.txt").write_text("another")
    shutil.rmtree(root / "models/b")
    (root / "models/b").write_text("a file in the place of a folder")
    (root / "models/single.txt").chmod(0o755)
    (root / "models/single.txt").write_text("2")


def ignoring(root):
    (root / "models/.gitignore").write_text("/a\n*.tmp")
    shutil.rmtree(root / "models/a")


def with_rules(root):
    (root / "models/.mlxignore").write_text("/b/\n.gitignore\n")
    shutil.rmtree(root / "models/b")
    shutil.rmtree(root / "models/a")


@pytest.mark.parametrize("unsaid", [False, True])
@pytest.mark.parametrize("change", [nothing, all_gone, one_gone, others_there, ignoring, with_rules])
@pytest.mark.parametrize(
    "path", ["models", "models/deep", "models/deep/c/inner", "models/b/y.txt", "models/a/none"]
)
def test_it_is_what_lies_there_afterwards(saved, change, path, unsaid):
    project, versions = saved
    if unsaid:
        # as a lock names them, which says nothing of the executable bit
        versions = [replace(version, executable=None) for version in versions]
    change(project.root)
    expected = told(project, path, versions)
    assert brought(project, path, versions) == expected
    assert (expected is None) == (not os.path.lexists(project.root / path))


def test_without_the_listing_of_a_version_its_inside_is_not_told(saved):
    project, versions = saved
    all_gone(project.root)
    (project.state / "store").rename(project.state / "away")
    fresh = type(project).open(project.root)
    with pytest.raises(ObjectNotFoundError):
        told(fresh, "models/b/inner", versions)
    # of the folder around them no listing is needed
    assert told(fresh, "models", versions)


def test_a_folder_that_rules_keep_out_is_not_told(saved):
    project, versions = saved
    (project.root / ".mlxignore").write_text("models/\n")
    with pytest.raises(ExcludedPathError):
        told(project, "models", versions)
