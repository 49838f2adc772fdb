"""The table of runs: order, columns, groups, the tree, picking, writing in place, the trash."""

from __future__ import annotations

import pytest
from conftest import plain_panel, row, run_command, widen


@pytest.fixture
def page(kept_page):
    """The panel as it is at first, 350 px wide, on an empty ledger."""
    plain_panel(kept_page)
    widen(kept_page, 350)
    return kept_page


def names(page) -> list[str]:
    return page.locator(".mlx-Row-name").all_inner_texts()


def wait_for_names(page, *expected: str) -> None:
    page.wait_for_function(
        "names => JSON.stringify([...document.querySelectorAll('.mlx-Row-name')].map(n => n.textContent))"
        " === JSON.stringify(names)",
        arg=list(expected),
    )


def picked(page) -> list[str]:
    return page.locator(".mlx-Row[aria-selected=true] .mlx-Row-name").all_inner_texts()


def test_runs_are_sorted_by_a_metric_at_the_server_and_stay_so_after_a_reload(page, enter):
    for number, acc in enumerate((0.5, 0.9, 0.1)):
        enter(f"run {number}", metrics={"acc": acc}, ago_s=100 - number)
    enter("none")
    head = page.get_by_role("columnheader", name="acc")
    head.get_by_role("button").click()
    wait_for_names(page, "run 1", "run 0", "run 2", "none")
    assert head.get_attribute("aria-sort") == "descending"
    with page.expect_response(lambda answer: "/settings/" in answer.url and answer.request.method == "PUT"):
        head.get_by_role("button").click()
    wait_for_names(page, "run 2", "run 0", "run 1", "none")
    page.goto(page.url.split("?")[0])
    page.wait_for_selector("#jupyterlab-splash", state="detached")
    wait_for_names(page, "run 2", "run 0", "run 1", "none")


def test_columns_are_chosen_moved_and_resized(page, enter):
    ident = enter("fit", metrics={"acc": 0.5, "loss": 2}, params={"lr": 0.1})
    row(page, ident).wait_for()
    for column in ("kind", "params.lr"):
        run_command(page, "jupyter-mlx:toggle-column", column=column)
    row(page, ident).locator("[data-column='params.lr']", has_text="0.1").wait_for()
    head = page.get_by_role("columnheader", name="lr").get_by_role("button")
    head.focus()
    page.keyboard.press("Alt+ArrowLeft")
    columns = ".mlx-Row [data-column]"
    page.wait_for_function(
        "selector => [...document.querySelectorAll(selector)].at(-1).dataset.column === 'kind'", arg=columns
    )
    cell = row(page, ident).locator("[data-column=kind]")
    before = cell.bounding_box()["width"]
    edge = page.get_by_role("columnheader", name="Kind").locator(".mlx-HeadCell-edge").bounding_box()
    page.mouse.move(edge["x"] + 2, edge["y"] + 5)
    page.mouse.down()
    page.mouse.move(edge["x"] - 28, edge["y"] + 5, steps=3)
    page.mouse.up()
    assert abs(cell.bounding_box()["width"] - before - 30) < 3


def test_runs_are_put_together_by_notebook_and_by_tag(page, enter):
    enter("one", notebook="a/first.ipynb", tags=("x", "y"))
    enter("two", notebook="a/first.ipynb", status="failed", ago_s=90)
    enter("three", ago_s=120)
    run_command(page, "jupyter-mlx:group-runs", by="notebook")
    wait_for_names(page, "a/first.ipynb", "none")
    group = page.locator(".mlx-Row", has_text="first.ipynb")
    assert "1 failed" in group.inner_text()
    page.get_by_role("treegrid", name="Runs").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    wait_for_names(page, "a/first.ipynb", "one", "two", "none")
    assert group.get_attribute("aria-expanded") == "true"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    wait_for_names(page, "a/first.ipynb", "none")
    run_command(page, "jupyter-mlx:group-runs", by="tag")
    page.locator(".mlx-Row", has_text="x").first.wait_for()
    assert sorted(names(page)) == ["none", "x", "y"]


