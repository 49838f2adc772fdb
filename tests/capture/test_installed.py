"""The installed packages, read once and kept: never as they were."""

import json
import os
import sys
import time
from pathlib import Path

import pytest
from platformdirs import user_cache_path

from jupyter_mlx.capture import installed as module
from jupyter_mlx.capture.installed import MANY, installed


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder of packages that is first on the path, and a cache of the test's own."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder)])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    forget()
    yield folder
    forget()


def forget():
    """As a new process would begin."""
    module._of.cache_clear()
    module._joined.cache_clear()


def install(site, name, version="1.0", record="", top=None, url=None):
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(record)
    if top is not None:
        (info / "top_level.txt").write_text(top)
    if url is not None:
        (info / "direct_url.json").write_text(url)


def install_many(site, age_s=100.0):
    for number in range(MANY):
        install(site, f"Package_{number}", record=f"package_{number}/__init__.py,,\n")
    then = time.time() - age_s
    os.utime(site, (then, then))


def kept(site):
    return list((user_cache_path("jupyter_mlx", appauthor=False) / "packages").glob("*.json"))


def test_the_modules_of_a_package_are_those_that_it_names_or_lists(site):
    install(site, "One.Thing", record="thing/__init__.py,,\nsingle.py,,\n../bin/x,,\none-1.data/x,,\n")
    install(site, "two", top="first\nsecond\n", record="third/__init__.py,,\n")
    found = installed()
    assert found.versions == {"one-thing": "1.0", "two": "1.0"}
    assert {name for name, key in found.modules.items() if key == "one-thing"} == {
        "one_thing", "thing", "single",
    }  # fmt: skip
    assert {name for name, key in found.modules.items() if key == "two"} == {"two", "first", "second"}


def test_of_two_the_first_on_the_path_counts(site, tmp_path):
    second = tmp_path / "second"
    second.mkdir()
    install(site, "thing", "1.0", top="thing")
    install(second, "thing", "2.0", top="thing\nother", url=json.dumps({"url": "file:///x"}))
    sys.path.append(str(second))
    found = installed()
    assert (found.versions, found.urls) == ({"thing": "1.0"}, {})
    assert "other" not in found.modules


def test_a_package_that_is_installed_later_is_seen(site):
    install(site, "one")
    assert installed() is installed()
    install(site, "two")
    os.utime(site, (1, 1))
    assert installed().versions == {"one": "1.0", "two": "1.0"}


def test_another_process_does_not_read_them_again(site, monkeypatch):
    install_many(site)
    found = installed()
    assert len(kept(site)) == 1
    forget()
    monkeypatch.setattr(module, "_read", lambda _: pytest.fail("it was read again"))
    assert installed() == found
    assert installed().modules["package_7"] == "package-7"


@pytest.mark.parametrize("change", ["installed", "removed", "damaged", "format", "folder"])
def test_what_is_kept_counts_only_for_the_folder_as_it_is(site, change):
    install_many(site)
    installed()
    (place,) = kept(site)
    said = json.loads(place.read_bytes())
    if change == "installed":
        install(site, "new")
    elif change == "removed":
        (site / "Package_1-1.0.dist-info").rename(site / "gone")
    elif change == "damaged":
        place.write_bytes(place.read_bytes()[:100])
    else:
        said["packages"] = []
        place.write_text(json.dumps({**said, change: 0 if change == "format" else "/other"}))
    forget()
    found = installed().versions
    assert ("new" in found, "package-1" in found) == (change == "installed", change != "removed")


def test_a_folder_that_has_just_changed_is_not_kept(site):
    install_many(site, age_s=0.0)
    assert len(installed().versions) == MANY
    assert kept(site) == []


def test_a_cache_that_cannot_be_written_is_done_without(site, tmp_path):
    Path(tmp_path / "cache").write_text("no folder")
    install_many(site)
    assert len(installed().versions) == MANY
