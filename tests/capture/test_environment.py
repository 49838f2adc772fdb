import json
import os
import platform
import subprocess
import sys
from importlib.metadata import version

import pytest

from jupyter_mlx.capture import environment
from jupyter_mlx.capture.lineage.children import ChildLog
from jupyter_mlx.capture.lineage.places import Places


def test_packages_have_the_versions_that_are_imported():
    found = environment.packages()
    assert found["msgspec"] == version("msgspec")
    assert found["ruamel-yaml"] == version("ruamel.yaml")


def test_variables_are_kept_by_an_allow_list(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setenv("DATABASE_URL", "secret")
    found = environment.capture()
    assert found["variables"]["OMP_NUM_THREADS"] == "2"
    assert "secret" not in str(found)
    assert found["python"] == platform.python_version()


def test_two_captures_of_one_environment_are_equal():
    assert environment.capture() == environment.capture()


def test_what_is_imported_is_told_by_its_distribution():
    import blake3
    import msgspec

    del blake3, msgspec
    found = environment.capture()
    assert {"blake3", "msgspec", "pytest"} <= set(found["imported"])
    assert set(found["imported"]) <= set(found["packages"])


def test_of_other_variables_the_names_are_kept_alone(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "a-value-of-its-own")
    found = environment.capture()
    assert "DATABASE_URL" in found["other_variables"]
    assert "a-value-of-its-own" not in str(found)


@pytest.mark.parametrize("before", [None, "/somewhere"])
def test_what_is_set_for_the_children_of_a_run_is_none_of_its_environment(tmp_path, monkeypatch, before):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before:
        monkeypatch.setenv("PYTHONPATH", before)
    alone = environment.capture()["other_variables"]
    log = ChildLog(tmp_path)
    runs = [log.listen(Places.of(tmp_path)) for _ in range(2)]
    try:
        assert "JUPYTER_MLX_LINEAGE" in os.environ
        assert environment.capture()["other_variables"] == alone
    finally:
        for run in reversed(runs):
            run.finish()


def test_an_editable_install_is_told_with_its_commit(tmp_path):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "a.py").write_text("x = 1\n")
    for words in (["add", "."], ["commit", "-q", "-m", "first"]):
        subprocess.run(["git", "-C", tmp_path, *words], check=True)
    head = subprocess.run(
        ["git", "-C", tmp_path, "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    info = tmp_path / "site" / "thing-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: Some_Thing\nVersion: 1.0\n")
    (info / "direct_url.json").write_text(
        json.dumps({"url": tmp_path.as_uri(), "dir_info": {"editable": True}})
    )
    code = (
        "import json; from jupyter_mlx.capture import environment; print(json.dumps(environment.capture()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "site"), "JUPYTER_IMAGE": "lab:4"},
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["packages"]["some-thing"] == "1.0"
    source = found["sources"]["some-thing"]
    assert (source["editable"], source["commit"]) == (True, head.stdout.strip())
    assert found["container"]["image"] == "lab:4"
    assert found["kind"] in {"venv", "uv", "conda", "system"}
