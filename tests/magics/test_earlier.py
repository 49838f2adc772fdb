"""What a run has of the files that the cells of its slice touched."""

import pytest


@pytest.fixture
def told(kernel, root, last):
    """The inputs of a run that depends on a cell, by whether they are marked as changed."""
    (root / "log.txt").write_text("before\n")

    def told(cell):
        assert kernel(cell).status == "ok"
        kernel("%%track\nprint(x)")
        return {file.path: file.changed for file in last().inputs}

    return told


@pytest.mark.parametrize(
    "append",
    ["open('log.txt', 'a').write('1')", "__import__('os').system('true'); open('log.txt', 'ab').write(b'1')"],
)
def test_a_cell_that_only_appends_to_a_file_has_read_nothing(told, append):
    assert told(f"x = 1; {append}") == {}


@pytest.mark.parametrize(
    ("cell", "changed"),
    [
        ("x = open('log.txt').read()", False),
        ("x = open('log.txt').read()\n\n", False),
        ("%%track\nx = open('log.txt').read()\n", False),
        ("x = open('log.txt').read(); open('log.txt', 'a').write('1')", True),
        ("f = open('log.txt', 'r+'); x = f.read(); f.write('1'); f.close()", True),
        ("f = open('log.txt', 'a+'); f.seek(0); x = f.read(); f.write('1'); f.close()", True),
        ("open('log.txt', 'a').close(); f = open('log.txt', 'r+'); x = f.write('1'); f.close()", True),
        ("import os; os.truncate('log.txt', 1); x = 1", True),
    ],
)
def test_what_a_cell_read_is_an_input_of_the_run_that_depends_on_it(told, cell, changed):
    assert told(cell) == {"log.txt": changed}