def test_runs_are_put_together_by_cell_and_by_sweep(page, enter):
    sweep = enter("search", kind="sweep", ago_s=200)
    enter("point", parent=sweep, ago_s=190)
    for number in range(2):
        enter("fit", notebook="a/first.ipynb", cell_id="c1", ago_s=10 + number)
    run_command(page, "jupyter-mlx:group-runs", by="cell")
    page.locator(".mlx-Group", has_text="fit").locator(".mlx-Count", has_text="2").wait_for()
    run_command(page, "jupyter-mlx:group-runs", by="sweep")
    group = page.locator(".mlx-Group", has_text="search")
    group.locator(".mlx-Twist").click()
    page.locator(".mlx-Row", has_text="point").wait_for()


def test_the_selected_runs_are_tagged_by_a_dialog(page, enter, lab):
    ids = [enter(f"run {number}", tags=("old",), ago_s=number) for number in range(3)]
    row(page, ids[0]).click()
    row(page, ids[1]).click(modifiers=["Control"])
    page.get_by_role("button", name="Tag the selected runs…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("textbox").fill("best, -old")
    dialog.get_by_role("button", name="Tag", exact=True).click()
    dialog.wait_for(state="detached")
    widen(page, 700)
    page.locator(".mlx-Tag", has_text="best").nth(1).wait_for()
    assert [lab.project.ledger.get(ident).tags for ident in ids] == [("best",), ("best",), ("old",)]


def test_children_stand_under_their_parent(page, enter):
    parent = enter("search", kind="sweep")
    enter("child", parent=parent, ago_s=20)
    enter("other", ago_s=300)
    wait_for_names(page, "search", "other")
    row(page, parent).locator(".mlx-Twist").click()
    wait_for_names(page, "search", "child", "other")
    assert page.locator(".mlx-Row", has_text="child").get_attribute("aria-level") == "2"


def test_rows_are_picked_by_mouse_and_by_keys(page, enter):
    ids = [enter(f"run {number}", ago_s=number) for number in range(6)]
    row(page, ids[0]).click()
    row(page, ids[2]).click(modifiers=["ControlOrMeta"])
    assert picked(page) == ["run 0", "run 2"]
    row(page, ids[4]).click(modifiers=["Shift"])
    page.get_by_role("status").filter(has_text="3 selected").wait_for()
    assert picked(page) == ["run 2", "run 3", "run 4"]
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowDown")
    page.get_by_role("status").filter(has_text="2 selected").wait_for()
    assert picked(page) == ["run 0", "run 1"]
    page.keyboard.press("Control+a")
    page.get_by_role("status").filter(has_text="6 selected").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelectorAll('.mlx-Row[aria-selected=true]').length === 0")


def test_the_selected_runs_are_what_a_comparison_is_asked_for(page, enter):
    ids = [enter(f"run {number}", ago_s=number) for number in range(3)]
    page.evaluate(
        """() => {
          const { commands } = window.jupyterapp;
          const compare = 'jupyter-mlx:compare';
          const { execute } = commands;
          const made = commands.hasCommand(compare) ? null : commands.addCommand(compare, { execute: () => null });
          commands.execute = (id, args) => {
            if (id !== compare) { return execute.call(commands, id, args); }
            window.compared = args.ids;
            delete commands.execute;
            made?.dispose();
            return Promise.resolve();
          };
        }"""
    )
    row(page, ids[0]).click()
    row(page, ids[1]).click(modifiers=["ControlOrMeta"])
    page.get_by_role("button", name="Compare the selected runs").click()
    page.wait_for_function("window.compared !== undefined")
    assert page.evaluate("window.compared") == ids[:2]


def test_tags_and_notes_are_written_in_place(page, enter, lab):
    ident = enter("fit", tags=("old",))
    row(page, ident).click()
    page.keyboard.press("t")
    box = page.get_by_label("Tags of fit")
    assert box.input_value() == "old"
    box.fill("best, two words")
    box.press("Enter")
    page.wait_for_function("document.activeElement.classList.contains('mlx-Table')")
    page.keyboard.press("n")
    page.get_by_label("Note on fit").fill("as in the paper")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.classList.contains('mlx-Table')")
    page.keyboard.press("s")
    row(page, ident).get_by_text("★").wait_for()
    run = lab.project.ledger.get(ident)
    assert (sorted(run.tags), run.note, run.starred) == (["best", "two words"], "as in the paper", True)


def test_runs_go_to_the_trash_by_a_key_and_come_back_by_a_button(page, enter):
    ids = [enter(f"run {number}", ago_s=number) for number in range(3)]
    row(page, ids[0]).click()
    row(page, ids[1]).click(modifiers=["Shift"])
    page.keyboard.press("Delete")
    wait_for_names(page, "run 2")
    page.get_by_role("button", name="Show the trash").click()
    row(page, ids[0]).wait_for()
    row(page, ids[1]).click(button="right")
    page.get_by_role("menuitem", name="Bring Runs Back from Trash").click()
    row(page, ids[1]).wait_for(state="detached")
    assert row(page, ids[0]).count() == 1
    page.get_by_role("button", name="Show the trash").click()
    wait_for_names(page, "run 1", "run 2")
    page.get_by_role("button", name="Undo").click()
    wait_for_names(page, "run 0", "run 1", "run 2")


def test_a_command_acts_on_the_row_that_was_chosen_not_on_the_tab_behind(page, enter, lab):
    kept, gone = enter("kept", ago_s=1), enter("gone")
    row(page, kept).dblclick()
    page.locator(f"#jupyter-mlx-run-{kept} h1", has_text="kept").wait_for()
    row(page, gone).click(button="right")
    page.get_by_role("menuitem", name="Move Run to Trash").click()
    wait_for_names(page, "kept")
    assert [run.id for run in lab.project.ledger.page().runs] == [kept]


def test_a_run_dragged_into_a_notebook_becomes_the_code_that_loads_it(page, enter, notebook):
    ident = enter("fit")
    run_command(page, "docmanager:open", path=notebook("1 + 1"), factory="Notebook")
    cell = page.locator(".jp-NotebookPanel:visible .jp-Cell").first
    cell.wait_for()
    page.locator(".jp-NotebookPanel .jp-Spinner").wait_for(state="detached")
    start, end = row(page, ident).bounding_box(), cell.bounding_box()
    page.mouse.move(start["x"] + 60, start["y"] + 12)
    page.mouse.down()
    page.mouse.move(start["x"] + 90, start["y"] + 20, steps=3)
    page.mouse.move(end["x"] + 200, end["y"] + end["height"] / 2, steps=8)
    page.wait_for_timeout(200)
    page.mouse.up()
    page.locator(".jp-NotebookPanel:visible .cm-content", has_text=f'id = "{ident}"').wait_for()
    # or its closing would ask
    run_command(page, "docmanager:save")


def test_a_query_is_completed_and_its_fault_underlined(page, enter):
    enter("fit", metrics={"accuracy": 0.95})
    enter("small", metrics={"accuracy": 0.1})
    search = page.get_by_role("combobox", name="Search runs")
    search.press_sequentially("acc")
    page.get_by_role("option", name="accuracy metric").wait_for()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert search.input_value() == "accuracy "
    search.press_sequentially("> 0.9")
    wait_for_names(page, "fit")
    search.fill("accuracy > and")
    page.locator(".mlx-Search-fault", has_text="and").wait_for()


def test_the_shape_of_a_metric_is_drawn_in_its_row(page, enter):
    ident = enter("fit", series={"loss": [3.0, 2.0, 1.0]})
    run_command(page, "jupyter-mlx:sparkline", metric="loss")
    points = row(page, ident).locator(".mlx-Spark polyline").get_attribute("points")
    assert len(points.split()) == 3


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark", "JupyterLab Dark High Contrast"])
def test_axe_finds_nothing_serious(page, enter, theme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    ids = [enter(f"run {number}", metrics={"acc": 0.5}, tags=("best",), ago_s=number) for number in range(3)]
    enter("child", parent=ids[0], status="failed")
    run_command(page, "apputils:change-theme", theme=theme)
    widen(page, 450)
    row(page, ids[1]).click()
    row(page, ids[0]).locator(".mlx-Twist").click()
    page.get_by_role("combobox", name="Search runs").fill("acc >")
    page.get_by_role("alert").wait_for()
    page.wait_for_timeout(300)
    found = axe.run(page, context="#jupyter-mlx-runs").response["violations"]
    assert [
        (fault["id"], [node["html"] for node in fault["nodes"]])
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ] == []


def test_every_command_says_what_it_takes(page, enter):
    missing = page.evaluate(
        """async () => {
          const { commands } = window.jupyterapp;
          const ours = commands.listCommands().filter(id => id.startsWith('jupyter-mlx:'));
          const told = await Promise.all(ours.map(id => commands.describedBy(id)));
          return ours.filter((id, i) => !told[i].args || !commands.label(id));
        }"""
    )
    assert missing == []
