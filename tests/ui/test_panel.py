"""The panel in the side bar."""

from __future__ import annotations

import pytest
from conftest import PANEL_TAB, SHOTS, open_lab, plain_panel, row, run_command, set_theme, show_panel, widen

from jupyter_mlx.ledger.run import Run, new_id, utc_now


@pytest.fixture
def page(kept_page):
    """The panel as it is at first, and hidden."""
    plain_panel(kept_page)
    widen(kept_page, 250)
    kept_page.evaluate("window.jupyterapp.shell.collapseLeft()")
    return kept_page


def names(page) -> list[str]:
    return page.locator(".mlx-Row-name").all_inner_texts()


def test_runs_are_listed_newest_first_with_what_matters(page, enter):
    enter("older", ago_s=7200)
    ident = enter("newer", kind="stage", duration_s=12.3, metrics={"acc": 0.5}, tags=("best",), starred=True)
    page.click(PANEL_TAB)
    row(page, ident).wait_for()
    assert names(page) == ["newer", "older"]
    widen(page, 700)
    row(page, ident).locator("[data-column=kind]").wait_for()
    # which columns there are is learnt after the rows
    row(page, ident).get_by_text("0.5").wait_for()
    text = row(page, ident).inner_text()
    for part in ("1 min ago", "stage", "12 s", "0.5", "best", "★"):
        assert part in text
    assert page.get_by_role("columnheader", name="acc").count() == 1
    assert row(page, ident).locator("svg").first.get_attribute("aria-label") == "finished"
    assert page.get_by_role("status").filter(has_text="2 runs").count() == 1


def test_each_status_has_a_shape_and_a_word_of_its_own(page, enter):
    statuses = ("running", "finished", "failed", "interrupted")
    ids = [enter(status, status=status) for status in statuses]
    show_panel(page)
    icons = [row(page, ident).locator("svg") for ident in ids]
    for status, icon in zip(statuses, icons, strict=True):
        icon.wait_for()
        assert icon.get_attribute("aria-label") == status
    # the first figure of each, without its class: told apart without colour
    shapes = [icon.evaluate("node => node.querySelector('circle, path, rect').outerHTML") for icon in icons]
    assert len(set(shapes)) == len(statuses)


def test_what_changes_elsewhere_changes_here(page, enter, lab):
    ident = enter("first")
    panel = show_panel(page)
    row(page, ident).wait_for()
    widen(page, 600)
    lab.project.ledger.edit(ident, tags=["fresh"])
    panel.locator(".mlx-Tag", has_text="fresh").wait_for()
    other = enter("second")
    row(page, other).wait_for()
    assert names(page) == ["second", "first"]
    lab.project.ledger.trash(ident)
    row(page, ident).wait_for(state="detached")


def test_the_list_is_walked_by_keys(page, enter):
    ids = [enter(f"run {number}", ago_s=100 - number) for number in range(30)][::-1]
    show_panel(page)
    row(page, ids[0]).wait_for()
    box = page.get_by_role("treegrid", name="Runs")
    box.focus()
    for key, at in (
        ("ArrowDown", 0),
        ("ArrowDown", 1),
        ("ArrowUp", 0),
        ("End", 29),
        ("Home", 0),
        ("ArrowDown", 1),
    ):
        page.keyboard.press(key)
        page.wait_for_function(
            "id => document.querySelector('.mlx-Table').getAttribute('aria-activedescendant') === id",
            arg=f"mlx-row-{ids[at]}",
        )
        assert row(page, ids[at]).get_attribute("aria-selected") == "true"
        assert row(page, ids[at]).get_attribute("aria-rowindex") == str(at + 2)
    page.keyboard.press("Enter")
    page.locator(f"#jupyter-mlx-run-{ids[1]} h1", has_text="run 28").wait_for()


def test_words_find_runs_and_a_query_selects_them(page, enter):
    enter("fit big", metrics={"acc": 0.95})
    enter("fit small", metrics={"acc": 0.85})
    enter("prepare", kind="stage")
    show_panel(page)
    search = page.get_by_role("combobox", name="Search runs")
    search.fill("fit")
    page.get_by_role("status").filter(has_text="2 matches").wait_for()
    search.fill("acc > 0.9")
    page.get_by_role("status").filter(has_text="1 match").wait_for()
    assert names(page) == ["fit big"]
    search.press("Escape")
    page.get_by_role("status").filter(has_text="3 runs").wait_for()


def test_a_query_that_cannot_be_read_is_told_beside_it(page, enter):
    enter("fit")
    show_panel(page)
    search = page.get_by_role("combobox", name="Search runs")
    search.fill("acc >")
    page.get_by_role("alert").filter(has_text="acc > 0.9").wait_for()
    assert search.get_attribute("aria-invalid") == "true"
    assert names(page) == ["fit"]


def test_a_search_that_finds_nothing_says_so(page, enter):
    enter("fit")
    show_panel(page)
    page.get_by_role("combobox", name="Search runs").fill("nonsense")
    page.get_by_text("No run matches").wait_for()


def test_an_empty_project_says_what_to_do(page, enter):
    show_panel(page).get_by_text("%%track my-first-run").wait_for()


def test_without_a_project_the_panel_says_how_to_make_one_and_comes_alive_with_it(page, enter, lab):
    enter("fit")
    file, aside = lab.root / "mlx.yaml", lab.root / "aside.yaml"
    file.rename(aside)
    try:
        panel = show_panel(page)
        panel.get_by_text("jmlx init").wait_for()
        SHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SHOTS / "no-project.png")
    finally:
        aside.rename(file)
    panel.locator(".mlx-Row", has_text="fit").wait_for()


