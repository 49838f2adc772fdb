"""What holds for every command: help, errors in one line, exit codes, --json."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from jupyter_mlx.cli.main import GROUPS, MODULES, cli


def every_command(group=cli, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


COMMANDS = dict(every_command())
DESIGNED = {
    "init", "demo", "status", "doctor", "add", "checkout", "diff", "log", "unprotect", "remove", "remote", "push", "pull",
    "fetch", "verify", "gc", "du", "runs", "snapshot", "reproduce", "report", "run", "plan", "dag", "sweep", "exec",
    "pair", "watch", "kernels",
}  # fmt: skip


def test_every_designed_command_is_there_under_a_heading(jmlx):
    assert set(MODULES) == DESIGNED
    text = jmlx("--help").stdout
    for heading, names in GROUPS.items():
        assert f"{heading}:" in text
        assert all(re.search(rf"^  {name} ", text, re.MULTILINE) for name in names)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_teaches_and_takes_json_and_a_folder(path):
    command = COMMANDS[path]
    assert command.help
    assert command.help.split("\n")[0].endswith((".", "?"))
    shown = command.get_help(click.Context(command, info_name=path[-1], max_content_width=100))
    assert "\\b" not in shown, "an example was wrapped into a paragraph"
    if not isinstance(command, click.Group):
        options = {option for parameter in command.params for option in parameter.opts}
        assert {"--json", "-C"} <= options
    for parameter in command.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name


OUTSIDE = [
    ("status",), ("add", "x"), ("checkout",), ("diff",), ("log", "x"), ("verify",), ("du",), ("gc",), ("push",), ("pull",),
    ("runs", "list"), ("runs", "show", "last"), ("run",), ("plan",), ("dag",), ("snapshot", "x.ipynb"),
    ("remote", "list"),
]  # fmt: skip


@pytest.mark.parametrize("words", OUTSIDE, ids=" ".join)
def test_outside_a_project_one_line_says_what_to_do(jmlx, tmp_path, words):
    done = jmlx(*words, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "jmlx init" in done.stderr
    told = jmlx(*words, "--json", cwd=tmp_path)
    assert told.returncode == 1
    assert json.loads(told.stdout)["error"]["code"] == "no-project"


MALFORMED = {
    "stages: [": ("mlx.yaml:1", ""),
    "stages:\n  a:\n    notebok: a.ipynb\n": ("mlx.yaml:3", "stages.a.notebok"),
    "stages:\n  a:\n    notebook: 5\n": ("mlx.yaml:3", "stages.a.notebook"),
    "stages:\n  a:\n    notebook: a.ipynb\n    inputs: [../x]\n": ("mlx.yaml:4", "stages.a.inputs"),
    "remotes:\n  o:\n    url: https://me:secret@host/x\n": ("mlx.yaml:3", "remotes.o.url"),
    "\tx: 1\n": ("mlx.yaml:1", ""),
}


@pytest.mark.parametrize("text", MALFORMED)
@pytest.mark.parametrize("command", ["status", "plan", "run"])
def test_a_malformed_mlx_yaml_is_told_with_its_line_and_key(jmlx, project, text, command):
    (project.root / "mlx.yaml").write_text(text)
    done = jmlx(command)
    place, key = MALFORMED[text]
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert place in done.stderr
    assert key in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("run", "--watch", "--executor", "dask"),
    ],
    ids=" ".join,
)
def test_what_a_later_version_does_is_told_and_exits_2(jmlx, project, words):
    done = jmlx(*words)
    assert done.returncode == 2
    assert "not in this version" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("stauts",), "Did you mean 'status'?"),
        (("nonsense",), "lists the commands"),
        (("add",), "name the paths to add"),
        (("remove",), "Missing argument"),
        (("run", "--nope"), "No such option"),
    ],
)
def test_wrong_usage_exits_2_and_teaches(jmlx, project, words, told):
    done = jmlx(*words)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_folder_is_given_before_or_after_the_command(jmlx, project, tmp_path):
    for words in (
        ("-C", str(project.root), "status", "--json"),
        ("status", "--json", "-C", str(project.root)),
    ):
        done = jmlx(*words, cwd=tmp_path)
        assert json.loads(done.stdout) == {"data": [], "stages": []}


def test_a_project_is_found_from_a_folder_inside_it(jmlx, project):
    (project.root / "a" / "b").mkdir(parents=True)
    assert jmlx("status", cwd=project.root / "a" / "b").returncode == 0


def test_init_makes_a_project_once(jmlx, tmp_path):
    done = jmlx("init", "new place", cwd=tmp_path)
    assert done.returncode == 0
    assert (tmp_path / "new place" / "mlx.yaml").is_file()
    again = jmlx("init", "new place", cwd=tmp_path)
    assert again.returncode == 1
    assert "already" in again.stderr


def test_git_sees_only_what_belongs_in_git(jmlx, project):
    subprocess.run(["git", "init", "-q"], check=True, cwd=project.root)
    (project.root / "d.csv").write_text("a\n")
    assert jmlx("add", "d.csv").returncode == 0
    seen = subprocess.run(
        ["git", "status", "--porcelain", "-uall"], capture_output=True, text=True, check=True
    ).stdout
    assert sorted(line[3:] for line in seen.splitlines()) == [
        ".gitignore",
        ".mlx/.gitignore",
        "d.csv.mlx",
        "mlx.yaml",
    ]


def test_output_to_a_closed_pipe_is_no_error(project):
    done = subprocess.run(
        f"{sys.executable} -m jupyter_mlx.cli.main --help | head -c 1",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr


def test_jupyter_mlx_is_the_same_program():
    jupyter = Path(sys.executable).with_name("jupyter")
    done = subprocess.run(
        [jupyter, "mlx", "--version"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PATH": f"{jupyter.parent}:{os.environ['PATH']}"},
    )
    assert done.stdout.startswith("jmlx, version")


@pytest.fixture
def read_only(tmp_path):
    """A folder on a read-only file system: root is not bound by permission bits."""
    if os.geteuid() == 0:
        folder = tmp_path / "mount"
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
        )
        if mounted.returncode:
            pytest.skip("no mount here: a read-only folder cannot be made for root")
        yield folder
        subprocess.run(["umount", folder], check=False)
    else:
        folder = tmp_path / "locked"
        folder.mkdir()
        yield folder
        folder.chmod(0o700)


def lock(folder):
    if os.geteuid() == 0:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    else:
        folder.chmod(0o500)


def test_a_folder_that_cannot_be_written_is_told(jmlx, read_only):
    lock(read_only)
    done = jmlx("init", cwd=read_only)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert str(read_only) in done.stderr


def test_commands_in_a_project_that_cannot_be_written_say_so(jmlx, read_only):
    (read_only / "a.csv").write_text("a\n")
    (read_only / "mlx.yaml").write_text("stages: {}\n")
    lock(read_only)
    for words in (("add", "a.csv"), ("runs", "list")):
        done = jmlx(*words, cwd=read_only)
        assert done.returncode == 1, done.stdout
        assert done.stderr.count("\n") == 1
        assert "Traceback" not in done.stderr


def test_doctor_finds_what_is_wrong(jmlx, project):
    (project.root / "mlx.yaml").write_text("stages: [")
    done = jmlx("doctor", "--json")
    assert done.returncode == 3
    wrong = [check for check in json.loads(done.stdout)["checks"] if not check["ok"]]
    assert any("mlx.yaml" in check["detail"] for check in wrong)


def test_a_lost_ledger_is_rebuilt_from_the_records(jmlx, project):
    run = project.recorder.open(kind="block", name="kept", params={"lr": 0.1}, tags=["t"])
    run.log({"loss": 0.5}, step=3)
    run.finish()
    project.recorder.flush()
    before = project.ledger.get(run.id)
    project.ledger.close()
    for path in project.state.glob("ledger.db-*"):
        path.unlink()
    (project.state / "ledger.db").write_bytes(b"garbage" * 1000)
    told = jmlx("runs", "list")
    assert told.returncode == 3
    assert "doctor --rebuild" in told.stderr
    assert jmlx("doctor", "--rebuild").returncode == 0
    shown = json.loads(jmlx("runs", "show", run.id, "--json").stdout)
    assert (shown["name"], shown["params"], shown["metrics"], shown["tags"]) == (
        "kept",
        {"lr": 0.1},
        {"loss": 0.5},
        ["t"],
    )
    assert shown["series"]["loss"][0][:2] == [3, 0.5]
    assert shown["environment"]["packages"]
    assert before.name == "kept"
