"""The Pipeline tab in real JupyterLab: a graph, run and followed from there."""

from __future__ import annotations

import pytest
from conftest import SHOTS, run_command, seriously_wrong, set_theme
from waiting import until

EVIL = "<img src=x onerror=document.title=1>"
CONFIG = """stages:
  prepare:
    notebook: prepare.ipynb
    outputs: [clean.txt]
  train:
    notebook: train.ipynb
    inputs: [clean.txt]
    outputs: [model.txt]
  report:
    command: "printf '%s' 'made <b>bold</b>' > report.txt"
    inputs: [model.txt]
    outputs: [report.txt]
"""


@pytest.fixture
def page(kept_page):
    return kept_page


@pytest.fixture
def pipeline(lab, notebook):
    """Three stages, of which the second waits for `go.txt` and fails without `rate.txt`; gone afterwards."""
    before = (lab.root / "mlx.yaml").read_text()
    notebook("open('clean.txt', 'w').write('x')", name="prepare.ipynb")
    notebook(
        "import itertools, pathlib, time",
        "for i in itertools.count():\n    print('step', i, flush=True)\n    time.sleep(0.05)\n"
        "    if pathlib.Path('go.txt').exists():\n        break",
        f"'{EVIL}'; rate = pathlib.Path('rate.txt').read_text()",
        "open('model.txt', 'w').write(rate)",
        name="train.ipynb",
    )
    (lab.root / "mlx.yaml").write_text(CONFIG)
    yield lab.root
    (lab.root / "mlx.yaml").write_text(before)
    for name in ("mlx.lock", "go.txt", "rate.txt", "clean.txt", "model.txt", "report.txt"):
        (lab.root / name).unlink(missing_ok=True)


def show(page):
    run_command(page, "jupyter-mlx:show-pipeline")
    tab = page.locator("#jupyter-mlx-pipeline")
    tab.wait_for()
    return tab


def stage(tab, told: str):
    return tab.locator(f'.mlx-Stage[aria-label^="{told}"]')


def shot(page, name: str) -> None:
    SHOTS.mkdir(exist_ok=True)
    for theme in ("dark high contrast", "dark", "light"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"pipeline-{name}-{theme}.png")
        assert seriously_wrong(page, "#jupyter-mlx-pipeline .mlx-PipelineContent") == []


def lab_run(lab, name: str) -> str:
    """The newest run of a stage."""
    return lab.project.ledger.page(f'kind = stage and name = "{name}"', limit=1).runs[0].id


def test_a_pipeline_is_run_followed_mended_and_run_to_its_end(page, lab, pipeline):
    tab = show(page)
    stage(tab, "prepare, to run, never ran").wait_for()
    tab.get_by_role("button", name="Run All").click()
    # where it is, while it is there
    stage(tab, "train, running, cell 2 of 4").wait_for()
    stage(tab, "train").click()
    page_of = tab.get_by_role("region", name="Stage train")
    page_of.get_by_text("step").wait_for()
    stage(tab, "prepare, up to date").wait_for()
    shot(page, "running")
    (pipeline / "go.txt").touch()
    failed = stage(tab, "train, failed")
    failed.wait_for()
    tab.get_by_role("alert").get_by_text("train failed: ").wait_for()
    page_of.locator("pre", has_text="rate.txt").wait_for()
    shot(page, "failed")

    # what the failed run was, and what it executed
    page_of.get_by_role("button", name="Log", exact=True).click()
    page.locator(".mlx-RunTab:visible .mlx-Failure", has_text="rate.txt").wait_for()
    show(page)
    page_of.get_by_role("button", name="Executed Notebook").click()
    page.locator(".jp-NotebookPanel:visible .jp-OutputArea", has_text="step 0").first.wait_for()
    show(page)

    # from the failure to the cell that has it
    page_of.get_by_role("button", name="Failing Cell").click()
    active = page.locator(".jp-NotebookPanel:visible .jp-Cell.jp-mod-active")
    active.get_by_text("rate.txt").first.wait_for()

    # mended, it goes on from there; what is done is not done again
    (pipeline / "rate.txt").write_text("1")
    show(page)
    page_of.get_by_role("button", name="Run From Here").click()
    stage(tab, "report, up to date").wait_for()
    tab.get_by_text("all up to date").wait_for()
    assert (pipeline / "report.txt").read_text() == "made <b>bold</b>"
    # what is known is executed all the same where one asks for it
    stage(tab, "report").click()
    report = lab_run(lab, "report")
    tab.get_by_role("region", name="Stage report").get_by_role("button", name="Run Anew").click()
    # how it runs is too short to be seen for sure
    until(lambda: lab_run(lab, "report") != report, "another run of the stage")
    stage(tab, "report, up to date").wait_for()
    shot(page, "done")
    assert page.title() != "1"
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def test_the_stages_are_walked_by_the_keys_and_one_is_stopped(page, pipeline):
    tab = show(page)
    stage(tab, "prepare").focus()
    page.keyboard.press("ArrowRight")
    tab.get_by_role("region", name="Stage train").wait_for()
    page.keyboard.press("End")
    tab.get_by_role("region", name="Stage report").get_by_text("printf").wait_for()
    page.keyboard.press("Control+Enter")
    stage(tab, "train, running").wait_for()
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_role("alert").get_by_text("was stopped").wait_for()
    stage(tab, "train, interrupted").wait_for()


def test_a_fault_in_the_configuration_leads_to_its_line(page, pipeline):
    (pipeline / "mlx.yaml").write_text("stages:\n  train:\n    notebok: train.ipynb\n")
    tab = show(page)
    alert = tab.get_by_role("alert")
    alert.get_by_text("mlx.yaml:3").wait_for()
    alert.get_by_role("button", name="Open mlx.yaml").click()
    page.wait_for_function(
        "window.jupyterapp.shell.currentWidget?.content?.editor?.getCursorPosition().line === 2"
    )


def test_a_sweep_shows_its_points_the_best_first_also_while_more_come(page, lab, pipeline, enter):
    sweep = enter("train", kind="sweep", params={"lr": [0.1, 0.2, EVIL]}, tags=("maximize:acc",))
    for lr, acc in ((0.1, 0.5), (0.2, 0.9), (EVIL, 0.7)):
        enter(
            f"train@lr={lr}",
            kind="stage",
            params={"lr": lr},
            metrics={"acc": acc, "loss": 1 - acc},
            parent=sweep,
        )
    tab = show(page)
    table = tab.get_by_role("table", name="Points of train")
    best = table.locator("tr.mlx-mod-best")
    best.get_by_text("0.9", exact=True).wait_for()
    best.get_by_text("best so far").wait_for()
    shot(page, "sweep")
    table.get_by_role("button", name="loss").click()
    table.locator("tbody tr").first.get_by_text("0.5", exact=True).first.wait_for()
    best.get_by_role("button").click()
    page.locator(".mlx-Run h1").wait_for()
    assert page.title() != "1"


def test_the_tab_comes_back_with_the_page_and_fits_a_narrow_one(page, pipeline):
    tab = show(page)
    stage(tab, "prepare").focus()
    page.set_viewport_size({"width": 620, "height": 800})
    run_command(page, "docmanager:save-all")
    page.wait_for_timeout(1500)
    page.screenshot(path=SHOTS / "pipeline-narrow.png")
    page.goto(page.url.split("?")[0])
    stage(tab, "prepare").wait_for()
