"""What is said of a failure holds no secret, however it is said; and how to run it alone names the variable."""

import json

import pytest

CANARY = "canary-55-zebra-QX"
ENV = {"MYTOK": CANARY}
RAISING = {
    "raised": "raise ValueError(f'bad {TOKEN} token')",
    "exited": "import sys\nsys.exit(TOKEN)",
    "named": "raise type(f'Bad{TOKEN}', (Exception,), {})('no')",
}


@pytest.fixture(params=RAISING)
def failing(request, project, notebook, stages):
    notebook("s", ("TOKEN = ''\nn = 1", "parameters"), RAISING[request.param])
    stages("  s: {notebook: s.ipynb, params: {TOKEN: {secret: MYTOK}}}\n")
    return project


def test_what_commands_say_of_a_failure_holds_no_secret(failing, jmlx):
    for words in (
        ("run",),
        ("run", "--ci"),
        ("run", "--json"),
        ("sweep", "s", "n=1,2", "-j1"),
        ("sweep", "s", "n=1,2", "-j1", "--json"),
        ("exec", "s.ipynb", "-p", f"TOKEN={CANARY}"),
        ("exec", "s.ipynb", "-p", f"TOKEN={CANARY}", "--json"),
    ):
        done = jmlx(*words, cwd=failing.root, env=ENV)
        assert done.returncode == 1, (words, done.stdout, done.stderr)
        said = done.stdout + done.stderr
        assert "<redacted:" in said, (words, said)
        assert CANARY not in said, (words, said)
    kept = [
        str(path)
        for path in failing.root.rglob("*")
        if path.is_file() and CANARY.encode() in path.read_bytes()
    ]
    assert kept == []


def test_a_secret_of_several_lines_is_not_told_by_its_first(project, notebook, stages, jmlx):
    notebook("s", ("KEY = ''", "parameters"), "raise ValueError(KEY)")
    stages("  s: {notebook: s.ipynb, params: {KEY: {secret: MYKEY}}}\n")
    done = jmlx("run", "--ci", cwd=project.root, env={"MYKEY": f"{CANARY}\nsecond"})
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr


def test_a_stage_with_a_secret_is_run_alone_with_the_variable_that_holds_it(project, notebook, stages, jmlx):
    notebook("s", ("where = ''\nn = 1", "parameters"), "assert where != 'mine', where")
    stages("  s: {notebook: s.ipynb, params: {n: 2, where: {secret: MYTOK}}}\n")
    done = jmlx("run", "--json", cwd=project.root, env=ENV | {"MYTOK": "mine"})
    commands = json.loads(done.stdout)["failures"][0]["commands"]
    assert commands["run it alone"] == 'jmlx exec s.ipynb -p n=2 -p where="$MYTOK"'
    # the name says nothing there: mlx.yaml does
    notebook("s", ("where = ''\nn = 1", "parameters"), "raise ValueError(where)")
    done = jmlx("exec", "s.ipynb", "-p", "n=2", "-p", f"where={CANARY}", cwd=project.root, env=ENV)
    assert done.returncode == 1
    assert CANARY not in done.stdout + done.stderr
    assert not any(
        CANARY.encode() in path.read_bytes() for path in project.state.rglob("*") if path.is_file()
    )
