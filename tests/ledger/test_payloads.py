import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.capture.redact import Redactor
from jupyter_mlx.ledger.payloads import LARGE_CHARS, fold, unfold


class Objects(dict):
    """A store in memory, of the two methods that payloads use."""

    def put(self, data):
        name = f"b3:{len(self)}"
        self[name] = data
        return name

    def get(self, digest):
        return self[digest]


def there_and_back(output):
    objects = Objects()
    folded = fold(output, objects, Redactor(b"salt"))
    return folded, unfold(folded, objects, str), objects


PNG = bytes(range(256)) * 40
ENCODINGS = {
    "plain": base64.b64encode(PNG).decode(),
    "with a line end": base64.b64encode(PNG).decode() + "\n",
    "in lines": base64.encodebytes(PNG).decode(),
    "no base64 at all": "?" * LARGE_CHARS,
}


@pytest.mark.parametrize("text", ENCODINGS.values(), ids=ENCODINGS)
def test_an_image_becomes_an_object_and_comes_back_to_the_letter(text):
    output = {
        "output_type": "display_data",
        "data": {"image/png": text, "text/plain": "<Figure>"},
        "metadata": {},
    }
    folded, unfolded, objects = there_and_back(output)
    assert folded["data"]["image/png"].keys() == {"digest", "size_bytes", "encoding"}
    assert folded["data"]["text/plain"] == "<Figure>"
    assert unfolded == output
    if text is not ENCODINGS["no base64 at all"]:
        assert list(objects.values()) == [PNG]


@given(st.text(max_size=50), st.integers(0, 3))
def test_text_comes_back_whatever_its_length(text, times):
    output = {"output_type": "stream", "name": "stdout", "text": text * (times * LARGE_CHARS)}
    assert there_and_back(output)[1] == output


def test_lines_of_a_saved_notebook_are_joined():
    output = {
        "output_type": "execute_result",
        "data": {"text/plain": ["a\n", "b"]},
        "metadata": {},
        "execution_count": 1,
    }
    assert there_and_back(output)[1]["data"]["text/plain"] == "a\nb"


def test_json_outputs_stay_as_they_are():
    output = {
        "output_type": "display_data",
        "data": {"application/json": {"digest": 1, "x": [1, 2]}},
        "metadata": {},
    }
    assert there_and_back(output)[1] == output


def test_secrets_are_taken_out_before_anything_is_kept():
    secret = "hf_" + "a1B2" * 8
    output = {
        "output_type": "display_data",
        "data": {"text/html": f"<b>{secret}</b>" + "x" * LARGE_CHARS},
        "metadata": {},
    }
    folded, _, objects = there_and_back(output)
    assert secret not in str(folded)
    assert secret.encode() not in b"".join(objects.values())
