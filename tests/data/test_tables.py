"""What differs inside tables: rows, columns, labels."""

import io
import json
import random

import pytest

from jupyter_mlx.data.tablefiles import LONGEST_BYTES, LONGEST_JSON_BYTES, is_table, read
from jupyter_mlx.data.tables import Column, Relabelled, TableDiff, compare


def table(name, text):
    data = text if isinstance(text, bytes) else text.encode()
    return lambda: read(name, lambda: io.BytesIO(data), len(data))


def compared(before, after, name="t.csv", rows=0) -> TableDiff:
    return compare(table(name, before), table(name, after), rows)


def counts(found: TableDiff) -> tuple[int, int, int]:
    assert not found.problem, found
    return found.added, found.removed, found.changed


def labels(n: int, **other: str) -> str:
    """A labels file of n rows; `other` has some labels, by `r` and the row's number."""
    return "file,label\n" + "".join(f"{i}.png,{other.get(f'r{i}', str(i % 10))}\n" for i in range(n))


def test_rows_are_told_apart_by_a_column_that_is_unique():
    found = compared("x,id\n1,a\n2,b\n3,c\n", "x,id\n1,a\n9,b\n4,d\n5,e\n")
    assert counts(found) == (2, 1, 1)
    assert (found.key, found.rows_before, found.rows_after) == ("id", 3, 4)


def test_the_order_of_rows_and_columns_is_no_change():
    assert counts(compared("id,x\na,1\nb,2\n", "x,id\n2,b\n1,a\n")) == (0, 0, 0)


def test_the_first_column_is_the_key_where_none_is_named_so():
    assert compared("when,x\n1,1\n2,1\n", "when,x\n1,2\n2,1\n").key == "when"


def test_a_column_that_repeats_on_one_side_is_no_key():
    found = compared("id,x\n1,1\n2,2\n", "id,x\n1,1\n1,2\n")
    assert (found.key, counts(found)) == (None, (1, 1, 0))


def test_rows_without_a_key_are_counted_as_often_as_they_stand_there():
    assert counts(compared("x\nred\nred\nblue\n", "x\nred\nblue\nblue\nblue\n")) == (2, 1, 0)


def test_columns_that_came_went_or_hold_another_type_are_told():
    found = compared("id,old,lr\n1,x,1\n2,y,2\n", "id,lr,new\n1,0.5,a\n2,2,b\n")
    assert set(found.columns) == {
        Column("old", "text", None), Column("new", None, "text"), Column("lr", "integer", "number"),
    }  # fmt: skip
    assert counts(found) == (0, 0, 1)  # by the columns that both have


def test_labels_that_changed_are_told_by_pairs():
    found = compared(labels(100), labels(100, r7="1", r17="1", r3="8"), rows=2)
    assert found.labels == (Relabelled("label", "7", "1", 2), Relabelled("label", "3", "8", 1))
    assert counts(found) == (0, 0, 3)
    assert len(found.rows) == 2
    changed = {row.key: (row.before, row.after) for row in found.rows}
    assert (
        changed.items()
        <= {
            "7.png": ({"label": "7"}, {"label": "1"}),
            "17.png": ({"label": "7"}, {"label": "1"}),
            "3.png": ({"label": "3"}, {"label": "8"}),
        }.items()
    )


def test_columns_of_many_values_are_no_labels():
    before = "id,x\n" + "".join(f"{i},{i / 7}\n" for i in range(300))
    assert compared(before, before.replace("0.2857", "0.2858")).labels == ()


def test_rows_that_came_and_went_are_shown_whole():
    found = compared("id,x\na,1\nb,2\n", "id,x\nb,2\nc,3\n", rows=5)
    shown = {row.key: (row.before, row.after) for row in found.rows}
    assert shown == {"a": ({"id": "a", "x": "1"}, None), "c": (None, {"id": "c", "x": "3"})}


@pytest.mark.parametrize("together", [1, 7, 100, 10**6])
def test_a_table_that_is_compared_in_parts_differs_in_the_same_way(together):
    chance = random.Random(1)
    rows = {i: [str(chance.randrange(3)), str(chance.random())] for i in range(200)}
    other = {i: row for i, row in rows.items() if i % 20} | {1000: ["1", "x"], 7: ["0", "y"]}

    def text(of):
        return "id,label,x\n" + "".join(f"{i},{','.join(row)}\n" for i, row in of.items())

    found = compare(table("t.csv", text(rows)), table("t.csv", text(other)), rows_in_memory=together)
    assert counts(found) == (1, 10, 1)
    assert sum(label.rows for label in found.labels) == (rows[7][0] != "0")


