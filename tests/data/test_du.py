"""What each version costs, alone and among others."""

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jupyter_mlx.data.contents import Contents
from jupyter_mlx.data.manifest import FILE, FOLDER, Entry, Manifest
from jupyter_mlx.data.usage import usage, usage_by_commit
from jupyter_mlx.data.version import Version
from jupyter_mlx.digest import Digest
from jupyter_mlx.store import LocalStore


def git(root, *words):
    subprocess.run(["git", "-C", root, *words], check=True, capture_output=True)


@pytest.fixture
def root(project):
    git(project.root, "init", "-q")
    return project.root


def commit(project, name, **files):
    for path, data in files.items():
        full = project.root / "data" / path.replace("__", "/")
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_bytes(data)
    project.workspace.add(["data"])
    git(project.root, "add", "-A")
    git(project.root, "commit", "-q", "-m", name)


def used(project):
    return usage_by_commit(project.root, project.workspace.contents, project.workspace.pointers())


def test_a_version_alone_has_what_no_other_has(project, root):
    commit(project, "first", a=b"a" * 1000, b=b"b" * 100)
    commit(project, "second", a=b"c" * 2000)
    found = {use.version.size_bytes: use for _, use in used(project)}
    listing = found[1100].only_bytes - 1000
    assert 0 < listing < 200
    assert found[2100].only_bytes == 2000 + listing
    assert found[2100].shared_bytes == 100


def test_the_same_data_at_two_paths_is_free_of_neither(project, root):
    commit(project, "first", a=b"a" * 1000)
    (root / "twin").mkdir()
    (root / "twin/a").write_bytes(b"a" * 1000)
    project.workspace.add(["twin"])
    assert {use.version.path: use.only_bytes for _, use in used(project)} == {
        "data": 0,
        "twin": 0,
    }


def test_a_version_whose_listing_is_not_here_is_told(project, root, jmlx):
    commit(project, "first", a=b"a")
    subprocess.run(["rm", "-r", root / ".mlx/store"], check=True)
    done = jmlx("du")
    assert "not here" in done.stdout
    assert json.loads(jmlx("du", "--json").stdout)["versions"][0]["whole"] is False


def test_the_command_tells_versions_now_and_then(project, root, jmlx):
    commit(project, "first", a=b"a" * 1000)
    commit(project, "second", a=b"b" * 1000)
    told = jmlx("du").stdout.splitlines()
    assert [line.split()[6] == "now" for line in told[1:3]] == [True, False]
    found = json.loads(jmlx("du", "data", "--json").stdout)
    assert [version["commit"] == "" for version in found["versions"]] == [True, False]
    assert found["data"][0]["path"] == "data"
    assert set(found["store"]) >= {"small_objects", "large_bytes"}
    assert json.loads(jmlx("du", "data/a", "--json").stdout)["versions"] == found["versions"]


def test_without_git_the_versions_of_now_are_told(project, jmlx):
    (project.root / "f").write_bytes(b"f" * 10)
    project.workspace.add(["f"])
    assert json.loads(jmlx("du", "--json").stdout)["versions"][0]["only_bytes"] == 10


tree = st.recursive(
    st.binary(max_size=3),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


def stored(store, content, name=b"d") -> Entry:
    if isinstance(content, bytes):
        return Entry(name, FILE, Digest.of(content).raw, len(content), 1)
    manifest = Manifest.of(stored(store, inner, key.encode()) for key, inner in content.items())
    return Entry(name, FOLDER, store.put(manifest.encode()).raw, manifest.size_bytes, manifest.files)


def objects(contents, entry) -> dict[Digest, int]:
    if entry.kind != FOLDER:
        return {entry.of: entry.size_bytes}
    data = contents.manifest(entry.of)
    found = {entry.of: len(data)}
    for inner in Manifest.decode(data).entries:
        found |= objects(contents, inner)
    return found


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("xy"), tree, max_size=2), min_size=1, max_size=4))
def test_it_is_what_counting_every_object_says(tmp_path_factory, trees):
    folder = tmp_path_factory.mktemp("store")
    store = LocalStore.open(folder / "store", folder / "tmp")
    contents = Contents(store)
    entries = [stored(store, content) for content in trees]
    versions = [Version.of(f"v{number}", entry) for number, entry in enumerate(entries)]
    held = [objects(contents, entry) for entry in entries]
    expected = []
    for at, mine in enumerate(held):
        others = set().union(*(other for n, other in enumerate(held) if n != at))
        expected.append(sum(size for digest, size in mine.items() if digest not in others))
    for most in (1, 2, 1000):
        assert [use.only_bytes for use in usage(contents, versions, most)] == expected
