"""Pointers: readable, canonical, strict."""

import pytest
from hypothesis import given

from jupyter_mlx.data.pointer import Pointer, is_pointer
from jupyter_mlx.digest import Digest
from jupyter_mlx.errors import AccessError, ConfigError
from jupyter_mlx.testing.strategies import pointers

GOOD = Pointer("folder", Digest("ab" * 32), 3670016, 1797)


@given(pointers())
def test_what_is_rendered_is_parsed_back(pointer):
    assert Pointer.parse(pointer.render(), "x.mlx") == pointer


def test_the_text_of_format_1_stays_as_it_is():
    assert GOOD.render() == (
        "format: 1\nkind: folder\ndigest: b3:" + "ab" * 32 + "\nsize_bytes: 3670016\nfiles: 1797\n"
    )


def test_comments_and_empty_lines_are_read_over():
    assert Pointer.parse("# by hand\n\n" + GOOD.render(), "x.mlx") == GOOD


@pytest.mark.parametrize(
    ("old", "new", "line", "key", "problem"),
    [
        ("format: 1", "format: 2", 1, "format", "upgrade"),
        ("kind: folder", "kind: pickle", 2, "kind", "neither file nor folder"),
        ("b3:abab", "b3:ABAB", 3, "digest", "not a digest"),
        ("b3:abab", "md5:abab", 3, "digest", "not a digest"),
        ("files: 1797", "files: -1", 5, "files", "no count"),
        ("files: 1797", "files: many", 5, "files", "no count"),
        ("files: 1797", "files: 1797\nfiles: 1798", 6, "files", "twice"),
        ("files: 1797", "colour: red", 5, "", "no line of a pointer"),
        ("size_bytes: 3670016\n", "", 0, "size_bytes", "missing"),
        ("kind: folder", "<<<<<<< HEAD\nkind: folder", 2, "", "merge conflict"),
        ("kind: folder", "../../etc/passwd", 2, "", "no line of a pointer"),
    ],
)
def test_a_malformed_pointer_names_line_key_and_what_to_do(old, new, line, key, problem):
    text = GOOD.render().replace(old, new)
    with pytest.raises(ConfigError, match=problem) as told:
        Pointer.parse(text, "data/x.mlx")
    assert (told.value.file, told.value.line, told.value.key) == ("data/x.mlx", line, key)


def test_an_empty_pointer_is_malformed():
    with pytest.raises(ConfigError, match="missing"):
        Pointer.parse("", "x.mlx")


def test_a_pointer_that_says_so_already_is_not_written_again(tmp_path):
    path = tmp_path / "x.mlx"
    GOOD.write(path, tmp_path / "tmp")
    before = path.stat()
    GOOD.write(path, tmp_path / "tmp")
    assert path.stat().st_ino == before.st_ino
    assert Pointer.read(path, "x.mlx") == GOOD


def test_a_pointer_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(AccessError):
        Pointer.read(tmp_path, "x.mlx")


def test_files_of_other_programs_that_end_in_mlx_are_left_alone(tmp_path):
    matlab, meshlab, ours = (tmp_path / f"{name}.mlx" for name in ("live", "filter", "data"))
    matlab.write_bytes(b"PK\x03\x04 a MATLAB live script")
    meshlab.write_text("<!DOCTYPE FilterScript>\n")
    ours.write_text(GOOD.render())
    assert [is_pointer(str(path)) for path in (matlab, meshlab, ours)] == [False, False, True]
