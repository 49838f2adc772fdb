"""Runs compared in the main area, and the parts of a run's page that were made for it."""

from __future__ import annotations

import base64
import struct
import zlib

import nbformat
import pytest
from conftest import SHOTS, open_run, run_command, seriously_wrong, set_theme

from jupyter_mlx.digest import Digest
from jupyter_mlx.ledger.run import FileVersion

HOSTILE = '"><script>window.hit=1</script><img src=x onerror="window.hit=2"><svg onload="window.hit=3">'
LINKED = '<a data-commandlinker-command="filebrowser:create-new-file" href="javascript:window.hit=4">go</a>'


def picture(grey: int) -> dict:
    """An output that shows a picture of one grey."""
    rows = b"".join(b"\0" + bytes([grey] * 8) for _ in range(8))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 8, 8, 8, 0, 0, 0, 0)
    data = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
    return {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": base64.b64encode(data).decode()},
    }


def file(path: str, content: bytes = b"x") -> FileVersion:
    return FileVersion(path, str(Digest.of(content)), len(content))


@pytest.fixture
def page(kept_page):
    return kept_page


@pytest.fixture
def two(enter) -> tuple[str, str]:
    """Two runs of one cell, another learning rate in the second."""
    code = "\n".join(f"step_{number} = {number}" for number in range(30))
    first, second = (
        enter(
            "fit",
            ago_s=60 - at,
            params={"lr": lr, "depth": 3},
            metrics={"acc": acc},
            series={"loss": [1.0, 0.5, 0.25 - at / 10]},
            source=f"{code}\nmodel.fit(lr={lr})",
            cell_outputs=(
                {"output_type": "stream", "name": "stdout", "text": f"acc {acc}\n"},
                picture(100 + 50 * at),
            ),
        )
        for at, (lr, acc) in enumerate(((0.1, 0.9), (0.2, 0.95)))
    )
    return first, second


def compare(page, *ids: str):
    """Open a comparison; returns its tab, filled."""
    run_command(page, "jupyter-mlx:compare", ids=list(ids))
    tab = page.locator(".mlx-CompareTab:visible")
    tab.locator(".mlx-Compare").wait_for()
    return tab


def test_two_runs_are_compared_what_differs_first(page, two):
    tab = compare(page, *two)
    findings = tab.get_by_role("list", name="Differences").locator("li")
    findings.first.wait_for()
    kinds = [line.split()[0] for line in findings.all_inner_texts()]
    assert kinds[:2] == ["code", "param"]
    assert "0.1 → 0.2" in findings.nth(1).inner_text()
    values = tab.get_by_role("region", name="Values of the runs")
    assert "depth" not in values.inner_text()
    assert "+0.05" in values.inner_text()
    tab.get_by_label("only what differs").click()
    values.get_by_text("depth").wait_for()
    code = tab.locator(".mlx-Merge")
    code.locator(".cm-changedText").first.wait_for()
    assert code.locator(".cm-editor").count() == 2
    assert code.locator(".cm-collapsedLines").count() > 0
    tab.get_by_role("img", name="loss of 2 runs").wait_for()
    assert tab.get_by_label("What differs in what was printed").inner_text().count("acc") == 2
    tab.get_by_label("slider").check()
    assert tab.locator(".mlx-Slider-both img").count() == 2
    tab.get_by_label("pixel difference").check()
    tab.get_by_text("100 % of the pixels differ").wait_for()
    tab.get_by_label("side by side").check()
    for theme in ("light", "dark", "dark high contrast"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"compare-{theme}.png")
        assert seriously_wrong(page, ".mlx-CompareTab .mlx-RunContent") == []
    page.set_viewport_size({"width": 760, "height": 1400})
    code.locator(".cm-deletedChunk").first.wait_for()
    page.screenshot(path=SHOTS / "compare-narrow.png")
    page.reload()
    page.locator(".mlx-CompareTab .mlx-Findings li").first.wait_for()
    assert [error for error in page.errors if "mlx" in error.lower()] == []


def kept(lab, *cells) -> tuple[FileVersion, ...]:
    """A notebook of such cells as an output of a run."""
    data = nbformat.writes(nbformat.v4.new_notebook(cells=list(cells))).encode()
    return (FileVersion("fit.ipynb", str(lab.project.store.put(data)), len(data)),)


