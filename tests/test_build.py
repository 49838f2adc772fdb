"""The JupyterLab extension: what it is built from, and what comes out."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "labextension"
BUNDLE = ROOT / "jupyter_mlx" / "labextension"
PACKAGE = json.loads((SOURCE / "package.json").read_text(encoding="utf-8"))
LOCK = (SOURCE / "package-lock.json").read_text(encoding="utf-8")


def test_the_lock_file_has_the_compiler_of_every_system():
    # npm leaves out, without a word, what the registry at hand does not have
    for system in ("darwin-arm64", "darwin-x64", "win32-x64-msvc", "linux-x64-gnu", "linux-arm64-gnu"):
        assert f"node_modules/@rspack/binding-{system}" in json.loads(LOCK)["packages"]


def test_the_lock_file_names_no_registry():
    assert '"resolved"' not in LOCK
    assert '"integrity"' in LOCK


def test_the_lock_file_is_of_this_package():
    root = json.loads(LOCK)["packages"][""]
    assert root["dependencies"] == PACKAGE["dependencies"]
    assert root["devDependencies"] == PACKAGE["devDependencies"]


def test_the_bundle_is_small():
    scripts = list((BUNDLE / "static").glob("*.js"))
    if not scripts:
        pytest.skip("no bundle; `pip install -e .` makes it")
    assert any(script.name.startswith("remoteEntry.") for script in scripts)
    assert sum(script.stat().st_size for script in scripts) < 400_000


def test_nothing_in_the_panel_makes_markup_of_text():
    for path in SOURCE.joinpath("src").rglob("*.ts*"):
        if "__tests__" in path.parts:
            continue
        text = path.read_text(encoding="utf-8")
        assert "dangerouslySetInnerHTML" not in text, path
        assert not re.search(r"\.(inner|outer)HTML\s*=[^=]", text), path
        assert "trusted: true" not in text, path


def test_only_one_file_speaks_http():
    for path in SOURCE.joinpath("src").rglob("*.ts*"):
        if path.name != "api.ts":
            assert not re.search(r"makeRequest|\bfetch\(|XMLHttpRequest", path.read_text(encoding="utf-8")), (
                path
            )


@pytest.mark.parametrize("name", sorted(path.name for path in SOURCE.joinpath("style").glob("*.css")))
def test_every_colour_is_the_theme_s(name):
    css = (SOURCE / "style" / name).read_text(encoding="utf-8")
    css = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    # figures are made for paper
    colours = re.findall(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(", css)
    assert colours == (["#fff"] if name == "compare.css" else [])
    others = re.findall(r"^\.(?!mlx-).*", css, flags=re.MULTILINE)
    # of JupyterLab's own file browser and toolbar, only what has a mark of ours
    assert name in {"data.css", "notebook.css"} or others == []
    assert [line for line in others if "mlx" not in line] == []


def test_the_panel_is_built_without_node_on_the_machine(tmp_path):
    """The hook alone, with the Node.js of a wheel: what pip does on a machine that has only Python."""
    if not os.environ.get("JUPYTER_MLX_TEST_BUILD"):
        pytest.skip("fetches 60 MB; JUPYTER_MLX_TEST_BUILD=1 runs it")
    copy = tmp_path / "source"
    ignored = shutil.ignore_patterns("node_modules", "lib", ".venv", ".git", "test-results", ".mypy_cache")
    shutil.copytree(ROOT, copy, ignore=ignored)
    shutil.rmtree(copy / "jupyter_mlx" / "labextension", ignore_errors=True)
    wheels = tmp_path / "wheels"
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", wheels, copy],
        check=True,
        env=dict(os.environ, JUPYTER_MLX_NODE="wheel", PATH="/usr/bin:/bin"),
    )
    (wheel,) = wheels.glob("*.whl")
    names = subprocess.run(
        [sys.executable, "-m", "zipfile", "-l", wheel], check=True, capture_output=True, text=True
    ).stdout
    assert "share/jupyter/labextensions/jupyter-mlx/static/remoteEntry." in names
    assert "share/jupyter/labextensions/jupyter-mlx/install.json" in names
    assert "etc/jupyter/jupyter_server_config.d/jupyter_mlx.json" in names
    assert "jupyter_mlx/labextension/" not in names
