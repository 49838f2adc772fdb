"""How a pipeline's run is told: failures, the log of continuous integration, Markdown, while files change."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from jupyter_mlx.cli.stage_views import Board
from jupyter_mlx.pipelines.events import (
    StageFailed,
    StageFailedError,
    StageFinished,
    StageRetried,
    StageStarted,
)
from jupyter_mlx.pipelines.executors.base import CellStarted, Printed
from jupyter_mlx.pipelines.failing import Shown
from jupyter_mlx.pipelines.telling import failure_lines
from jupyter_mlx.reporting.markdown import text

CI = Path(__file__).parents[2] / "docs" / "ci.md"


def git(*words):
    subprocess.run(["git", *words], check=True, capture_output=True)


@pytest.fixture
def two(project):
    """`good` prints, logs and draws; `bad` raises."""
    (project.root / "good.py").write_text(
        "# %%\nimport base64\nimport jupyter_mlx as jm\nfrom IPython.display import Image, display\n"
        "print('hello\\n::error::evil')\njm.log(acc=0.5)\n"
        "display(Image(base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')))\n"
    )
    (project.root / "bad.py").write_text("# %%\nx = 1\n\n# %%\nprint('before')\nx / 0\n")
    (project.root / "mlx.yaml").write_text(
        "stages:\n  good: {notebook: good.py}\n  bad: {notebook: bad.py}\n"
    )
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    return project


def test_a_log_for_github_has_groups_and_annotations_and_takes_no_commands_from_notebooks(two, jmlx):
    done = jmlx("run", "--ci", "--json", env={"GITHUB_ACTIONS": "true"})
    assert done.returncode == 1
    told = json.loads(done.stdout)
    (failure,) = told["failures"]
    assert (failure["name"], failure["cell"], failure["source"]) == ("bad", 2, "print('before')\nx / 0")
    assert failure["commands"]["run it alone"] == "jmlx exec bad.py"
    assert two.ledger.get(told["run"]).kind == "pipeline"
    token = re.search(
        r"::group::good: done in .*\n::stop-commands::(\w{32})\nhello\n::error::evil\n", done.stderr
    )[1]
    assert f"::{token}::\n::endgroup::\n" in done.stderr
    assert "::error file=bad.py,title=bad::bad failed in cell 2, at `x / 0`: ZeroDivisionError" in done.stderr

    # for a pull request: what ran, what differs, what failed, figures
    jmlx("run", "good", "--force", "-q")
    git("add", "-A")
    git("commit", "-qm", "two")
    code = (two.root / "good.py").read_text()
    (two.root / "good.py").write_text(code.replace("0.5", "0.75"))
    jmlx("run", "-q")
    report = jmlx("report", "--markdown", "--base", "HEAD", "--figures", "figures").stdout
    assert report.startswith("## Pipeline: 1 ran, 1 failed in ")
    assert re.search(r"\| good \| ✅ ran \| .* \| code changed", report)
    assert "| good | acc | 0.5 | 0.75 | +0.25 |" in report
    assert "❌ bad: ZeroDivisionError</summary>" in report
    assert "![good](figures/good-1.png)" in report
    assert (two.root / "figures/good-1.png").read_bytes().startswith(b"\x89PNG")
    assert jmlx("report", "--markdown", "--base", "nothing").returncode == 1


def test_the_example_for_github_is_valid_and_its_commands_work(project, jmlx, tmp_path):
    workflow = YAML(typ="safe").load(re.search(r"```yaml\n(.*?)```", CI.read_text("utf-8"), re.S)[1])
    steps = workflow["jobs"]["pipeline"]["steps"]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    (project.root / "a.py").write_text("# %%\nprint(1)\n")
    (project.root / "mlx.yaml").write_text("stages:\n  a: {notebook: a.py}\n")
    git("init", "-q")
    git("add", "-A")
    git("commit", "-qm", "one")
    git("update-ref", "refs/remotes/origin/main", "HEAD")
    lines = [step["run"] for step in steps if "jmlx" in step.get("run", "").split()[:1]]
    lines += [
        'cat report.md >> "$GITHUB_STEP_SUMMARY"',
        re.search(r"```bash\n(.*?)```", CI.read_text("utf-8"), re.S)[1],
    ]
    assert len(lines) == 4
    shell = f'jmlx() {{ "{sys.executable}" -m jupyter_mlx.cli.main "$@"; }}\npython() {{ "{sys.executable}" "$@"; }}\nset -e\n'
    summary = tmp_path / "summary.md"
    done = subprocess.run(
        ["bash", "-c", shell + "\n".join(lines)],
        env={**os.environ, "GITHUB_STEP_SUMMARY": str(summary)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert summary.read_text("utf-8").startswith("## Pipeline: 1 ran in ")


def test_watching_runs_what_changed_and_not_what_was_only_touched_or_written_by_a_stage(project):
    notebook = project.root / "a.py"
    notebook.write_text("# %%\nopen('out.txt', 'w').write('1')\nopen('loose.txt', 'w').write('1')\n")
    (project.root / "mlx.yaml").write_text("stages:\n  a: {notebook: a.py, outputs: [out.txt]}\n")
    with watching("watch") as process:
        said = until(process, "waiting for changes")
        assert "a: running (never ran)" in said
        os.utime(notebook)
        (project.root / "notes.txt").write_text("nothing that counts")
        (project.root / "out.txt").write_text("1")
        # half an edit is told, and is no end
        (project.root / "mlx.yaml").write_text("stages: [")
        assert "jmlx: mlx.yaml:" in until(process, "waiting for changes")
        (project.root / "mlx.yaml").write_text("stages:\n  a: {notebook: a.py, outputs: [out.txt]}\n")
        notebook.write_text("# %%\nopen('out.txt', 'w').write('2')\n1 / 0\n")
        said = until(process, "a: failed")
        assert "a: running (code changed)" in said
        until(process, "waiting for changes")
        notebook.write_text("# %%\nopen('out.txt', 'w').write('3')\n")
        until(process, "a: done")
        until(process, "waiting for changes")
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130
        assert "running" not in rest
    assert (project.root / "out.txt").read_text() == "3"
    assert len(project.ledger.page("kind = stage").runs) == 3


def test_watching_executes_what_was_asked_for_once_and_then_what_changes_below_it(project, jmlx):
    def written(b):
        (project.root / "mlx.yaml").write_text(
            "stages:\n  a: {command: echo 1 > a.txt, outputs: [a.txt]}\n"
            f"  b: {{command: cat a.txt > b.txt{b}, inputs: [a.txt], outputs: [b.txt]}}\n"
            "  c: {command: echo 1 > c.txt, outputs: [c.txt]}\n"
        )

    written("")
    assert jmlx("run", "b", "-q").returncode == 0
    with watching("run", "--watch", "--from", "a") as process:
        said = until(process, "waiting for changes")
        assert "a: running (forced)" in said
        assert "b: running (forced)" in said
        written("; true")
        said = until(process, "waiting for changes")
        assert "a: running" not in said
        assert "b: running (code changed)" in said
    assert not (project.root / "c.txt").exists()


@contextmanager
def watching(*words):
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyter_mlx.cli.main", *words],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )  # fmt: skip
    giving_up = threading.Timer(240, process.kill)
    giving_up.start()
    try:
        yield process
    finally:
        giving_up.cancel()
        process.kill()
        process.wait()


def until(process, words):
    said = ""
    while words not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    return said


def test_the_live_table_says_which_cell_how_long_and_what_was_printed_as_text():
    from rich.console import Console

    board = Board()
    board.hear(StageStarted("train", "never ran", "r"))
    board.hear(CellStarted("train", 2, 5))
    board.hear(Printed("train", "[red]loss[/red] \x1b[31m0.5\x1b[0m"))
    board.hear(StageStarted("other", "never ran", "s"))
    board.hear(StageRetried("other", 1, 3, "no", 0.0))
    board.hear(StageFinished("third", 1.0))
    console = Console(width=100, record=True, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    console.print(board.table())
    shown = console.export_text()
    assert re.search(r"train +cell 2 of 5 .* \[red\]loss\[/red\] 0\.5", shown)
    assert re.search(r"other +failed 1 of 3 times, waits", shown)
    board.hear(StageFailed("train", StageFailedError("train", "no", 0, "", "")))
    console.print(board.table())
    assert "2 done, 1 failed" in console.export_text()


def test_a_long_traceback_is_shown_by_both_its_ends():
    frames = (
        "-" * 75,
        "ValueError   Traceback (most recent call last)",
        "\n".join(f"frame {i}" for i in range(200)),
    )
    shown = Shown("r" * 16, "a.ipynb", {}, "x = 1", "c1", frames)
    lines = list(failure_lines(StageFailedError("a", "no", 1, "", "", shown), colours=False))
    assert "  frame 0" in lines
    assert "  frame 199" in lines
    assert "  … 160 lines …" in lines
    assert not any("Traceback" in line or "-----" in line for line in lines)


def test_other_people_s_names_are_text_in_markdown():
    assert text("a|b\n<img src=x> [l](u) @you `c`") == (
        "a\\|b &lt;img src=x&gt; \\[l\\]\\(u\\) @\u200byou \\`c\\`"
    )
