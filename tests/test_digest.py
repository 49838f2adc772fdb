import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from jupyter_mlx.digest import BadDigestError, Digest


@given(st.binary())
def test_a_digest_is_the_blake3_of_the_bytes(data):
    assert Digest.of(data).hex == blake3(data).hexdigest()


@given(st.binary())
def test_the_written_form_reads_back(data):
    digest = Digest.of(data)
    assert Digest.parse(str(digest)) == digest
    assert bytes.fromhex(digest.hex) == digest.raw


@pytest.mark.parametrize(
    "text",
    [
        "",
        "b3:",
        "b3:12",
        "md5:" + "0" * 64,
        "b3:" + "0" * 63 + "g",
        "b3:" + "A" * 64,
        "0" * 64,
        "b3:" + "0" * 65,
    ],
)
def test_what_is_no_digest_is_refused_with_how_one_is_written(text):
    with pytest.raises(BadDigestError, match="64 hex digits"):
        Digest.parse(text)


@given(st.text(max_size=80))
def test_any_text_is_a_digest_or_refused(text):
    try:
        assert str(Digest.parse(text)) == text
    except BadDigestError:
        assert not (text.startswith("b3:") and len(text) == 67 and set(text[3:]) <= set("0123456789abcdef"))
