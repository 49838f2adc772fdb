"""mlx.yaml: what is taken, what is refused and in which words, edits that keep comments."""

from __future__ import annotations

import sys

import pytest

from jupyter_mlx.config import Config, UnknownRemoteError, add_remote, remove_remote
from jupyter_mlx.config.condition import Condition
from jupyter_mlx.errors import AccessError, ConfigError, NoProjectError

EXAMPLE = """\
remotes:
  origin: {url: /srv/store}
stages:
  prepare:
    notebook: notebooks/prepare.py   # a percent script
    outputs: [data/prepared/]
  train:
    notebook: ./notebooks/train.ipynb
    params: {lr: 0.1, name: abc, day: 2024-01-02}
    matrix: {seed: [0, 1]}
    inputs: data/prepared
    outputs: ["models/${seed}"]
    kernel: python3
    timeout: 60
"""


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".mlx").mkdir()
    return tmp_path


def write(root, text):
    (root / "mlx.yaml").write_text(text, "utf-8")
    return root


def refusal(root, text):
    with pytest.raises(ConfigError) as caught:
        Config.read(write(root, text))
    return str(caught.value)


def test_a_whole_file_is_read_into_values(root):
    config = Config.read(write(root, EXAMPLE))
    train = config.stages["train"]
    assert config.remotes["origin"].url == "/srv/store"
    assert train.notebook == "notebooks/train.ipynb"
    assert train.params == {"lr": 0.1, "name": "abc", "day": "2024-01-02"}
    assert train.matrix == {"seed": (0, 1)}
    assert (train.inputs, train.outputs) == (("data/prepared",), ("models/${seed}",))
    assert (train.kernel, train.timeout_s) == ("python3", 60.0)
    assert config.stages["prepare"].outputs == ("data/prepared",)


def test_the_cached_form_says_the_same_without_the_yaml_parser(root):
    first = Config.read(write(root, EXAMPLE))
    for name in [name for name in sys.modules if name.startswith("ruamel")]:
        del sys.modules[name]
    assert Config.read(root) == first
    assert not any(name.startswith("ruamel") for name in sys.modules)


def test_an_edit_is_seen_although_the_old_form_is_cached(root):
    Config.read(write(root, EXAMPLE))
    assert list(Config.read(write(root, "stages: {}\n")).stages) == []


@pytest.mark.parametrize("kept", ["", "{", "[]", '{"format": 1}'])
def test_a_damaged_cache_is_not_believed(root, kept):
    first = Config.read(write(root, EXAMPLE))
    (root / ".mlx/cache/config.json").write_text(kept)
    assert Config.read(root) == first


def test_a_project_that_cannot_be_written_is_read_all_the_same(tmp_path):
    assert list(Config.read(write(tmp_path, EXAMPLE)).stages) == ["prepare", "train"]
    assert not (tmp_path / ".mlx").exists()


@pytest.mark.parametrize("text", ["", "# only a comment\n", "stages:\n", "{}\n"])
def test_an_empty_file_is_an_empty_configuration(root, text):
    config = Config.read(write(root, text))
    assert (dict(config.remotes), dict(config.stages)) == ({}, {})


def test_no_file_is_no_project(root):
    with pytest.raises(NoProjectError, match="jmlx init"):
        Config.read(root)


