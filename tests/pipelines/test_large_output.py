"""A notebook that prints 200 MB: it is executed, kept whole, recorded without its secrets, and the list stays quick to send."""

from __future__ import annotations

import json

import pytest

from jupyter_mlx.digest import Digest

CANARY = "ghp_" + "c4n4Ry" * 6
CELLS, PRINTS = 20, 10
# as training logs do: lines, many of them in one message
CELL = f"line = 'x' * 99 + '\\n'\nfor _ in range({PRINTS}):\n    print(line * 10_000, end='', flush=True)"


@pytest.mark.timeout(600)
def test_200_mb_of_output_are_kept_and_recorded(project, notebook, jmlx):
    notebook("loud", *[CELL] * (CELLS - 1), CELL.replace("'x' * 99", f"'{CANARY}'.ljust(99)"))
    jmlx("exec", "loud.ipynb", "-o", "done.ipynb")
    run = project.ledger.get(project.ledger.resolve("last"))
    assert (run.status, len(run.cell_outputs)) == ("finished", CELLS * PRINTS)
    # in the ledger there are their digests
    assert len(repr(run.cell_outputs)) < 200 * CELLS * PRINTS
    texts = [project.store.get(Digest.parse(output["text"]["digest"])) for output in run.cell_outputs]
    assert {len(text) for text in texts[:-PRINTS]} == {1_000_000}
    assert all(text.startswith(b"<redacted:") and CANARY.encode() not in text for text in texts[-PRINTS:])
    data = (project.root / "done.ipynb").read_bytes()
    assert len(data) > 200e6
    assert CANARY.encode() not in data
    assert [len(cell["outputs"]) for cell in json.loads(data)["cells"]] == [PRINTS] * CELLS