@pytest.mark.parametrize(
    ("name", "before", "after", "expected"),
    [
        ("t.tsv", "id\tx\n1\ta,b\n", "id\tx\n1\ta\n", (0, 0, 1)),
        ("t.csv", "id;x\n1;a\n", "id;x\n1;b\n", (0, 0, 1)),
        ("T.CSV", "id,x\r\n1,a\r\n", "id,x\n1,a\n", (0, 0, 0)),
        ("t.csv", "\ufeffid,x\n1,a\n", "id,x\n1,a\n", (0, 0, 0)),
        ("t.csv", 'id,x\n1,"line\nbreak"\n', 'id,x\n1,"line"\n', (0, 0, 1)),
        ("t.csv", "1,2\n3,4\n", "1,2\n3,5\n", (0, 0, 1)),  # no header
        ("t.csv", "", "id,x\n1,a\n", (1, 0, 0)),
        ("t.csv", "", "", (0, 0, 0)),
        ("t.csv", b"id,x\n1,\xff\n", b"id,x\n1,\xfe\n", (0, 0, 1)),
        ("t.csv", "id,x\n1\n", "id,x\n1,\n", (0, 0, 0)),  # a row that is short
        ("t.json", '[{"id": 1, "x": [1]}]', '[{"x": [2], "id": 1}]', (0, 0, 1)),
        ("t.json", '{"lr": 0.1, "n": 3}', '{"lr": 0.2, "m": 3}', (1, 1, 1)),
        ("t.json", '[{"id": 1}]', '[{"id": "1"}]', (0, 0, 0)),
        ("t.jsonl", '{"id": 1}\n{"id": 2}\n', '{"id": 1, "x": null}\n\n{"id": 3}', (1, 1, 0)),
    ],
)
def test_forms_of_tables(name, before, after, expected):
    assert is_table(name)
    assert counts(compared(before, after, name)) == expected


def test_a_type_that_changed_in_json_is_told():
    found = compared('[{"id": 1, "x": 2}]', '[{"id": 1, "x": "2"}]', "t.json")
    assert found.columns == (Column("x", "integer", "text"),)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("t.json", "{"), ("t.json", "[1, 2]"), ("t.json", "3"), ("t.json", "[" * 100_000),
        ("t.jsonl", '{"a": 1}\nno'), ("t.jsonl", "[1]"), ("t.csv", "a,b\n1,2,3\n"),
        ("t.csv", "a\n" + "x" * 200_000), ("t.parquet", "no parquet"), ("t.parquet", ""),
    ],
)  # fmt: skip
def test_what_is_no_table_is_told_and_is_no_error(name, text):
    found = compared(text, text, name)
    assert "not compared" in found.problem


def test_files_that_are_too_large_are_not_read():
    for name, size in (("t.csv", LONGEST_BYTES), ("t.json", LONGEST_JSON_BYTES)):
        found = compare(lambda name=name, size=size: read(name, None, size + 1), None)
        assert "MiB" in found.problem


def test_parquet_is_compared_with_its_types(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    def data(columns):
        parquet.write_table(pa.table(columns), tmp_path / "t.parquet")
        return (tmp_path / "t.parquet").read_bytes()

    before = data({"id": [1, 2, 3], "x": [1.5, None, 2.5], "tags": [["a"], [], None]})
    after = data({"id": [1, 2, 4], "x": ["1.5", "", "2.5"], "tags": [["a"], ["b"], None]})
    found = compared(before, after, "t.parquet")
    assert counts(found) == (1, 1, 1)
    assert found.columns == (Column("x", "double", "string"),)


def test_a_parquet_file_that_is_damaged_inside_is_told(tmp_path):
    pa = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pa.table({"id": list(range(5000))}), tmp_path / "t.parquet")
    data = bytearray((tmp_path / "t.parquet").read_bytes())
    whole = bytes(data)
    data[4:2000] = bytes(1996)
    found = compared(whole, bytes(data), "t.parquet")
    assert "not compared" in found.problem


def test_the_command_tells_labels_and_rows(project, jmlx):
    root = project.root
    (root / "data").mkdir()
    (root / "data/labels.csv").write_text(labels(60))
    (root / "data/other.bin").write_bytes(b"1")
    project.workspace.add(["data"])
    (root / "data/labels.csv").write_text(labels(60, r7="1", r17="1", r3="8") + "new.png,4\n")
    (root / "data/other.bin").write_bytes(b"22")
    told = jmlx("diff", "--rows", "1").stdout
    assert "M data/labels.csv" in told
    assert "rows: 1 added, 3 changed (of 60; by file)" in told
    assert "label: 3 labels changed: 7->1 2, 3->8 1" in told
    assert told.endswith("data: 2 modified (+11 B)\n")
    assert jmlx("diff", "--stat").stdout == "data: 2 modified (+11 B)\n"
    found = json.loads(jmlx("diff", "--json").stdout)
    assert found[0]["tables"][0]["labels"][0] == {"column": "label", "before": "7", "after": "1", "rows": 2}
