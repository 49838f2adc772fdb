"""`%runs` in JupyterLab: the interactive table in the output."""

from __future__ import annotations

import nbformat
from conftest import SHOTS, open_notebook


def test_the_table_is_shown_sorts_and_opens_a_run(page, lab, enter):
    for at in range(3):
        enter(f"fit{at}", ago_s=60 * at, metrics={"acc": at / 10}, params={"lr": 0.1})
    document = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("%load_ext jupyter_mlx"), nbformat.v4.new_code_cell("%runs")]
    )
    document.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(document, lab.root / "table.ipynb")
    open_notebook(page, "table.ipynb")
    page.locator(".jp-NotebookPanel:visible .jp-Cell").first.locator(".cm-content").click()
    for _ in range(2):
        page.keyboard.press("Shift+Enter")
    output = page.locator(".jp-NotebookPanel:visible .jp-OutputArea-output .jupyter-widgets").first
    output.wait_for()
    names = output.locator(".widget-html", has_text="fit")
    assert [text.strip() for text in names.all_inner_texts()] == ["fit0", "fit1", "fit2"]
    output.get_by_role("button", name="metrics.acc").click()
    output.get_by_text("metrics.acc ▼").wait_for()
    assert [text.strip() for text in names.all_inner_texts()] == ["fit2", "fit1", "fit0"]
    output.locator("button[title='show this run below']").first.click()
    output.frame_locator("iframe").locator("h2", has_text="fit2").wait_for()
    SHOTS.mkdir(exist_ok=True)
    page.screenshot(path=SHOTS / "runs-table.png")