def test_a_folder_in_the_place_of_the_file_is_told(root):
    (root / "mlx.yaml").mkdir()
    with pytest.raises(AccessError):
        Config.read(root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stage: {}\n", "mlx.yaml:1: stage: is not a key that belongs here; did you mean 'stages'?"),
        ("stages: [a]\n", "mlx.yaml:1: stages: should be `name: value` lines, and is a list"),
        ("- a\n", "mlx.yaml: should be `name: value` lines, and is a list"),
        ("stages:\n  a:\n    notebok: x.py\n", "mlx.yaml:3: stages.a.notebok: is not a key"),
        ("stages:\n  a:\n    params: {}\n", "mlx.yaml:2: stages.a: has no notebook"),
        ("stages:\n  a: {notebook: x.csv}\n", "stages.a.notebook: 'x.csv' is no notebook"),
        ("stages:\n  a: {notebook: 3}\n", "stages.a.notebook: should be a path inside the project, and is 3"),
        ("stages:\n  a: {notebook: x.py, command: ls}\n", "mlx.yaml:2: stages.a.command: is there beside `notebook`"),
        ("stages:\n  a: {command: ls, kernel: ir}\n", "stages.a.kernel: belongs to notebooks"),
        ("stages:\n  a: {command: }\n", "stages.a.command: should be a command line or a list of arguments, and is empty"),
        ("stages:\n  a: {command: [ls, [x]]}\n", "stages.a.command.1: should be one argument, and is a list"),
        ("stages:\n  a: {command: ls, retries: -1}\n", "stages.a.retries: should be a whole number from 0 to 100, and is -1"),
        ("stages:\n  a: {command: ls, retry_delay: x}\n", "stages.a.retry_delay: should be a time such as 90 (seconds), 5min or 2h"),
        ("stages:\n  a: {command: ls, resources: {gpu: 1}}\n", "stages.a.resources.gpu: is not a key that belongs here; did you mean 'gpus'?"),
        ("stages:\n  a: {command: ls, resources: {cpus: many}}\n", "resources.cpus: should be a number of processors"),
        ("stages:\n  a: {command: ls, resources: {memory: 4XB}}\n", "resources.memory: should be an amount of memory such as 4GB"),
        ("stages:\n  a: {command: ls, when: [1]}\n", "stages.a.when: should be a condition such as `seed == 0`"),
        ("stages:\n  a: {command: ls, when: 'seed ='}\n", "mlx.yaml:2: stages.a.when: 'seed =' is no condition"),
        ("stages:\n  a: {command: ls, when: 'open(1)'}\n", "does more than compare values"),
        ("stages:\n  a: {command: ls, when: '\"${x}\" == 1'}\n", "has a reference inside quotes"),
        ("stages:\n  a: {command: ls, secrets: {T: 'my word'}}\n", "stages.a.secrets.T: should be the name of an environment variable"),
        ("stages:\n  a: {command: ls, params: {T: 1}, secrets: {T: X}}\n", "stages.a.secrets.T: is in `params` too"),
        ("stages:\n  a: {command: ls, secrets: {s: X}, matrix: {s: [1]}}\n", "is in `params` too"),
        ("stages:\n  a b: {notebook: x.py}\n", "stages.a b: 'a b' is no name"),
        ("stages:\n  1: {notebook: x.py}\n", "stages: has the key 1, which is no text"),
        ("stages:\n  a:\n    notebook: x.py\n    inputs: [b, /etc/x]\n", "mlx.yaml:4: stages.a.inputs.1: '/etc/x' is absolute"),
        ("stages:\n  a: {notebook: x.py, outputs: [a/../../b]}\n", "'a/../../b' leaves the project"),
        ("stages:\n  a: {notebook: x.py, outputs: ['C:/b']}\n", "is absolute"),
        ("stages:\n  a: {notebook: x.py, outputs: [.git/hooks]}\n", "is inside .git"),
        ("stages:\n  a: {notebook: x.py, outputs: [./.mlx/x]}\n", "is inside .mlx"),
        ("stages:\n  a: {notebook: x.py, outputs: [.]}\n", "should be a path inside the project"),
        ("stages:\n  a: {notebook: x.py, outputs: [b, b/]}\n", "'b' is there twice"),
        ("stages:\n  a: {notebook: x.py, timeout: soon}\n", "stages.a.timeout: should be a time such as 90 (seconds), 5min or 2h"),
        ("stages:\n  a: {notebook: x.py, matrix: {s: 1}}\n", "stages.a.matrix.s: should be a list of values"),
        ("stages:\n  a: {notebook: x.py, matrix: {s: [1, 1]}}\n", "has the same value twice"),
        ("stages:\n  a: {notebook: x.py, params: {s: 1}, matrix: {s: [1]}}\n", "is in `params` too"),
        ("stages:\n  a: {notebook: x.py}\n  a: {notebook: y.py}\n", "mlx.yaml:3: a: is there twice"),
        ("stages:\n  a: {notebook: x.py\n", "is not YAML"),
        ("stages:\n\ta: 1\n", "mlx.yaml:2: is not YAML"),
        ("stages: " + "[" * 30 + "]" * 30 + "\n", "is nested too deeply"),
        ("stages: &a\n  b: *a\n", "mlx.yaml"),
        ("stages:\n  a: {notebook: x.py, params: {s: !!python/object:os.x {}}}\n", "mlx.yaml:2"),
        ("remotes:\n  o: /srv\n", "mlx.yaml:2: remotes.o: write it as {url: /srv}"),
        ("remotes:\n  o: {}\n", "remotes.o.url: is missing"),
        ("remotes:\n  o: {url: 's3://me:pw@b/x'}\n", "holds a password or a key, and mlx.yaml is in git"),
        ("remotes:\n  o: {url: 's3://b/x?aws_secret=1'}\n", "holds a password or a key"),
    ],
)  # fmt: skip
def test_what_will_not_do_is_named_with_line_and_key(root, text, message):
    assert message in refusal(root, text)


def test_text_that_is_not_utf8_is_named_with_its_line(root):
    (root / "mlx.yaml").write_bytes(b"stages: {}\n# \xff\n")
    with pytest.raises(ConfigError, match=r"mlx\.yaml:2: is not UTF-8"):
        Config.read(root)


def test_a_user_without_a_password_is_no_secret(root):
    assert (
        Config.read(write(root, "remotes: {o: {url: 'ssh://git@host/x'}}\n")).remotes["o"].url
        == "ssh://git@host/x"
    )


def test_a_remote_is_found_by_name_or_because_it_is_the_only_one(root):
    two = Config.read(write(root, "remotes: {origin: {url: /a}, b: {url: /b}}\n"))
    assert [two.remote().url, two.remote("b").url] == ["/a", "/b"]
    assert Config.read(write(root, "remotes: {b: {url: /b}}\n")).remote().url == "/b"
    with pytest.raises(UnknownRemoteError, match="name one of origin, b"):
        two.remote("c")
    with pytest.raises(UnknownRemoteError, match="jmlx remote add origin"):
        Config.read(write(root, "")).remote()


