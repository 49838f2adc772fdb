"""A stage that its condition leaves out: what it wrote before stays, and is told."""

from __future__ import annotations

import json

from commands import COMMANDS

STAGES = """\
  best: {{command: 'echo {seed} > best.txt', outputs: [best.txt], params: {{seed: {seed}}}, when: seed == 0}}
  after: {{command: 'cat best.txt > after.txt', inputs: [best.txt], outputs: [after.txt]}}
"""
WARNINGS = [
    "jmlx: best.txt is of an earlier state: stage best is left out",
    "jmlx: after.txt is of an earlier state: stage after is left out",
]


def test_outputs_of_an_earlier_state_are_told_by_run_plan_and_status(project, runner, stages):
    stages(STAGES.format(seed=0))
    runner.run()
    stages(STAGES.format(seed=1))
    for words in (["plan"], ["run"], ["status"]):
        done = COMMANDS.run(*words, cwd=project.root)
        assert done.returncode == 0
        assert [line for line in done.stderr.splitlines() if "earlier state" in line] == WARNINGS
        assert "everything is as it was recorded" not in done.stdout
    rows = json.loads(COMMANDS.run("plan", "--json", cwd=project.root).stdout)["stages"]
    assert {row["name"]: (row["action"], row["left"]) for row in rows} == {
        "best": ("skipped", ["best.txt"]),
        "after": ("skipped", ["after.txt"]),
    }
    assert (project.root / "best.txt").read_text() == "0\n"
    # nothing is left to tell of where it is gone, or where the condition holds again
    (project.root / "best.txt").unlink()
    assert [row.get("left") for row in project.plan()] == [None, ["after.txt"]]
    stages(STAGES.format(seed=0))
    assert [row.get("left") for row in project.plan()] == [None, None]
