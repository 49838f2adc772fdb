"""A run's page in the main area."""

from __future__ import annotations

import pytest
from conftest import SHOTS, open_run, row, run_command, set_theme, show_panel

from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.run import Failure, FileVersion

LOSS = [2.0, 1.0, 0.5, 0.25, 0.2]


@pytest.fixture
def page(kept_page):
    return kept_page


@pytest.fixture
def rich(enter) -> str:
    """A run with something of everything."""
    digest = str(Digest.of(b"data"))
    return enter(
        "fit",
        params={"lr": 0.1, "layers": [64, 32]},
        metrics={"acc": 0.9375},
        series={"loss": LOSS},
        tags=("best",),
        notebook="notebooks/train.ipynb",
        source="import numpy as np\nx = 1  # one",
        inputs=(FileVersion("data/digits", digest, 4_200_000, "seen", "folder"),),
        outputs=(FileVersion("models/sgd.joblib", digest, 12_345, "declared"),),
        git={"commit": "4f2a9c81d0b7e6a5", "branch": "main", "dirty": True},
        note="The first above 93 %.",
        cell_outputs=({"output_type": "stream", "name": "stdout", "text": "hello\n"},),
    )


def test_a_run_is_shown_whole(page, rich):
    tab = open_run(page, rich)
    assert tab.locator("h1").inner_text() == "fit"
    header = tab.locator("header").inner_text()
    for part in (
        "finished",
        "cell",
        "1.5 s",
        "notebooks/train.ipynb",
        "4f2a9c81",
        "uncommitted",
        rich,
        "best",
        "93 %",
    ):
        assert part in header
    metrics = tab.get_by_role("table", name="Metrics")
    # steps are brought in by whoever reads the ledger first, perhaps a moment after this page was
    metrics.get_by_text("0.2", exact=True).wait_for()
    assert metrics.inner_text().split() == ["acc", "0.9375", "loss", "0.2"]
    assert "[64,32]" in tab.get_by_role("table", name="Parameters").inner_text()
    read = tab.get_by_role("list", name="Files read").inner_text()
    assert read.split() == ["data/digits/", "4.2", "MB", Digest.of(b"data").hex[:10], "seen"]
    assert "12.3 kB" in tab.get_by_role("list", name="Files written").inner_text()
    assert tab.get_by_label("Source code").inner_text() == "import numpy as np\nx = 1  # one"
    assert "hello" in tab.locator(".mlx-Outputs").inner_text()
    assert tab.get_by_role("img", name="loss over 5 steps, from 0.2 to 2, last 0.2").count() == 1
    for theme in ("light", "dark"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"run-{theme}.png")
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_a_curve_is_read_off_by_pointer_and_by_keys(page, rich):
    chart = open_run(page, rich).locator(".mlx-Chart")
    plot = chart.locator("svg")
    box = plot.bounding_box()
    page.mouse.move(box["x"] + 46, box["y"] + 50)
    chart.get_by_text("step 0").wait_for()
    assert "2" in chart.locator(".mlx-Chart-value").inner_text()
    page.mouse.move(0, 0)
    chart.get_by_text("step 4").wait_for()
    plot.focus()
    page.keyboard.press("ArrowLeft")
    chart.get_by_text("step 3").wait_for()
    assert "0.25" in chart.locator(".mlx-Chart-value").inner_text()


def test_a_running_run_s_page_follows_it(page, enter, lab):
    ident = enter("live", status="running", duration_s=None)
    tab = open_run(page, ident)
    assert tab.locator(".mlx-Chart").count() == 0
    for step in range(3):
        lab.project.ledger.log(ident, {"loss": 1 / (1 + step)}, step=step)
    tab.get_by_text("step 2").wait_for()


def test_a_failed_run_shows_why_first(page, enter):
    traceback = ("\x1b[31mValueError\x1b[39m  Traceback", "\x1b[31mValueError\x1b[39m: no data")
    ident = enter(
        "broken",
        status="failed",
        error=Failure("ValueError", "no data", traceback),
        source="raise ValueError",
    )
    tab = open_run(page, ident)
    assert tab.get_by_role("alert").inner_text() == "ValueError: no data"
    error = tab.locator(".mlx-Failure + .mlx-Outputs")
    error.get_by_text("Traceback").wait_for()
    assert "\x1b" not in error.inner_text()
    assert "[31m" not in error.inner_text()


