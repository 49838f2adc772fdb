"""A real JupyterLab server on a project, and a real browser: fixtures for the tests in this folder.

They want a pytest process of their own: Playwright keeps an event loop running
in the main thread, which the server tests need for themselves.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest

from jupyter_mlx.ledger.run import Run, new_id, utc_now
from jupyter_mlx.project import Project

CHROMIUM = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)
SHOTS = Path(__file__).parents[2] / "test-results"
PANEL_TAB = 'li.lm-TabBar-tab[data-id="jupyter-mlx-runs"]'


@dataclass(frozen=True)
class Lab:
    url: str
    token: str
    root: Path
    """The server's folder, which is the project's."""

    @property
    def project(self) -> Project:
        return Project.open(self.root)


def missing(what: str, how: str):
    """Skip by name; on CI, where everything is to be there, fail."""
    reason = f"no {what}; {how}"
    if os.environ.get("CI", "").lower() in ("1", "true"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def jp_asyncio_loop():
    """In place of pytest-jupyter's, which wants the loop that Playwright has."""
    return


@pytest.fixture(autouse=True)
def jp_server_cleanup():
    """In place of pytest-jupyter's, as above."""
    return


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright", "`pip install 'jupyter-mlx[test]'` brings it")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    executable = next(filter(None, map(shutil.which, names)), None)
    if executable is None:
        missing("Chromium on PATH", "`apt-get install chromium` brings it on Debian")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=CHROMIUM, headless=True)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory, browser):
    """JupyterLab on an empty project, started once; after the browser, so that a skip costs nothing."""
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "project"
    Project.create(root)
    with start_lab(home, root) as running:
        yield running


class start_lab:  # noqa: N801 (used as a context manager)
    """A JupyterLab server on `root` whose own files are in `home`."""

    def __init__(self, home: Path, root: Path, **env: str) -> None:
        self.home, self.root, self.env = home, root, env

    def __enter__(self) -> Lab:
        port, token = free_port(), secrets.token_hex(16)
        quiet = self.home / "settings" / "@jupyterlab" / "apputils-extension"
        quiet.mkdir(parents=True, exist_ok=True)
        (quiet / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        log = self.home / "server.log"
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                    *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
                    *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={self.root}"),
                    # window.jupyterapp; the second for the Notebook 7 pages of the same server
                    *(
                        "--LabApp.expose_app_in_browser=True",
                        "--JupyterNotebookApp.expose_app_in_browser=True",
                    ),
                    "--LabApp.extension_manager=readonly",
                ],
                env=self._environment(),
                cwd=self.root,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        lab = Lab(f"http://127.0.0.1:{port}", token, self.root)
        self._wait(lab, log)
        return lab

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _environment(self) -> dict[str, str]:
        names = ("config", "data", "runtime", "workspaces", "settings")
        config, data, runtime, workspaces, settings = (str(self.home / name) for name in names)
        return dict(
            os.environ,
            HOME=str(self.home),
            JUPYTER_CONFIG_DIR=config,
            JUPYTER_DATA_DIR=data,
            JUPYTER_RUNTIME_DIR=runtime,
            JUPYTERLAB_WORKSPACES_DIR=workspaces,
            JUPYTERLAB_SETTINGS_DIR=settings,
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            **self.env,
        )

    def _wait(self, lab: Lab, log: Path) -> None:
        for _ in range(240):
            if self.process.poll() is not None:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-4000:]}")
            try:
                urllib.request.urlopen(f"{lab.url}/api?token={lab.token}", timeout=2)
            except OSError:
                time.sleep(0.25)
            else:
                return
        pytest.fail(f"JupyterLab did not answer in a minute:\n{log.read_text()[-4000:]}")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture
def context(browser):
    """A fresh browser profile."""
    fresh = browser.new_context(viewport={"width": 1280, "height": 800})
    yield fresh
    fresh.close()


@pytest.fixture
def page(lab, context):
    """JupyterLab in the browser, started up; what its console said is in `page.errors`."""
    return open_lab(lab, context)


def open_lab(lab: Lab, context, path: str = "lab?reset"):
    page = context.new_page()
    page.errors = []
    page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(f"{lab.url}/{path}{'&' if '?' in path else '?'}token={lab.token}")
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
    page.wait_for_function("window.jupyterapp && window.jupyterapp.restored.then(() => true)")
    if path.startswith("lab?"):
        # the launcher takes the focus a moment after all is restored
        page.wait_for_function("document.querySelector('.jp-Launcher')?.contains(document.activeElement)")
    return page


def run_command(page, command: str, **args) -> None:
    """Execute a command of JupyterLab and wait for it."""
    page.evaluate(
        "([id, args]) => window.jupyterapp.commands.execute(id, args).then(() => null)", [command, args]
    )


def show_panel(page):
    """Show the Runs panel; returns its locator."""
    run_command(page, "jupyter-mlx:show-runs")
    panel = page.locator("#jupyter-mlx-runs")
    panel.wait_for()
    return panel


def open_notebook(page, path: str) -> None:
    """Open it, and wait for its kernel."""
    run_command(page, "docmanager:open", path=path, factory="Notebook")
    page.wait_for_function(
        """path => {
          for (const widget of window.jupyterapp.shell.widgets('main')) {
            if (widget.context?.path === path) {
              return widget.sessionContext.session?.kernel?.connectionStatus === 'connected'
                && widget.sessionContext.session.kernel.status === 'idle';
            }
          }
        }""",
        arg=path,
        timeout=60_000,
    )


@pytest.fixture
def notebook(lab, enter):
    """`notebook(*cells)`: a notebook in the project; its path."""

    def write(*cells: str, name: str = "first.ipynb") -> str:
        document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
        document.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(document, lab.root / name)
        return name

    return write


def run_cells(page, count: int) -> None:
    """Run the first cells, as Shift+Enter does."""
    page.locator(".jp-NotebookPanel:visible .jp-Cell").first.locator(".cm-content").click()
    for _ in range(count):
        page.keyboard.press("Shift+Enter")


def set_theme(page, theme: str) -> None:
    """`light` or `dark`, with its style sheet loaded."""
    run_command(page, "apputils:change-theme", theme=f"JupyterLab {theme.title()}")
    page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)"
        " && getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim() !== ''",
        arg=theme == "dark",
    )
    page.wait_for_timeout(300)


@pytest.fixture
def enter(lab):
    """An empty ledger, and `enter(name, …)`: a finished run in it; its id."""
    ledger = lab.project.ledger
    for run in ledger.page(limit=1000).runs:
        ledger.trash(run.id)

    def insert(
        name: str, *, ago_s: float = 60, series: dict[str, list[float]] | None = None, **facts: Any
    ) -> str:
        facts = {"kind": "cell", "status": "finished", "duration_s": 1.5, **facts}
        run = Run(id=new_id(), name=name, started_at=utc_now() - timedelta(seconds=ago_s), **facts)
        ledger.insert(run)
        for metric, values in (series or {}).items():
            for step, value in enumerate(values):
                ledger.log(run.id, {metric: value}, step=step, t=step / 10)
        return run.id

    return insert


def row(page, ident: str):
    """A run's row in the panel."""
    return page.locator(f"#mlx-row-{ident}")


def open_run(page, ident: str):
    """Open a run's tab; returns its page, filled."""
    run_command(page, "jupyter-mlx:open-run", id=ident)
    found = page.locator(f"#jupyter-mlx-run-{ident} .mlx-Run")
    found.wait_for()
    return found
