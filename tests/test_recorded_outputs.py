"""Outputs on their way into a run: in every shape that the notebook format has, and without secrets."""

from __future__ import annotations

import pytest

from jupyter_mlx.digest import Digest
from jupyter_mlx.project import Project

CANARY = "ghp_" + "c4n4Ry" * 6
KEY = ["-----BEGIN PRIVATE KEY-----\n", "c4n4Ryc4n4Ry\n", "-----END PRIVATE KEY-----\n"]
OUTPUTS = {
    "stream": {"output_type": "stream", "name": "stdout", "text": f"x {CANARY}\n"},
    "stream by lines": {"output_type": "stream", "name": "stdout", "text": ["x\n", f"{CANARY}\n"]},
    "a secret of some lines": {"output_type": "stream", "name": "stdout", "text": ["x\n", *KEY]},
    "a long stream": {"output_type": "stream", "name": "stdout", "text": [*["x\n"] * 9000, f"{CANARY}\n"]},
    "html by lines": {"output_type": "display_data", "data": {"text/html": ["<b>", CANARY, "</b>"]}},
    "json": {"output_type": "display_data", "data": {"application/json": {"rows": [CANARY]}}},
    "a list of json": {"output_type": "execute_result", "data": {"application/json": [{"row": CANARY}]}},
    "metadata": {"output_type": "display_data", "data": {"text/plain": "x"}, "metadata": {"why": CANARY}},
    "error": {"output_type": "error", "ename": "E", "evalue": CANARY, "traceback": [CANARY, f"E: {CANARY}"]},
}


@pytest.mark.parametrize("shape", OUTPUTS)
def test_no_output_keeps_a_secret(tmp_path, shape):
    project = Project.create(tmp_path / "p")
    run = project.recorder.open(kind="cell", name="show")
    run.add_cell_output(OUTPUTS[shape])
    run.finish()
    project.recorder.flush()
    (output,) = project.ledger.get(run.id).cell_outputs
    stored = [project.store.get(digest) for digest in project.store.digests()]
    assert all("c4n4Ry" not in each for each in (repr(output), repr(stored)))
    assert output["output_type"] == OUTPUTS[shape]["output_type"]
    text = output.get("text", "")
    if isinstance(text, dict):
        text = project.store.get(Digest.parse(text["digest"])).decode()
    assert "text" not in OUTPUTS[shape] or text.startswith("x")
