"""A report that hostile runs are in, in a real browser, opened from disk."""

from __future__ import annotations

import pytest
from waiting import PATIENCE_S

from jupyter_mlx.project import Project
from jupyter_mlx.reporting.page import page as report

PICTURE = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>window.ran = 1</script></svg>"
HOSTILE = (
    "<script>window.ran = 1</script><img src=x onerror='window.ran = 1'><svg onload='window.ran = 1'></svg>"
    "<a id='link' href='javascript:window.ran = 1'>link</a><iframe srcdoc='<script>parent.ran = 1</script>'></iframe>"
)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_report_runs_and_fetches_nothing(browser, tmp_path, theme):
    project = Project.create(tmp_path)
    run = project.recorder.open(kind="cell", name=HOSTILE, params={HOSTILE: HOSTILE}, source=f"# {HOSTILE}")
    for mime, text in (("text/html", HOSTILE), ("image/svg+xml", PICTURE), ("text/plain", HOSTILE)):
        run.add_cell_output({"output_type": "display_data", "data": {mime: text}, "metadata": {}})
    run.finish()
    project.recorder.flush()
    path = tmp_path / "report.html"
    path.write_text(report(project, [project.ledger.get(run.id)]), encoding="utf-8")

    tab = browser.new_page(color_scheme=theme)
    tab.set_default_timeout(PATIENCE_S * 1000)
    asked, said = [], []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("console", lambda message: said.append(message.text))
    tab.goto(path.as_uri())
    tab.wait_for_timeout(200)
    assert tab.evaluate("window.ran") is None
    assert tab.locator("img[src]").first.evaluate("image => image.naturalWidth") == 9
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    assert [line for line in said if "Refused" in line or "blocked" in line] == []
    light = tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light == (theme == "light")
    tab.close()
