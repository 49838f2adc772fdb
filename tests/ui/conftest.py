"""A real JupyterLab server on a project, and a real browser: fixtures for the tests in this folder.

They want a pytest process of their own: Playwright keeps an event loop running
in the main thread, which the server tests need for themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import nbformat
import pytest
from waiting import PATIENCE_S, until

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
    "--disable-gpu-rasterization",
)
SHORT_LIVED = "--js-flags=--max-lazy --no-maglev --no-turbofan"
"""A page lives for seconds: to optimise its scripts takes longer than to run them."""
SIZE = {"width": 1280, "height": 800}
SHOTS = Path(__file__).parents[2] / "test-results"
END_S = 30.0
"""JupyterLab ends its kernels in as long, also on a busy machine."""
TOLD = 4000
"""So many characters of each are told of a test that failed."""
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

    def ask(self, route: str, method: str = "GET") -> str:
        """What the server answers."""
        request = urllib.request.Request(f"{self.url}/{route}?token={self.token}", method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return answer.read().decode()


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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that failed tells what the pages showed, and what the server and its jobs said."""
    report = (yield).get_result()
    if report.when != "call" or not report.failed:
        return
    fixtures = item.funcargs
    pages = {id(page): page for page in fixtures.values() if isinstance(getattr(page, "errors", None), list)}
    for page in pages.values():
        with contextlib.suppress(Exception):
            report.sections.append(("page", page.evaluate("document.body.innerText")[-TOLD:]))
        report.sections.append(("console", "\n".join(page.errors)[-TOLD:]))
    if isinstance(lab := fixtures.get("lab"), Lab):
        with contextlib.suppress(OSError, ValueError):
            report.sections.append(("jobs", lab.ask("jupyter-mlx/api/v1/jobs")[-TOLD:]))
            report.sections.append(("server", (lab.root.parent / "server.log").read_text()[-TOLD:]))


def found_chromium() -> str | None:
    """Where Chromium is; one that draws no windows of its own first, which takes a third of the time."""
    names = (
        "chromium-headless-shell",
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    )
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing("playwright", "`pip install 'jupyter-mlx[test]'` brings it")
    executable = found_chromium()
    if executable is None:
        missing("Chromium on PATH", "`apt-get install chromium-headless-shell` brings it on Debian")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=executable, args=[*CHROMIUM, SHORT_LIVED], headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory, browser):
    """JupyterLab on a project, started once; after the browser, so that a skip costs nothing."""
    home = tmp_path_factory.mktemp("jupyter")
    root = home / "project"
    Project.create(root)
    with start_lab(home, root) as running:
        yield running


@pytest.fixture(scope="module")
def lab(server):
    """JupyterLab on an empty project: no file's tests find what those of another left.

    Which files share a server is chance, where two of them run at once.
    """
    config = (server.root / "mlx.yaml").read_text()
    yield server
    for session in json.loads(server.ask("api/sessions")):
        with contextlib.suppress(urllib.error.HTTPError):  # it has gone by itself
            server.ask(f"api/sessions/{session['id']}", "DELETE")
    # a job or a kernel that is on its end may still write
    until(lambda: emptied(server.root), "an empty project")
    (server.root / "mlx.yaml").write_text(config)


def emptied(root: Path) -> bool:
    """Take all that stands in a project, but for its state; whether nothing is left."""
    left = [path for path in root.iterdir() if path.name != ".mlx"]
    for path in left:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return not left


class start_lab:  # noqa: N801 (used as a context manager)
    """A JupyterLab server on `root` whose own files are in `home`; it may be stopped and started again."""

    def __init__(self, home: Path, root: Path, *, base_url: str = "/", **env: str) -> None:
        self.home, self.env, self.base_url = home, env, base_url
        self.port = free_port()
        self.lab = Lab(f"http://127.0.0.1:{self.port}{base_url.rstrip('/')}", secrets.token_hex(16), root)

    def __enter__(self) -> Lab:
        quiet = self.home / "settings" / "@jupyterlab" / "apputils-extension"
        quiet.mkdir(parents=True, exist_ok=True)
        (quiet / "notification.jupyterlab-settings").write_text(
            '{"fetchNews": "false", "checkForUpdates": false}'
        )
        # or each page has the server start Node, to find that JupyterLab need not be built
        page = self.home / "config" / "labconfig"
        page.mkdir(parents=True, exist_ok=True)
        (page / "page_config.json").write_text('{"buildCheck": false, "buildAvailable": false}')
        self.start()
        return self.lab

    def start(self) -> None:
        """Begin, on the same port with the same token each time."""
        log = self.home / "server.log"
        with log.open("w") as file:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
                    *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}"),
                    *("--ServerApp.port_retries=0", f"--ServerApp.base_url={self.base_url}"),
                    *(f"--IdentityProvider.token={self.lab.token}", f"--ServerApp.root_dir={self.lab.root}"),
                    # window.jupyterapp; the second for the Notebook 7 pages of the same server
                    *(
                        "--LabApp.expose_app_in_browser=True",
                        "--JupyterNotebookApp.expose_app_in_browser=True",
                    ),
                    "--LabApp.extension_manager=readonly",
                ],
                env=self._environment(),
                cwd=self.lab.root,
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        self._wait(self.lab, log)

    def stop(self) -> None:
        """End it, and wait until it has; of one that does not, its log with what its threads did is kept."""
        self.process.terminate()
        try:
            self.process.wait(END_S)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGABRT)
            self.process.wait()
            SHOTS.mkdir(exist_ok=True)
            shutil.copy(self.home / "server.log", SHOTS / f"server-{self.port}-did-not-end.log")

    def __exit__(self, *_):
        self.stop()

    def _environment(self) -> dict[str, str]:
        names = ("config", "data", "runtime", "workspaces", "settings")
        config, data, runtime, workspaces, settings = (str(self.home / name) for name in names)
        return dict(
            os.environ,
            HOME=str(self.home),
            PYTHONFAULTHANDLER="1",
            JUPYTER_CONFIG_DIR=config,
            JUPYTER_DATA_DIR=data,
            JUPYTER_RUNTIME_DIR=runtime,
            JUPYTERLAB_WORKSPACES_DIR=workspaces,
            JUPYTERLAB_SETTINGS_DIR=settings,
            PATH=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            **self.env,
        )

    def _wait(self, lab: Lab, log: Path) -> None:
        def answers():
            if self.process.poll() is not None:
                pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-4000:]}")
            with contextlib.suppress(OSError):
                return lab.ask("api")
            return ""

        until(answers, "JupyterLab's answer", every_s=0.1)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="session")