def test_notebooks_are_compared_by_their_cells_and_a_snapshot_with_the_one_before(page, enter, lab):
    def cell(name, source, outputs=()):
        return nbformat.v4.new_code_cell(source, id=name, outputs=list(outputs))

    shown = nbformat.v4.new_output("stream", text="1")
    first = kept(lab, cell("a", "x = 1"), cell("b", "gone()"), cell("c", "y = 2"), cell("d", "z = 3"))
    second = kept(
        lab,
        cell("d", "z = 3"),
        cell("a", "x = 1", [shown]),
        nbformat.v4.new_markdown_cell(HOSTILE, id="e"),
        cell("c", "y = 20"),
    )
    old, new = (
        enter("fit", kind="snapshot", notebook="fit.ipynb", outputs=outputs, ago_s=ago)
        for ago, outputs in ((60, first), (30, second))
    )
    enter("fit", kind="snapshot", notebook="other/fit.ipynb", outputs=first, ago_s=45)
    tab = compare(page, old, new)
    cells = tab.get_by_role("list", name="Cells that differ")
    cells.locator(".cm-changedText").first.wait_for()
    assert [head.split() for head in cells.get_by_role("heading").all_inner_texts()] == [
        ["Cell", "4", "→", "1", "moved"],
        ["Cell", "2", "removed"],
        ["Cell", "3", "added", "text"],
        ["Cell", "3", "→", "4", "changed"],
    ]
    assert cells.get_by_label("Cell 3", exact=True).inner_text() == HOSTILE
    tab.get_by_text("1 cell is the same in both").wait_for()
    page.screenshot(path=SHOTS / "compare-cells.png")
    assert seriously_wrong(page, ".mlx-CompareTab .mlx-RunContent") == []
    since = open_run(page, new).get_by_role("region", name="Changed since the snapshot before")
    since.get_by_text("gone()").wait_for()
    assert open_run(page, old).get_by_role("region", name="Changed since").count() == 0
    assert page.evaluate("window.hit") is None


def test_many_runs_are_drawn_chosen_and_opened(page, enter):
    ids = [
        enter(
            f"run {n}",
            ago_s=60 - n,
            params={"lr": 10 ** -(n % 4), "kind": "ab"[n % 2]},
            metrics={"acc": n / 9},
        )
        for n in range(9)
    ]
    tab = compare(page, *ids)
    tab.get_by_role("heading", name="9 runs compared").wait_for()
    lines = tab.get_by_role("img", name="9 runs across 3 columns")
    lines.wait_for()
    grip = lines.locator(".mlx-Axis-grip").nth(2).bounding_box()
    page.mouse.move(grip["x"] + 10, grip["y"] + 5)
    page.mouse.down()
    page.mouse.move(grip["x"] + 10, grip["y"] + grip["height"] / 2, steps=4)
    page.mouse.up()
    tab.get_by_text("of 9 runs lie within").wait_for()
    dots = tab.get_by_role("img", name="acc against")
    dots.focus()
    page.keyboard.press("ArrowRight")
    tab.get_by_text("run 8 · ").wait_for()
    page.screenshot(path=SHOTS / "plots-light.png")
    page.keyboard.press("Enter")
    page.locator(f"#jupyter-mlx-run-{ids[8]}").wait_for()
    run_command(page, "jupyter-mlx:plot-runs", query="lr < 0.5")
    page.get_by_role("heading", name="lr < 0.5").wait_for()
    page.get_by_role("img", name="6 runs across 3 columns").wait_for()
    page.wait_for_timeout(1500)
    page.reload()
    page.get_by_role("heading", name="lr < 0.5").wait_for()


def test_a_run_is_compared_with_the_one_before_and_followed(page, enter, lab):
    enter("other", ago_s=20)
    enter("fit", ago_s=60, metrics={"acc": 0.5})
    live = enter("fit", ago_s=10, status="running", duration_s=None)
    open_run(page, live)
    page.locator(f"#jupyter-mlx-run-{live}").get_by_role("button", name="Compare", exact=True).click()
    tab = page.locator(".mlx-CompareTab:visible")
    tab.get_by_role("heading", name="2 runs compared").wait_for()
    lab.project.ledger.log(live, {"acc": 0.75}, step=0)
    tab.get_by_text("+0.25").first.wait_for()


