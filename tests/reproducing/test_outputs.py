import base64

import pytest
from test_content import png

from jupyter_mlx.reproducing.checks import Tolerance
from jupyter_mlx.reproducing.outputs import compare

LOOSE = Tolerance(rtol=0.01)


def stream(text, name="stdout"):
    return {"output_type": "stream", "name": name, "text": text}


def shown(**data):
    return {
        "output_type": "display_data",
        "data": {key.replace("_", "/"): value for key, value in data.items()},
        "metadata": {},
    }


def states(was, now):
    return {check.name: check.state for check in compare(was, now, LOOSE)}


def test_what_is_printed_in_pieces_is_one_text():
    assert states([stream("a"), stream("b\n")], [stream(["a", "b\n"])]) == {"stdout": "same"}


def test_progress_bars_are_seen_as_they_end():
    assert states([stream(" 10%\r 50%\rdone\n")], [stream("\x1b[32m 20%\rdone\x1b[0m\n")]) == {
        "stdout": "same"
    }


def test_stderr_is_not_compared():
    assert states([stream("warning: 1", "stderr")], [stream("other", "stderr")]) == {"stderr": "not-compared"}


def test_outputs_are_paired_in_their_order():
    was = [shown(text_plain="a"), stream("x"), shown(text_plain="b")]
    assert states(was, [stream("x"), shown(text_plain="a"), shown(text_plain="c")]) == {
        "stdout": "same",
        "output 1": "same",
        "output 2": "different",
    }
    assert states(was, [stream("x"), shown(text_plain="a")])["output 2"] == "missing"
    assert states([], was)["output 2"] == "new"


def test_figures_are_compared_by_pixels():
    def figure(level, **options):
        data = png([[[level] * 3] * 4] * 4, **options)
        return shown(image_png=base64.b64encode(data).decode(), text_plain="<Figure>")

    assert states([figure(10)], [figure(10, compress_level=0)]) == {"output 1": "same"}
    assert states([figure(10)], [figure(11)]) == {"output 1": "close"}
    assert states([figure(10)], [figure(99)]) == {"output 1": "different"}


def test_tables_are_compared_by_what_is_in_their_cells():
    def table(value, uid):
        return shown(
            text_html=f"<style>#{uid} {{color: red}}</style><table id='{uid}'><tr><td>{value}</td></tr></table>",
            text_plain="…",
        )

    assert states([table(0.5, "T_1")], [table(0.5, "T_2")]) == {"output 1": "same"}
    assert states([table(0.5, "T_1")], [table(0.501, "T_2")]) == {"output 1": "close"}
    assert states([table(0.5, "T_1")], [table(0.6, "T_1")]) == {"output 1": "different"}


@pytest.mark.parametrize(
    "junk", [{"image/png": "no base64!"}, {"image/png": base64.b64encode(b"no").decode()}]
)
def test_an_image_that_is_none_is_different(junk):
    was = {"output_type": "display_data", "data": junk}
    now = {"output_type": "display_data", "data": {"image/png": base64.b64encode(b"other").decode()}}
    assert states([was], [now]) == {"output 1": "different"}


def test_widgets_are_passed_over():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "Progress()"}
    assert states([{"output_type": "display_data", "data": view}], []) == {}