def kept_context(browser):
    """One browser profile for all: a page begins in a third of the time where JupyterLab's scripts are compiled."""
    kept = browser.new_context(viewport=SIZE)
    yield kept
    kept.close()


@pytest.fixture
def context(kept_context):
    """A browser profile as a fresh one: what a test leaves in it is taken away."""
    others = list(kept_context.pages)
    yield kept_context
    kept_context.unroute_all(behavior="ignoreErrors")
    for page in [page for page in kept_context.pages if page not in others]:
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
        page.close()
    kept_context.clear_cookies()
    kept_context.clear_permissions()


@pytest.fixture
def page(lab, context):
    """JupyterLab in the browser, started up; what its console said is in `page.errors`."""
    return open_lab(lab, context)


@pytest.fixture(scope="module")
def tab(lab, kept_context):
    """One page for the tests of a file: to load JupyterLab costs more than most tests do; see `tidy`."""
    page = open_lab(lab, kept_context)
    yield page
    page.close()


@pytest.fixture
def kept_page(tab, enter):
    """The page that a file's tests share, with nothing open, on an empty ledger."""
    tidy(tab)
    return tab


def tidy(page) -> None:
    """What a test left open is closed, unsaved; size and theme are the first ones, complaints are forgotten."""
    page.set_viewport_size(SIZE)
    page.keyboard.press("Escape")
    page.evaluate(
        """() => {
          for (const widget of [...window.jupyterapp.shell.widgets('main')]) {
            if (widget.context) {
              widget.context.model.dirty = false;
            }
            widget.close();
          }
        }"""
    )
    if page.evaluate("document.body.dataset.jpThemeName") != "JupyterLab Light":
        set_theme(page, "light")
    page.errors.clear()


def open_lab(lab: Lab, context, path: str = "lab?reset"):
    """A page of JupyterLab, started up.

    Jupyter's server says of a folder that it is not found where a file goes
    while the folder is listed, which the file browser tells in a dialog.
    """
    context.set_default_timeout(PATIENCE_S * 1000)
    page = context.new_page()
    page.errors = []
    page.on("console", lambda message: message.type == "error" and page.errors.append(message.text))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.goto(f"{lab.url}/{path}{'&' if '?' in path else '?'}token={lab.token}")
    page.add_locator_handler(
        page.locator(".jp-Dialog", has_text="Directory not found"), lambda dialog: dialog.press("Enter")
    )
    page.wait_for_selector("#jupyterlab-splash", state="detached")
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


def plain_panel(page) -> None:
    """Show the Runs panel, and all runs in it as at first, none selected."""
    panel = show_panel(page)
    for command, args in (
        ("group-runs", {"by": ""}),
        ("sort-runs", {"by": ""}),
        ("sparkline", {"metric": ""}),
        ("fit-columns", {}),
    ):
        run_command(page, f"jupyter-mlx:{command}", **args)
    panel.get_by_role("combobox", name="Search runs").fill("")
    # which unselects all, too
    run_command(page, "jupyter-mlx:show-trash", trash=False)


def widen(page, width_px: int) -> None:
    """Drag the side bar's edge until it is this wide, as a person does."""
    edge = page.locator(".lm-SplitPanel-handle:visible").first.bounding_box()
    page.mouse.move(edge["x"] + edge["width"] / 2, 400)
    page.mouse.down()
    page.mouse.move(33 + width_px, 400, steps=5)
    page.mouse.up()


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
    """`light`, `dark` or `dark high contrast`, with its style sheet loaded."""
    run_command(page, "apputils:change-theme", theme=f"JupyterLab {theme.title()}")
    page.wait_for_function(
        "dark => document.body.dataset.jpThemeLight === String(!dark)"
        " && getComputedStyle(document.body).getPropertyValue('--jp-layout-color1').trim() !== ''",
        arg=theme.startswith("dark"),
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


def seriously_wrong(page, selector: str) -> list[str]:
    """What axe-core finds there that is serious or worse."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, context=selector).response["violations"]
    return [
        f"{one['id']}: {one['nodes'][0]['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
