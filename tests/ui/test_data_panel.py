"""The Data panel and the file browser's part in it, in real JupyterLab."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import sys

import pytest
from conftest import SHOTS, run_command, seriously_wrong, set_theme

EVIL = "<img src=x onerror=document.title='owned'>.csv"


@pytest.fixture
def git(lab):
    """The project in git, with what is committed by `git(message)`."""
    base = ["git", "-C", str(lab.root), "-c", "user.name=a", "-c", "user.email=a@b.c"]
    subprocess.run([*base, "init", "-q"], check=True)

    def commit(message: str) -> None:
        subprocess.run([*base, "add", "*.mlx"], check=True)
        subprocess.run([*base, "commit", "-qm", message], check=True)

    return commit


@contextlib.contextmanager
def known(lab, url: str):
    """The project with a remote there, which it forgets afterwards."""
    config, before = lab.root / "mlx.yaml", (lab.root / "mlx.yaml").read_text()
    command = (sys.executable, "-m", "jupyter_mlx.cli.main", "-C", str(lab.root))
    subprocess.run([*command, "remote", "add", "origin", url], check=True)
    yield
    config.write_text(before)


@pytest.fixture
def remote(lab, tmp_path):
    """An empty remote of the project."""
    with known(lab, str(tmp_path / "remote")):
        yield tmp_path / "remote"


@pytest.fixture
def silent_remote(lab):
    """A remote that can be spoken to and never answers."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        known(lab, f"http://127.0.0.1:{server.getsockname()[1]}/data"),
    ):
        yield


def test_data_is_tracked_brought_back_and_sent(page, lab, git, remote):
    path = lab.root / "train.csv"
    path.write_text("a,b\n1,2\n")
    (lab.root / EVIL).write_text("x")
    run_command(page, "filebrowser:refresh")
    file = page.locator(".jp-DirListing-item", has_text="train.csv").first
    file.click(button="right")
    page.get_by_role("menuitem", name="Track Data").click()
    panel = page.locator("#jupyter-mlx-data")
    row = panel.get_by_role("button", name="unchanged train.csv")
    row.wait_for()
    git("first")
    run_command(page, "jupyter-mlx:add-data", paths=[EVIL])
    panel.get_by_role("button", name="<img").wait_for()

    # changed outside of the panel, seen when one looks
    path.write_text("a,b\n1,2\n3,4\n")
    panel.get_by_role("button", name="Refresh the list of data").click()
    changed = panel.get_by_role("button", name="modified train.csv")
    changed.click()
    panel.get_by_text("train.csv rows: +1").wait_for()
    SHOTS.mkdir(exist_ok=True)
    for theme in ("light", "dark", "dark high contrast"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"data-{theme}.png")
        assert seriously_wrong(page, "#jupyter-mlx-data") == []

    # what would lose bytes is refused as in a terminal, and stays in sight
    panel.get_by_role("button", name="Bring Back").first.click()
    told = panel.get_by_role("alert")
    told.get_by_text("train.csv").wait_for()
    assert path.read_text().endswith("3,4\n")
    assert "--force" in told.inner_text()
    told.get_by_role("button", name="Close").click()

    panel.get_by_role("button", name="Add Version").click()
    row.wait_for()
    git("second")
    panel.get_by_role("button", name="Refresh the list of data").click()
    row.click()
    row.click()
    versions = panel.get_by_role("list", name="Versions of train.csv").get_by_role("listitem")
    versions.nth(1).get_by_role("button", name="Bring Back").click()
    changed.wait_for()
    assert path.read_text() == "a,b\n1,2\n"
    run_command(page, "filebrowser:activate")
    page.locator(".jp-DirListing-item[data-mlx-state=modified]", has_text="train.csv").wait_for()

    # to a remote and back, each begun by its button
    run_command(page, "jupyter-mlx:show-data")
    panel.get_by_role("button", name="Refresh the list of data").click()
    for what in ("Push", "Pull"):
        button = panel.locator("button:enabled", has_text=what)
        with page.expect_response(lambda answer: answer.request.method == "POST") as answer:
            button.click()
        assert answer.value.json()["what"] == what.lower()
        button.wait_for()
        assert panel.get_by_role("alert").count() == 0
        assert [file for file in remote.rglob("*") if file.is_file()]
    assert page.title() != "owned"
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_what_takes_too_long_is_stopped(page, lab, silent_remote):
    (lab.root / "far.csv").write_text("a\n")
    run_command(page, "jupyter-mlx:add-data", paths=["far.csv"])
    panel = page.locator("#jupyter-mlx-data")
    panel.get_by_role("button", name="unchanged far.csv").wait_for()
    # a version that a colleague has sent
    pointer = lab.root / "far.csv.mlx"
    pointer.write_text(re.sub(r"b3:[0-9a-f]{64}", f"b3:{'0' * 64}", pointer.read_text()))
    pull = panel.locator("button:enabled", has_text="Pull")
    pull.click()
    panel.get_by_role("button", name="Stop").click()
    panel.get_by_role("alert").get_by_text("pull was stopped").wait_for()
    pull.wait_for()
