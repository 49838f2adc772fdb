import importlib
import inspect
import pickle
import pkgutil
import subprocess
import sys

import pytest

import jupyter_mlx
from jupyter_mlx.errors import AccessError, ConfigError, MlxError, NotYetError, ObjectNotFoundError


def every_error():
    for module in pkgutil.walk_packages(jupyter_mlx.__path__, "jupyter_mlx."):
        if ".labextension" not in module.name and "_demo" not in module.name:
            importlib.import_module(module.name)
    found, todo = [], [MlxError]
    while todo:
        kind = todo.pop()
        found.append(kind)
        todo += kind.__subclasses__()
    return [kind for kind in found if kind.__module__.startswith("jupyter_mlx")]


def test_every_error_has_a_code_of_its_own():
    codes = {}
    for kind in every_error():
        codes.setdefault(kind.code, []).append(kind.__qualname__)
    assert {code: names for code, names in codes.items() if len(names) > 1} == {}


def test_every_error_tells_what_it_is_and_survives_pickling():
    for kind in every_error():
        if "__init__" not in vars(kind):
            continue
        parameters = list(inspect.signature(kind).parameters.values())
        if any("list" in str(p.annotation) or "tuple" in str(p.annotation).lower() for p in parameters):
            facts = [
                ("one", "two") if "tuple" in str(p.annotation).lower() or "list" in str(p.annotation) else "x"
                for p in parameters
            ]
        else:
            facts = [3 if "int" in str(p.annotation) else "x" for p in parameters]
        error = kind(*facts)
        copy = pickle.loads(pickle.dumps(error))
        assert str(copy) == str(error) != ""
        assert vars(copy) == vars(error)
        assert "\n" not in str(error)


def test_a_config_error_names_file_line_and_key():
    assert str(ConfigError("mlx.yaml", 4, "stages.train.lr", "no")) == "mlx.yaml:4: stages.train.lr: no"


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (ObjectNotFoundError("b3:00", "here"), "jmlx pull"),
        (AccessError.of(PermissionError(13, "Permission denied", "/x")), "writable"),
        (AccessError.of(OSError(28, "No space left on device", "/x")), "free some space"),
        (NotYetError("this", "do that"), "do that"),
    ],
)
def test_errors_say_the_next_step(error, hint):
    assert hint in str(error)


WITHOUT_FILES_LEFT = """
import os, resource, sys
from pathlib import Path
from jupyter_mlx.errors import AccessError
from jupyter_mlx.ledger.ledger import Ledger
from jupyter_mlx.store.packs import PackIndex

index, held = PackIndex(sys.argv[1] + "/index.db", sys.argv[1]), []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        held.append(os.open("/", os.O_RDONLY))
except OSError:
    pass
for work in (lambda: index.find(b"0" * 32), lambda: Ledger(Path(sys.argv[1], "ledger.db")).get("x")):
    try:
        work()
    except AccessError as error:
        print(error)
"""


def test_a_database_for_which_no_file_is_left_says_so(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FILES_LEFT, str(tmp_path)], capture_output=True, text=True, check=True
    )
    told = done.stdout.splitlines()
    assert len(told) == 2
    assert all("Too many open files" in line and "ulimit -n" in line for line in told)