def test_without_the_server_extension_the_panel_says_how_to_enable_it(lab, context, enter):
    context.route("**/jupyter-mlx/api/**", lambda route: route.fulfill(status=404, body="<html>404</html>"))
    page = open_lab(lab, context)
    show_panel(page).get_by_text("jupyter server extension enable jupyter_mlx").wait_for()


def test_a_server_that_is_away_is_told_and_its_return_noticed(lab, context, enter):
    enter("fit")
    away = True
    context.route("**/jupyter-mlx/api/**", lambda route: route.abort() if away else route.continue_())
    page = open_lab(lab, context)
    panel = show_panel(page)
    panel.get_by_role("alert").get_by_text("The runs could not be fetched").wait_for()
    away = False
    panel.locator(".mlx-Row", has_text="fit").wait_for()


def test_thousands_of_runs_are_few_rows_in_the_page(page, enter, lab):
    ledger = lab.project.ledger
    for _ in range(600):
        ledger.insert(
            Run(
                id=new_id(),
                name="one of many",
                kind="cell",
                status="finished",
                started_at=utc_now(),
                duration_s=1,
            )
        )
    panel = show_panel(page)
    panel.get_by_role("status").filter(has_text="600 runs").wait_for()
    page.get_by_role("treegrid", name="Runs").focus()
    page.keyboard.press("End")
    page.locator('.mlx-Row[aria-rowindex="601"][aria-selected=true]').wait_for()
    assert page.locator(".mlx-Row").count() < 70


def test_rows_that_come_in_above_leave_the_view_where_it_is(page, enter):
    for number in range(60):
        enter(f"run {number}", ago_s=1000 - number)
    panel = show_panel(page)
    panel.locator(".mlx-Row", has_text="run 59").wait_for()
    box = page.get_by_role("treegrid", name="Runs")
    box.evaluate("node => { node.scrollTop = 500; }")
    watched = panel.locator(".mlx-Row", has_text="run 45")
    before = watched.bounding_box()["y"]
    enter("newest", ago_s=0)
    page.get_by_role("status").filter(has_text="61 runs").wait_for()
    assert abs(watched.bounding_box()["y"] - before) < 1


def test_a_hidden_panel_asks_for_nothing(page, enter, lab):
    show_panel(page)
    page.get_by_text("No runs yet").wait_for()
    run_command(page, "filebrowser:activate")
    asked = []

    def note(request):
        # where the server stands is asked each ten seconds, for all views at once
        if "/jupyter-mlx/" in request.url and "/events?" not in request.url:
            asked.append(request.url)

    page.on("request", note)
    enter("unseen")
    page.wait_for_timeout(1500)
    assert asked == []
    page.remove_listener("request", note)
    show_panel(page).get_by_text("unseen").wait_for()


def test_nothing_overflows_a_narrow_side_bar(page, enter):
    enter(
        "a run with a name that is much longer than a side bar is wide",
        tags=("a-tag-of-some-length", "b", "c"),
    )
    enter(
        "fit",
        metrics={"validation_accuracy": 0.123456, "loss": 1e-9, "acc": 0.5},
        duration_s=4000,
        starred=True,
    )
    panel = show_panel(page)
    panel.locator(".mlx-Row").first.wait_for()
    page.evaluate("document.querySelector('#jupyter-mlx-runs').style.width = '240px'")
    wide = (
        "[...document.querySelectorAll('#jupyter-mlx-runs, .mlx-Table, .mlx-Bar, .mlx-Search')]"
        ".filter(node => node.scrollWidth > node.clientWidth).map(node => node.className)"
    )
    # laid out anew a moment later, and then it stays so
    page.wait_for_function(f"{wide}.length === 0")
    page.wait_for_timeout(200)
    assert page.evaluate(wide) == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_panel_is_readable_in_each_theme(page, enter, theme):
    enter("fit", metrics={"acc": 0.5}, tags=("best",))
    show_panel(page)
    set_theme(page, theme)
    page.screenshot(path=SHOTS / f"panel-{theme}.png")
    for selector in (
        ".mlx-Row-name",
        "[data-column=started]",
        "[data-column='metrics.acc']",
        ".mlx-HeadCell-title",
        ".mlx-Bar-count",
    ):
        assert contrast(page, selector) >= 4.5, selector


def contrast(page, selector: str) -> float:
    """The contrast ratio of WCAG 2 between an element's text and what is behind it."""
    return page.locator(selector).first.evaluate(
        """node => {
          const parse = text => text.match(/[\\d.]+/g).map(Number);
          const over = (top, below) => {
            const a = top[3] ?? 1;
            return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a));
          };
          const light = colour => {
            const [r, g, b] = colour.map(c => c / 255).map(c =>
              c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const layers = [];
          for (let at = node; at; at = at.parentElement) {
            layers.unshift(parse(getComputedStyle(at).backgroundColor));
          }
          const ground = layers.reduce((below, top) => over(top, below), [255, 255, 255]);
          const text = over(parse(getComputedStyle(node).color), ground);
          const [high, low] = [light(text), light(ground)].sort((a, b) => b - a);
          return (high + 0.05) / (low + 0.05);
        }"""
    )
