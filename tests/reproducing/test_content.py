import io
import zlib

import numpy as np
import pytest
from PIL import Image

from jupyter_mlx.reproducing.checks import Tolerance
from jupyter_mlx.reproducing.content import compare

LOOSE = Tolerance(rtol=0.01)


def png(pixels, **options):
    file = io.BytesIO()
    Image.fromarray(np.asarray(pixels, dtype="uint8")).save(file, "PNG", **options)
    return file.getvalue()


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def state(name, was, now):
    found = compare(name, was, now, LOOSE)[0]
    assert compare(name, now, was, LOOSE)[0] == found
    return found


def test_equal_bytes_are_the_same_whatever_they_are():
    assert compare("x.pkl", b"\x80", b"\x80", LOOSE) == ("same", "")


def test_what_nothing_can_read_is_different():
    assert compare("x.pkl", b"\x80", b"\x81", LOOSE) == ("different", "its bytes differ")


def test_tables_are_compared_cell_by_cell():
    was = b"name,loss\na,0.5\nb,0.25\n"
    assert state("t.csv", was, was.replace(b"\n", b"\r\n")) == "same"
    assert state("t.csv", was, was.replace(b"0.25", b"0.2501")) == "close"
    found, detail = compare("t.csv", was, was.replace(b"0.25", b"0.75"), LOOSE)
    assert (found, detail) == ("different", "1 row, the first is row 2: loss 0.25 → 0.75")
    assert state("t.csv", was, was.replace(b"b,", b"c,")) == "different"
    assert state("t.csv", was, was + b"c,1\n") == "different"
    assert state("t.csv", was, was.replace(b"loss", b"acc")) == "different"
    assert state("t.json", b'[{"a": 1.0}]', b'[ {"a": 1.001} ]') == "close"


def test_parquet_is_compared_cell_by_cell(tmp_path):
    pytest.importorskip("pyarrow")
    import pandas as pd

    def parquet(values, **options):
        pd.DataFrame({"x": values}).to_parquet(tmp_path / "x", **options)
        return (tmp_path / "x").read_bytes()

    was = parquet([1.0, 2.0])
    assert state("t.parquet", was, parquet([1.0, 2.0], compression="gzip")) == "same"
    assert state("t.parquet", was, parquet([1.0, 2.001])) == "close"
    assert state("t.parquet", was, parquet([1.0, 3.0])) == "different"


def test_images_are_compared_pixel_by_pixel():
    pixels = np.full((4, 5, 3), 100)
    was = png(pixels)
    assert compare("x.png", was, png(pixels, compress_level=0), LOOSE) == ("same", "pixel by pixel")
    near, far = pixels.copy(), pixels.copy()
    near[0, 0] += 2
    far[0, 0] += 3
    assert state("x.png", was, png(near)) == "close"
    assert compare("x.png", was, png(far), LOOSE) == (
        "different",
        "5.00% of the pixels differ, by at most 3 of 255",
    )
    assert compare("x.png", was, png(pixels[:3]), LOOSE) == ("different", "pixels: 5x4 → 5x3")
    assert state("x.png", was, was[: len(was) // 2]) == "different"


def test_arrays_are_compared_number_by_number():
    array = np.array([1.0, np.nan, 3.0])
    was = npy(array)
    assert state("x.npy", was, npy(array * 1.001)) == "close"
    assert state("x.npy", was, npy(array * 1.1)) == "different"
    assert state("x.npy", was, npy(array[:2])) == "different"
    assert state("x.npy", npy(np.array([1, 2])), npy(np.array([1, 3]))) == "different"
    one, two = io.BytesIO(), io.BytesIO()
    np.savez(one, a=array, b=[1])
    np.savez_compressed(two, a=array, b=[1])
    assert state("x.npz", one.getvalue(), two.getvalue()) == "same"


class Evil:
    def __reduce__(self):
        return (print, ("executed",))


def test_nothing_is_unpickled(capsys):
    evil = npy(np.array([Evil()], dtype=object))
    assert state("x.npy", evil, npy(np.array([1]))) == "different"
    assert capsys.readouterr().out == ""


def test_a_bomb_is_no_image():
    def chunk(kind, data):
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    head = (100_000).to_bytes(4, "big") * 2 + b"\x08\x06\0\0\0"
    bomb = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 100))
        + chunk(b"IEND", b"")
    )
    assert state("x.png", bomb, png(np.zeros((1, 1, 3)))) == "different"
