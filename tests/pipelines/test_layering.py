"""The layered layout, and the picture that is drawn by it."""

from __future__ import annotations

import itertools
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.config import Config, StageConfig
from jupyter_mlx.pipelines import drawing
from jupyter_mlx.pipelines.layering import layout
from jupyter_mlx.pipelines.pipeline import Pipeline

GAP = 5.0
SVG = "{http://www.w3.org/2000/svg}"


# to each node, how far before it those are that it depends on
graphs = st.lists(st.sets(st.integers(1, 11), max_size=3), max_size=12).map(
    lambda found: {f"s{i}": {f"s{i - back}" for back in above if back <= i} for i, above in enumerate(found)}
)


@given(graphs, st.lists(st.floats(10, 200), min_size=12, max_size=12))
def test_each_node_is_below_what_it_depends_on_and_no_two_overlap(upstream, sizes):
    widths = dict(zip(upstream, sizes, strict=False))
    found = layout(upstream, widths, GAP)
    for name, above in upstream.items():
        assert all(found.places[each][1] < found.places[name][1] for each in above)
    for layer in range(found.layers):
        spans = sorted(
            (x - widths[name] / 2, x + widths[name] / 2)
            for name, (x, at) in found.places.items()
            if at == layer
        )
        assert all(a[1] + GAP <= b[0] + 1e-6 for a, b in itertools.pairwise(spans))
        assert all(left >= -1e-6 and right <= found.width + 1e-6 for left, right in spans)
    assert len(found.edges) == sum(map(len, upstream.values()))


@given(graphs)
def test_an_edge_goes_from_node_to_node_a_layer_at_a_time(upstream):
    found = layout(upstream, dict.fromkeys(upstream, 20.0), GAP)
    ends = {(points[0], points[-1]) for points in found.edges}
    assert ends == {
        (found.places[above], found.places[name]) for name, names in upstream.items() for above in names
    }
    for points in found.edges:
        assert [layer for _, layer in points] == list(range(points[0][1], points[-1][1] + 1))


def test_edges_that_need_not_cross_do_not():
    found = layout({"a": set(), "b": set(), "x": {"b"}, "y": {"a"}}, dict.fromkeys("abxy", 20.0), GAP)
    left = found.places["a"][0] < found.places["b"][0]
    assert (found.places["y"][0] < found.places["x"][0]) == left


def test_the_picture_has_a_box_a_stage_an_arrow_a_dependency_and_nobody_s_markup():
    stages = {
        "a<b>": StageConfig("a<b>", "a.py", outputs=("o",)),
        "c": StageConfig("c", "", command="sort o | uniq > p & true", inputs=("o",)),
    }
    text = "\n".join(drawing.svg(Pipeline.of(Config(stages=stages))))
    root = ET.fromstring(text)
    assert [element.text for element in root.iter(f"{SVG}text")] == ["a<b>", "c"]
    assert len(list(root.iter(f"{SVG}path"))) == 1
    assert [element.text for element in root.iter(f"{SVG}title")] == [
        "a<b>\na.py\nwrites o",
        "c\nsort o | uniq > p & true\nreads o",
    ]
    assert "<script" not in text


def test_a_pipeline_without_stages_is_an_empty_picture():
    assert ET.fromstring("\n".join(drawing.svg(Pipeline(())))).tag == f"{SVG}svg"