def test_a_run_is_starred_copied_and_thrown_away_from_its_toolbar(page, context, rich, lab):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    show_panel(page)
    open_run(page, rich)
    tab = page.locator(f"#jupyter-mlx-run-{rich}")
    tab.get_by_role("button", name="Star Run").click()
    row(page, rich).get_by_text("★").wait_for()
    assert lab.project.ledger.get(rich).starred
    tab.get_by_role("button", name="Copy Code of Run").click()
    page.get_by_text("The code is in the clipboard.").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == "import numpy as np\nx = 1  # one"
    tab.get_by_role("button", name="Move Run to Trash").click()
    row(page, rich).wait_for(state="detached")
    tab.wait_for(state="detached")
    assert lab.project.ledger.page().total == 0


def test_an_open_run_is_open_again_after_a_reload(page, rich):
    open_run(page, rich)
    run_command(page, "docmanager:save-all")
    page.wait_for_timeout(1500)
    page.goto(page.url.split("?")[0])
    page.locator(f"#jupyter-mlx-run-{rich} h1", has_text="fit").wait_for()


def test_a_run_that_is_gone_says_so(page, enter):
    run_command(page, "jupyter-mlx:open-run", id="0123456789abcdef")
    page.get_by_role("alert").get_by_text("jmlx runs list").wait_for()


HOSTILE = '<img src=x onerror="window.hit=1"><script>window.hit=2</script>'
PAGE = f"""{HOSTILE}<a id="link" href="javascript:window.hit=3">x</a><iframe srcdoc="<script>parent.hit=4</script>"></iframe>
<svg onload="window.hit=5"></svg><form action="javascript:window.hit=6"><button>go</button></form>
<button data-commandlinker-command="filebrowser:create-new-file" data-commandlinker-args="{{}}">linked</button>
<style>body {{ display: none }}</style><img src="http://127.0.0.1:9/beacon.png"><b>bold</b>"""


def test_a_hostile_run_is_inert(page, enter, lab):
    show = {"output_type": "display_data", "metadata": {}}
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    ident = enter(
        HOSTILE,
        params={HOSTILE: HOSTILE, "nested": {"x": HOSTILE}},
        metrics={HOSTILE: 1.0},
        series={"<b>loss</b>": [1.0, 2.0]},
        tags=(HOSTILE, "javascript:alert(1)"),
        notebook='"><script>window.hit=7</script>.ipynb',
        source=HOSTILE,
        note=HOSTILE,
        git={"commit": HOSTILE, "branch": HOSTILE, "dirty": HOSTILE},
        inputs=(FileVersion(HOSTILE, str(Digest.of(b"")), 1, "seen"),),
        error=Failure(HOSTILE, HOSTILE, (HOSTILE,)),
        status="failed",
        cell_outputs=(
            {**show, "data": {"text/html": PAGE, "text/plain": "x"}},
            {
                **show,
                "data": {"image/svg+xml": '<svg xmlns="http://www.w3.org/2000/svg" onload="window.hit=8"/>'},
            },
            {**show, "data": {"application/javascript": "window.hit=9"}},
            {**show, "data": {"text/markdown": f"{HOSTILE} [x](javascript:window.hit=10)"}},
            {
                **show,
                "data": {
                    "application/vnd.jupyter.widget-view+json": {"model_id": HOSTILE},
                    "text/plain": "w",
                },
            },
            {"output_type": "stream", "name": "stdout", "text": HOSTILE},
            {"output_type": "error", "ename": HOSTILE, "evalue": HOSTILE, "traceback": [HOSTILE]},
        ),
    )
    show_panel(page)
    row(page, ident).wait_for()
    assert row(page, ident).locator(".mlx-Row-name").inner_text() == HOSTILE
    tab = open_run(page, ident)
    tab.locator(".mlx-Outputs b", has_text="bold").wait_for()
    files = sorted(path.name for path in lab.root.iterdir())
    tab.get_by_text("linked", exact=True).click()
    for link in tab.locator(".mlx-Outputs a").all():
        link.click(force=True)
    page.wait_for_timeout(500)
    assert page.evaluate("window.hit") is None
    assert tab.locator("script, iframe, style, form, [onerror], [onload]").count() == 0
    assert tab.locator("[data-commandlinker-command]").count() == 0
    assert not [url for url in asked if "beacon" in url or url.endswith("/x")]
    assert sorted(path.name for path in lab.root.iterdir()) == files
    assert page.evaluate("getComputedStyle(document.body).display") != "none"
