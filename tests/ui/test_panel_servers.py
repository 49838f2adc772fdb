"""The panel and its server: behind a prefix, beside another one, older, without a project."""

from __future__ import annotations

import pytest
from conftest import open_lab, open_run, row, run_command, show_panel, start_lab

PREFIX = "/user/ann/"


@pytest.fixture(scope="module")
def hub(tmp_path_factory, lab):
    """A server of another person on the same project, at a prefix as JupyterHub's."""
    server = start_lab(tmp_path_factory.mktemp("ann"), lab.root, base_url=PREFIX)
    with server as running:
        yield server, running


def test_two_people_s_servers_behind_a_prefix_show_one_project_live(hub, lab, context, browser, enter):
    ident = enter("shared")
    ann = open_lab(hub[1], context)
    show_panel(ann)
    row(ann, ident).wait_for()
    own = browser.new_context()
    try:
        ben = open_lab(lab, own)
        show_panel(ben)
        row(ben, ident).click()
        ben.keyboard.press("s")
        row(ann, ident).get_by_text("★").wait_for()
    finally:
        own.close()


def test_what_was_open_comes_back_with_its_server_and_with_what_ran_meanwhile(hub, lab, context, enter):
    server, running = hub
    ident = enter("before")
    page = open_lab(running, context)
    show_panel(page)
    row(page, ident).wait_for()
    open_run(page, ident)
    run_command(page, "jupyter-mlx:show-pipeline")
    pipeline = page.locator("#jupyter-mlx-pipeline")
    pipeline.get_by_text("No pipeline yet").wait_for()
    server.stop()
    meanwhile = enter("meanwhile")
    # what is asked for while it is away fails, and stays wanted
    run_command(page, "jupyter-mlx:refresh-pipeline")
    pipeline.get_by_text("No pipeline yet").wait_for()
    lab.project.ledger.edit(ident, note="written while it was away")
    server.start()
    row(page, meanwhile).wait_for()
    run_command(page, "jupyter-mlx:open-run", id=ident)
    page.locator(".mlx-RunTab").get_by_text("written while it was away").wait_for()
    # and changes are heard of again
    lab.project.ledger.edit(meanwhile, starred=True)
    row(page, meanwhile).get_by_text("★").wait_for()


def test_five_panels_of_one_server_hear_of_a_change(lab, context, enter):
    ident = enter("shared")
    pages = [open_lab(lab, context) for _ in range(5)]
    for page in pages:
        show_panel(page)
        row(page, ident).wait_for()
    lab.project.ledger.edit(ident, starred=True)
    for page in pages:
        row(page, ident).get_by_text("★").wait_for()


def test_an_older_server_is_told_from_none(lab, context, enter):
    context.route(
        "**/jupyter-mlx/api/v1/runs?*",
        lambda route: route.fulfill(json={"runs": [], "removed": [], "next": None, "total": 0, "seq": 1}),
    )
    page = open_lab(lab, context)
    show_panel(page).get_by_text("pip install --upgrade jupyter-mlx").wait_for()


def test_a_project_is_created_from_whichever_view_lacks_it(tmp_path, lab, context, enter):
    file, aside = lab.root / "mlx.yaml", lab.root / "aside.yaml"
    file.rename(aside)
    try:
        page = open_lab(lab, context)
        create = show_panel(page).get_by_role("button", name="Create one here")
        create.wait_for()
        run_command(page, "jupyter-mlx:show-data")
        data = page.locator("#jupyter-mlx-data")
        data.get_by_role("button", name="Create one here").wait_for()
        run_command(page, "jupyter-mlx:show-pipeline")
        page.locator("#jupyter-mlx-pipeline").get_by_role("button", name="Create one here").click()
        page.get_by_text("No pipeline yet").wait_for()
        data.get_by_role("button", name="Create one here").wait_for(state="detached")
        show_panel(page).get_by_text("No runs yet").wait_for()
        # a per cent sign is a sign of its own to the translator
        page.get_by_text("Put %%track at the top").wait_for()
        assert file.exists()
    finally:
        aside.rename(file)