def test_adding_and_removing_a_remote_keeps_every_other_line(root):
    text = EXAMPLE.partition("stages:")[2].replace(" [data/prepared/]", "\n    - a   # first\n    -   'b'")
    text = f"# mine\n\nstages:{text}"
    add_remote(write(root, text), "origin", "/srv/x")
    added = (root / "mlx.yaml").read_text("utf-8")
    assert Config.read(root).remotes["origin"].url == "/srv/x"
    assert [line for line in text.splitlines() if line not in added.splitlines()] == []
    remove_remote(root, "origin")
    assert Config.read(root).remotes == {}
    assert (root / "mlx.yaml").read_text("utf-8") == text


def test_a_remote_is_added_to_a_file_of_comments(root):
    add_remote(write(root, "# one\n#\n# two: three\n"), "origin", "/srv/x")
    assert (root / "mlx.yaml").read_text("utf-8").startswith("# one\n#\n# two: three\n")
    assert Config.read(root).remotes["origin"].url == "/srv/x"


@pytest.mark.parametrize(
    "text",
    [
        "remotes:\n    a:   # here\n        url: /a\n    b: {url: /b}\nstages: {}\n",
        "remotes: {a: {url: /a}, b: {url: /b}}\n",
        "{remotes: {a: {url: /a},\n  b: {url: /b}}}\n",
        "stages:\nremotes:\n  b:\n    url: /b\n\n  # the first\n  a:\n    url: /a",
    ],
)
def test_remotes_are_edited_however_the_file_is_written(root, text):
    add_remote(write(root, text), "c", "/with space: #1")
    remove_remote(root, "a")
    add_remote(root, "b", "/b2")
    assert {r.name: r.url for r in Config.read(root).remotes.values()} == {"b": "/b2", "c": "/with space: #1"}
    remove_remote(root, "b")
    remove_remote(root, "c")
    assert Config.read(root).remotes == {}


def test_a_remote_with_a_password_is_not_written(root):
    with pytest.raises(ConfigError, match="password"):
        add_remote(write(root, EXAMPLE), "o", "https://me:pw@host/x")
    assert (root / "mlx.yaml").read_text("utf-8") == EXAMPLE


def test_an_edit_goes_through_a_link_and_leaves_no_temporary_file(root, tmp_path):
    real = tmp_path / "real.yaml"
    real.write_text("stages: {}\n")
    (root / "mlx.yaml").symlink_to(real)
    add_remote(root, "origin", "/srv/x")
    assert (root / "mlx.yaml").is_symlink()
    assert "/srv/x" in real.read_text()
    assert not list(root.glob(".*.tmp"))


def test_a_stage_says_how_it_is_run_and_where_its_secrets_are(root):
    text = """\
stages:
  a:
    command: python train.py --seed ${seed}
    params: {seed: 1, TOKEN: {secret: HF_TOKEN}}
    secrets: {PASSWORD: DB_PASSWORD}
    retries: 2
    retry_delay: 0.5
    resources: {cpus: 2, memory: 1.5 GiB, gpus: 1}
    when: seed == 1
  b: {command: [python, -c, print(1), 3], when: false}
"""
    a, b = Config.read(write(root, text)).stages.values()
    assert (a.command, a.notebook) == ("python train.py --seed ${seed}", "")
    assert (a.params, a.secrets) == ({"seed": 1}, {"TOKEN": "HF_TOKEN", "PASSWORD": "DB_PASSWORD"})
    assert (a.retries, a.retry_delay_s, a.when) == (2, 0.5, "seed == 1")
    assert (a.resources.cpus, a.resources.memory_bytes, a.resources.gpus) == (2, 1610612736, 1)
    assert (b.command, b.when) == (("python", "-c", "print(1)", "3"), "false")


def test_a_secret_that_was_written_in_the_place_of_its_name_is_not_repeated(root):
    said = refusal(root, "stages:\n  a: {command: ls, secrets: {T: 'hunter two'}}\n")
    assert "hunter" not in said


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("seed == 0", False),
        ("seed in [1, 2] and not (name == 'b')", True),
        ("${full}", True),
        ("${train.metrics.acc} >= 0.5 or false", True),
        ("0 < seed < 1", False),
        ("null == none_", True),
        ("-seed == -1", True),
    ],
)
def test_a_condition_compares_values(text, holds):
    values = {"seed": 1, "name": "a", "full": True, "train.metrics.acc": 0.5, "none_": None}
    assert Condition.parse(text).holds(values.__getitem__) is holds


def test_a_condition_names_what_it_asks_for_and_tells_what_cannot_be_compared():
    found = Condition.parse("${a.metrics.x} > seed and seed < 3")
    assert set(found.names) == {"a.metrics.x", "seed"}
    with pytest.raises(KeyError):
        found.holds({}.__getitem__)
    with pytest.raises(ValueError, match="cannot be decided"):
        found.holds({"a.metrics.x": "text", "seed": 1}.__getitem__)