def test_a_run_s_page_is_walked_along_zoomed_marked_and_reported(page, enter, lab):
    maker = enter("prepare", ago_s=90, outputs=(file("clean.csv"),))
    ident = enter(
        "fit",
        source="fit(x)",
        slice=("x = load()",),
        slice_notes=("cell 2 was edited since",),
        metrics={"acc": 0.5},
        guessed=("acc",),
        seeds={"numpy": {"set": [7]}, "random": {"state": "b3:0"}},
        resources={
            "cpu_s": 3.5,
            "peak_memory_bytes": 5e8,
            "series": {"t": [0, 1, 2], "cpu_percent": [10, 90, 20], "memory_bytes": [1e8, 5e8, 2e8]},
        },
        inputs=(file("clean.csv"),),
        git={
            "commit": "4f2a9c81d0b7e6a5",
            "diff": str(lab.project.store.put(b"--- a\n+++ b\n-old\n+new\n")),
        },
        problems=("a step could not be written",),
    )
    lab.project.ledger.insert_series(ident, {"loss": [(n, 1 / (1 + n), n / 10) for n in range(20_000)]})
    tab = open_run(page, ident)
    tab.get_by_text("1 earlier cell that it needed").click()
    assert tab.get_by_label("Earlier cell 1").inner_text() == "x = load()"
    assert "guessed" in tab.get_by_role("table", name="Metrics").inner_text()
    assert tab.get_by_role("table", name="Seeds").inner_text().split() == [
        "numpy",
        "[7]",
        "random",
        "not",
        "set",
    ]
    assert tab.get_by_role("img", name="cpu, % over 3 steps").count() == 1
    tab.get_by_text("Uncommitted changes").click()
    tab.get_by_text("+new").wait_for()
    # a part of the curve, with all of its points
    plot = tab.get_by_role("img", name="loss over")
    thinned = plot.get_attribute("aria-label")
    box = plot.bounding_box()
    with page.expect_response(lambda answer: "/series" in answer.url) as answer:
        page.mouse.move(box["x"] + 60, box["y"] + 40)
        page.mouse.down()
        page.mouse.move(box["x"] + 80, box["y"] + 40, steps=3)
        page.mouse.up()
    assert answer.value.json()["count"] < 20_000
    tab.get_by_role("button", name="Show all").click()
    assert plot.get_attribute("aria-label") == thinned
    tab.get_by_label("log scale").check()
    # tags and note in place
    tab.get_by_label("Add a tag").fill("best")
    page.keyboard.press("Enter")
    tab.get_by_role("button", name="Remove the tag best").wait_for()
    tab.get_by_role("button", name="Add a note").click()
    page.keyboard.type("Looks right.")
    page.keyboard.press("Control+Enter")
    tab.get_by_text("Looks right.").wait_for()
    assert (lab.project.ledger.get(ident).tags, lab.project.ledger.get(ident).note) == (
        ("best",),
        "Looks right.",
    )
    for theme in ("dark high contrast", "dark", "light"):
        set_theme(page, theme)
        page.screenshot(path=SHOTS / f"run-whole-{theme}.png")
        assert seriously_wrong(page, ".mlx-RunTab .mlx-RunContent") == []
    # the toolbar: a report, a new notebook
    whole = page.locator(f"#jupyter-mlx-run-{ident}")
    whole.get_by_role("button", name="Report", exact=True).click()
    report = page.frame_locator("iframe[title='Report of 1 runs']")
    report.get_by_text("fit(x)").first.wait_for()
    open_run(page, ident)
    whole.get_by_role("button", name="As notebook", exact=True).click()
    page.locator(".jp-NotebookPanel:visible .jp-Cell").nth(1).wait_for()
    # along the lineage, by the keys
    open_run(page, ident)
    tab.get_by_role("button", name="File clean.csv").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator(":focus").get_attribute("aria-label") == "Run fit, this one"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.locator(f"#jupyter-mlx-run-{maker} h1", has_text="prepare").wait_for()


def test_a_run_is_brought_back_and_made_again_with_its_verdict(page, enter, lab):
    ident = enter(
        "sum",
        source="print(1 + 1)",
        command={"track": ""},
        cell_outputs=({"output_type": "stream", "name": "stdout", "text": "2\n"},),
    )
    open_run(page, ident)
    whole = page.locator(f"#jupyter-mlx-run-{ident}")
    whole.get_by_role("button", name="Restore", exact=True).click()
    page.get_by_text(f"It is in restored/{ident[:8]}").wait_for()
    assert (lab.root / "restored" / ident[:8] / f"run-{ident[:8]}.ipynb").is_file()
    whole.get_by_role("button", name="Make again", exact=True).click()
    whole.locator(".mlx-Again, .mlx-Verdict").first.wait_for()
    verdict = whole.locator(".mlx-Verdict")
    verdict.wait_for()
    assert "the same" in verdict.inner_text()


def test_hostile_runs_are_inert_when_compared(page, enter):
    output = {
        "output_type": "display_data",
        "metadata": {},
        "data": {
            "image/svg+xml": f'<svg xmlns="http://www.w3.org/2000/svg" onload="window.hit=5">{HOSTILE}</svg>'
        },
    }
    ids = [
        enter(
            f"{HOSTILE}{LINKED}{n}",
            params={HOSTILE: HOSTILE + str(n), LINKED: LINKED},
            metrics={HOSTILE: n},
            series={LINKED: [1.0, 2.0 + n]},
            tags=(HOSTILE,),
            note=HOSTILE,
            source=f"{HOSTILE}{n}",
            slice=(LINKED,),
            slice_notes=(HOSTILE,),
            problems=(LINKED,),
            inputs=(file(f"{HOSTILE}.csv", str(n).encode()),),
            outputs=(file(LINKED),),
            seeds={HOSTILE: {"set": [HOSTILE, n]}},
            git={"commit": HOSTILE, "branch": LINKED, "diff": str(Digest.of(b"gone"))},
            cell_outputs=(output, {"output_type": "stream", "name": "stdout", "text": f"{HOSTILE}{n}\n"}),
        )
        for n in range(3)
    ]
    tab = compare(page, *ids)
    tab.get_by_role("list", name="Differences").locator("li").first.wait_for()
    tab.locator(".mlx-Plot-area").first.wait_for()
    tab.locator(".mlx-Merge .cm-editor").first.wait_for()
    run = open_run(page, ids[0])
    run.locator(".mlx-Node").first.wait_for()
    page.wait_for_timeout(300)
    assert page.evaluate("window.hit") is None
    both = page.locator(".mlx-CompareTab, .mlx-RunTab")
    assert (
        both.locator("script, iframe, form, [onerror], [onload], [data-commandlinker-command]").count() == 0
    )
    assert both.locator("a[href^='javascript']").count() == 0
