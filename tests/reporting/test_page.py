"""The report of runs: whole, self-contained, and inert whatever the runs hold."""

from __future__ import annotations

import base64
import json
from html.parser import HTMLParser

import pytest

from jupyter_mlx.project import Project
from jupyter_mlx.reporting.outputs import sanitised, shown
from jupyter_mlx.reporting.page import page

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"x" * 5000).decode()
ATTACK = "<img src=x onerror=alert(1)><script>alert(1)</script>"


class Parsed(HTMLParser):
    """Each element with its attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


def display(**data):
    bundle = {name.replace("_", "/").replace("__", "+"): value for name, value in data.items()}
    return {"output_type": "display_data", "data": bundle, "metadata": {}}


@pytest.fixture
def record(project):
    """`record(*outputs, **facts)`: a run, whole."""

    def one(*outputs, name="r", source="", metrics=(), **facts):
        run = project.recorder.open(kind="cell", name=name, source=source, **facts)
        for step, value in enumerate(metrics):
            run.log({"loss": value}, step=step)
        for output in outputs:
            run.add_cell_output(output)
        run.finish()
        project.recorder.flush()
        return project.ledger.get(run.id)

    return one


def assert_inert(html: str) -> None:
    """No script, no handler, no address but of pictures in the page and of plain links."""
    for tag, attributes in Parsed(html).found:
        assert tag not in {"script", "iframe", "object", "embed", "link", "base", "form", "foreignobject"}
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "href", "action", "srcset", "xlink:href", "formaction", "poster"):
            value = attributes.get(name) or ""
            assert value.startswith(("data:image/", "#", "https:", "http:", "mailto:")) or not value, (
                tag,
                value,
            )
        assert "url(" not in (attributes.get("style") or "")


def test_a_page_has_all_of_a_run_and_needs_nothing_else(project, record):
    run = record(
        display(image_png=PNG),
        {"output_type": "stream", "name": "stdout", "text": "\x1b[31mepoch 1\x1b[0m"},
        name="train", params={"lr": 0.125}, source="x = 1 + 1", metrics=[3.0, 2.0, 1.0], tags=["night"],
    )  # fmt: skip
    html = page(project, [run])
    text = Parsed(html).text
    for expected in ("train", "0.125", "epoch 1", "night", run.id, "packages"):
        assert expected in text
    assert "\x1b" not in html
    assert f"data:image/png;base64,{PNG}" in html
    assert "<path" in html
    assert "default-src &#39;none&#39;" in html
    assert_inert(html)


@pytest.mark.parametrize(
    "output",
    [
        display(text_html=f"<b>bold</b>{ATTACK}<a href='javascript:alert(1)'>x</a><a href='data:text/html,x'>y</a>"),
        display(text_html="<svg onload=alert(1)><script>alert(1)</script></svg><math><mi xlink:href='javascript:1'>"),
        display(text_html="<img src='https://evil.example/x.png'><p style='background:url(https://e.example)'>x"),
        display(text_html="<iframe srcdoc='<script>alert(1)</script>'></iframe><form action=x><button formaction=y>"),
        display(text_html="<noscript><p title='</noscript><img src=x onerror=alert(1)>'>"),
        display(**{"image/svg+xml": f"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'>{ATTACK}</svg>"}),
        display(image_png=f'"{ATTACK}'),
        display(text_plain=ATTACK),
        display(**{"application/json": {"verdict": ATTACK, "metrics": [{"name": ATTACK, "was": [ATTACK]}, 3], "notes": 1}}),
        display(**{"application/json": {"name": ATTACK, "counts": [1, 2], "edges": [0, 1, 2]}}),
        display(**{"application/json": {"counts": [0], "edges": ["x", ATTACK]}}),
        {"output_type": "stream", "name": "stdout", "text": ATTACK},
        {"output_type": "error", "ename": ATTACK, "evalue": ATTACK, "traceback": [ATTACK]},
        {"output_type": ATTACK},
    ],
)  # fmt: skip
def test_a_hostile_output_runs_nothing(project, record, output):
    assert_inert(page(project, [record(output)]))


def test_hostile_names_are_text(project, record):
    (project.root / "mlx.yaml").write_text("stages: {}\n")
    runs = [
        record(
            name=ATTACK,
            params={ATTACK: f"{ATTACK}{at}"},
            source=f"# {ATTACK}{at}",
            tags=[ATTACK],
            notebook=ATTACK,
        )
        for at in range(3)
    ]
    for run in runs:
        project.ledger.edit(run.id, note=ATTACK)
    for some in (runs, runs[:2], runs[:1]):
        html = page(project, [project.ledger.get(run.id) for run in some])
        assert_inert(html)
        assert ATTACK in Parsed(html).text


def test_sanitised_html_keeps_tables_and_links():
    found = sanitised("<table style='color: red; position: fixed'><tr><td colspan=2>1</td></tr></table>"
                      "<style>td{}</style><a href='https://example.org'>x</a>")  # fmt: skip
    assert "position" not in found
    assert "color:red" in found.replace(" ", "")
    assert 'colspan="2"' in found
    assert "td{}" not in found
    assert 'href="https://example.org"' in found


def test_what_needs_scripts_says_so():
    found = shown(display(text_html="<div id='x'></div><script>plot()</script>", text_plain="Figure(…)"))
    assert (found.kind, found.text) == ("text", "Figure(…)")
    assert "scripts" in found.note


def test_a_verdict_is_a_table(project, record):
    facts = {
        "of": "ab",
        "verdict": "different",
        "metrics": [{"name": "acc", "state": "different", "was": 1, "now": 2}],
    }
    text = Parsed(page(project, [record(display(**{"application/json": facts}))])).text
    assert "Verdict" in text
    assert "acc" in text


def test_several_runs_begin_with_what_differs(project, record):
    one = display(image_png=PNG)
    other = display(image_png=base64.b64encode(b"\x89PNG other").decode())
    a, b = (
        record(one, params={"lr": 0.1}, metrics=[1.0, 2.0]),
        record(other, params={"lr": 0.2}, metrics=[2.0, 3.0]),
    )
    html = page(project, [a, b])
    assert html.index("What differs") < html.index(f'id="run-{a.id}"')
    assert "figure 1 of run" in html
    assert len(page(project, [a, b, record()])) > len(html)


def test_an_output_whose_object_is_gone_is_told(project, record):
    run = record(display(image_png=PNG))
    (project.state / "store").rename(project.state / "elsewhere")
    assert "jmlx pull" in page(Project(project.root), [run])


def test_odd_numbers_are_drawn_or_left_out(project, record):
    import math

    run = record(metrics=[math.nan, 1e308, -1e308, math.inf, 0.0] * 300, params={"x": math.nan, "n": 10**400})
    html = page(project, [run])
    assert "nan" not in html.partition("<path")[2].partition(">")[0]
    assert len(html) < 300_000
    assert page(project, [record(metrics=[math.nan, math.nan])])


def test_a_long_series_is_thinned_and_keeps_its_peak(project, record):
    from jupyter_mlx.reporting.charts import chart

    points = [(step, 1000.0 if step == 5001 else 0.0, 0.0) for step in range(20_000)]
    found = chart("loss", {"": points})
    assert found.lines[0].path.count("L") < 700
    assert " 4.0" in found.lines[0].path


def test_report_writes_the_page(jmlx, project, record):
    run = record(source="x = 1")
    done = jmlx("report", run.id[:8], "last", "--json")
    found = json.loads(done.stdout)
    assert found["runs"] == [run.id]
    assert "<!DOCTYPE html>" in (project.root / f"report-{run.id[:8]}.html").read_text()
    assert jmlx("report", "last", "-o", ".").returncode == 1
    assert jmlx("report", "zz").returncode == 1
