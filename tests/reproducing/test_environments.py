"""`jmlx reproduce --env`: the recorded packages in an environment of their own, by uv or pip and the configured index."""

import json
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import pytest

from jupyter_mlx.ledger.run import new_id
from jupyter_mlx.project import Project
from jupyter_mlx.reproducing.environments import requirements

NEEDED = ("blake3", "msgspec", "pathspec", "psutil", "ruamel.yaml", "zstandard")
"""What a script with `jm.run` imports."""
SCRIPT = """\
import sys
import jupyter_mlx as jm
with jm.run("where") as run:
    run.log({"is_apart": float(".mlx" in sys.prefix)})
"""


@pytest.fixture
def recorded(project):
    """A script's run, whose environment is said to have had these packages."""
    Path("script.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "script.py"], check=True)
    run = project.ledger.get("last")

    def with_packages(packages, **sources):
        environment = project.environment(run) | {"packages": packages, "sources": sources}
        digest = project.store.put(json.dumps(environment).encode())
        other = replace(run, id=new_id(), environment=str(digest), metrics={"is_apart": 1.0})
        project.ledger.insert(other)
        return other.id

    return with_packages


def test_what_was_installed_from_elsewhere_is_asked_for_there_or_left_out():
    environment = {
        "packages": {"a": "1", "b": "2", "c": "3", "d": "4", "e": "5", "jupyter-mlx": "0.1"},
        "sources": {
            "b": {"editable": True, "commit": "abc", "dirty": False},
            "c": {"url": "https://example.org/c.git", "commit": "abc"},
            "d": {"url": "https://example.org/d-4-py3-none-any.whl"},
            "e": {"url": "https://me:<redacted:12345678>@example.org/e.git", "commit": "abc"},
        },
    }
    asked, local = requirements(environment)
    assert asked == [
        "a==1",
        "c @ git+https://example.org/c.git@abc",
        "d @ https://example.org/d-4-py3-none-any.whl",
    ]
    assert local == ["b", "e"]


def test_a_run_is_made_again_with_the_packages_that_it_had(project, recorded, jmlx):
    wanted = {name: version(name) for name in NEEDED}
    run = recorded(wanted, local={"editable": True})
    done = jmlx("reproduce", run, "--env", "--json", timeout=200)
    if done.returncode and all(f"{name}==" in done.stdout for name in NEEDED):
        pytest.skip("no index of packages can be reached")
    found = json.loads(done.stdout)
    assert found["verdict"] == "same", done.stderr
    assert "building the recorded environment: 6 packages" in done.stderr
    (home,) = (project.state / "environments").iterdir()
    found = {path.name.partition("-")[0].lower() for path in home.glob("lib/*/site-packages/*.dist-info")}
    assert found == {name.replace(".", "_") for name in wanted}


def test_a_package_that_cannot_be_had_is_named(project, recorded, jmlx):
    run = recorded({"there-is-no-such-package": "1.0", "blake3": version("blake3")})
    done = jmlx("reproduce", run, "--env")
    assert done.returncode == 1
    assert "there-is-no-such-package==1.0 can't be had" in done.stderr
    assert "blake3" not in done.stderr.splitlines()[-1]
    assert [each.kind for each in Project.open().ledger.page().runs] == ["block", "block"]


def test_a_run_without_an_environment_says_so(project, jmlx):
    Path("script.py").write_text(SCRIPT)
    subprocess.run([sys.executable, "script.py"], check=True)
    run = replace(project.ledger.get("last"), id=new_id(), environment=None)
    project.ledger.insert(run)
    done = jmlx("reproduce", run.id, "--env")
    assert (done.returncode, "has no recorded environment" in done.stderr) == (1, True)
