"""Every kind of access in `lineage_kinds`, in a real process; docs/lineage.md is held to the same table."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from lineage_kinds import KINDS, MISSED

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs" / "lineage.md"
BEGIN, END = "<!-- kinds of access: printed by tests/capture/test_lineage_matrix.py -->\n", "<!-- end -->\n"

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="listens to inotify, which Linux has"
)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What was seen of each kind, by its number."""
    folder = tmp_path_factory.mktemp("matrix")
    root, answer = folder / "project", folder / "found.json"
    (root / ".mlx").mkdir(parents=True)
    (folder / "tmp").mkdir()
    env = {**os.environ, "PYTHONPATH": str(HERE), "TMPDIR": str(folder / "tmp")}
    # to a file, not a pipe: a worker that outlives the process would keep a pipe open
    with (folder / "told.txt").open("w+") as told:
        command = [sys.executable, HERE / "lineage_process.py", root, answer]
        subprocess.run(command, env=env, stdout=told, stderr=told, timeout=120, check=False)
    assert answer.exists(), (folder / "told.txt").read_text()
    return json.loads(answer.read_text())


@pytest.mark.parametrize("number", range(len(KINDS)), ids=[f"{kind.group}: {kind.name}" for kind in KINDS])
def test_a_kind_of_access_is_seen_as_documented(found, number):
    kind, seen = KINDS[number], found[str(number)]
    if "missing" in seen:
        pytest.skip(f"needs {', '.join(seen['missing'])}")
    assert not seen["problem"], seen["problem"]
    assert not seen["incomplete"]
    wanted = {("input", path): how for path, how in kind.reads.items() if how != MISSED}
    wanted |= {("output", path): how for path, how in kind.writes.items() if how != MISSED}
    assert {(role, path): how for role, path, how, _, _ in seen["files"]} == wanted, seen["files"]
    changed = {path for role, path, _, changed, _ in seen["files"] if role == "input" and changed}
    assert changed == set(kind.changed)


def test_there_are_many_kinds():
    assert len(KINDS) >= 60


def test_the_docs_print_the_table():
    text = DOCS.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == printed(), (
        "run `python tests/capture/test_lineage_matrix.py`, which prints the table into docs/lineage.md"
    )


def printed():
    """The table in Markdown."""
    lines, group = [], ""
    for kind in KINDS:
        if kind.group != group:
            group = kind.group
            lines += ["", f"**{group}**", "", "| access | inputs | outputs |", "|---|---|---|"]
        lines.append(f"| {kind.name} | {ways(kind.reads)} | {ways(kind.writes)} |")
    return "\n".join([*lines[1:], ""])


def ways(files):
    """How the files of a role are seen."""
    return ", ".join(sorted(set(files.values()))) or "no"


def main():
    """Print the table into the docs."""
    text = DOCS.read_text(encoding="utf-8")
    head, tail = text[: text.index(BEGIN) + len(BEGIN)], text[text.index(END) :]
    DOCS.write_text(head + printed() + tail, encoding="utf-8")


if __name__ == "__main__":
    main()
