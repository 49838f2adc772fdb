"""`jmlx demo`: the main job on real data, by the same commands that people type."""

from __future__ import annotations

import csv
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click

from jupyter_mlx.errors import ConflictError, ExecutionError, UnavailableError

from .face import Face, Payload, command

NOTEBOOKS = ("prepare", "train", "evaluate", "explore")
MISTAKES = 40
"""So many of the 1,797 labels are wrong in the first version."""
GIT = ("git", "-c", "user.name=jmlx demo", "-c", "user.email=demo@localhost", "-c", "commit.gpgsign=false")


class DemoFolderError(ConflictError):
    """The demo's folder is in use."""

    code = "demo-folder"

    def __init__(self, folder: str) -> None:
        super().__init__(folder)
        self.folder = folder

    def __str__(self) -> str:
        return f"{self.folder} is there already and not empty; `jmlx demo OTHER` makes the demo elsewhere"


class StepFailedError(ExecutionError):
    """A command of the demo failed."""

    code = "demo-step"

    def __init__(self, line: str, exit_code: int) -> None:
        super().__init__(line, exit_code)
        self.line, self.exit_code = line, exit_code

    def __str__(self) -> str:
        return f"`{self.line}` ended with exit code {self.exit_code}; its message is above"


@command("demo")
@click.argument("folder", default="jmlx-demo", metavar="[DIR]")
def demo_command(face: Face, folder: str) -> Payload:
    """Show the main job on real data, in a new project DIR (jmlx-demo without it).

    Writes 1,797 images of handwritten digits, versions them, runs a pipeline of
    three notebooks on them, corrects labels, runs what depends on them, goes
    back, and tracks cells of a fourth notebook. Takes under a minute.
    """
    root = face.path(folder)
    if root.exists() and any(root.iterdir()):
        raise DemoFolderError(folder)
    demo = _Demo(face, root)
    demo.make_project()
    demo.first_version()
    demo.second_version()
    demo.back_and_forth()
    demo.explore()
    demo.ending(folder)
    return {"root": str(root), "steps": demo.steps}


class _Demo:
    """The steps, each a command line that is shown and executed."""

    def __init__(self, face: Face, root: Path) -> None:
        self._face, self._root = face, root
        self.steps: list[dict[str, Any]] = []

    def make_project(self) -> None:
        self._head("A project with 1,797 images and four notebooks")
        write_digits(self._root / "data")
        source = notebooks_folder()
        (self._root / "notebooks").mkdir()
        for name in NOTEBOOKS:
            for suffix in (".ipynb", ".py"):
                shutil.copyfile(source / f"{name}{suffix}", self._root / "notebooks" / f"{name}{suffix}")
        self._run("git", "init", "--quiet", "--initial-branch=main")
        self._run("jmlx", "init")
        shutil.copyfile(source / "mlx.yaml", self._root / "mlx.yaml")
        self._run("jmlx", "pair", *(f"notebooks/{name}.ipynb" for name in NOTEBOOKS))

    def first_version(self) -> None:
        self._head("Version the data, and run the pipeline")
        self._run("jmlx", "add", "data/digits", "data/labels.csv")
        self._run("jmlx", "run")
        self._run("jmlx", "run", why="again: nothing has changed, so nothing runs")
        self._commit("Data and results, version 1", "v1")

    def second_version(self) -> None:
        self._head(f"Correct {MISTAKES} labels: version 2")
        correct_labels(self._root / "data")
        self._run("jmlx", "status", differs=True)
        self._run("jmlx", "add", "data/labels.csv")
        self._run("jmlx", "run", why="only what depends on the labels")
        self._commit(f"Correct {MISTAKES} labels", "v2")

    def back_and_forth(self) -> None:
        self._head("Back to version 1: its results come from the store, nothing is executed")
        self._run("git", "checkout", "--quiet", "v1")
        self._run("jmlx", "checkout")
        self._run("jmlx", "run")
        self._run("git", "checkout", "--quiet", "main", why="and forward again")
        self._run("jmlx", "checkout")
        self._run("jmlx", "run")

    def explore(self) -> None:
        self._head("Explore: cells with %%track are runs")
        self._run("jmlx", "exec", "notebooks/explore.ipynb", "-p", "n_neighbors=3")
        self._run("jmlx", "runs", "list")

    def ending(self, folder: str) -> None:
        jupyter = _command_of("jupyter")
        cd = "" if folder == "." else f"cd {shlex.quote(folder)} && "
        self._head("Look at it")
        say = self._face.say
        say("  jmlx runs show last             one run: code, params, metrics, files, environment")
        say("  jmlx runs list 'accuracy > 0.9' --sort=-accuracy")
        say("  jmlx runs why models            which run, code and data made the model")
        say("  git diff v1 v2                  what changed, in git's words")
        say("")
        say("Open JupyterLab on it (the runs are a tab of its left sidebar):")
        say("")
        say(f"  {cd}{jupyter} lab notebooks/explore.ipynb")

    def _head(self, text: str) -> None:
        self._face.say("")
        self._face.say(click.style(text, bold=True))

    def _commit(self, message: str, tag: str) -> None:
        self._run("git", "add", ".")
        self._run("git", "commit", "--quiet", "-m", message)
        self._run("git", "tag", tag)

    def _run(self, *words: str, why: str = "", differs: bool = False) -> None:
        """Show a command line and execute it; `differs` says that exit code 3 is what it should answer."""
        line = shlex.join(words)
        self._face.say(click.style(f"$ {line}", fg="cyan") + (f"   # {why}" if why else ""))
        sys.stdout.flush()
        started = time.monotonic()
        # with --json, stdout is the document's: what the commands print goes to stderr
        output = sys.stderr if self._face.as_json else None
        done = subprocess.run(
            _real(words), cwd=self._root, stdin=subprocess.DEVNULL, stdout=output, check=False
        )
        if done.returncode != (3 if differs else 0):
            raise StepFailedError(line, done.returncode)
        self.steps.append({"command": line, "seconds": round(time.monotonic() - started, 3)})


def _real(words: tuple[str, ...]) -> list[str]:
    """The command line with this very installation's `jmlx`, and a git that needs no settings."""
    if words[0] == "jmlx":
        return [sys.executable, "-m", "jupyter_mlx.cli.main", *words[1:]]
    if shutil.which("git") is None:
        raise UnavailableError("the demo needs git: `apt-get install git`, or https://git-scm.com/downloads")
    return [*GIT, *words[1:]]


def _command_of(name: str) -> str:
    """How the user calls a program that is installed beside this Python."""
    beside = Path(sys.executable).with_name(name)
    found = shutil.which(name)
    if not beside.exists():
        return f"{sys.executable} -m {name}"
    return name if found and Path(found).samefile(beside) else str(beside)


def notebooks_folder() -> Path:
    """Where the worked example is: in the installed package, or in the source tree."""
    package = Path(__file__).parents[1]
    places = (package / "_demo", package.parent / "notebooks")
    return next(place for place in places if (place / "mlx.yaml").is_file())


def write_digits(folder: Path) -> None:
    """Write scikit-learn's digits as PNG files in class folders, and `labels.csv` with some mistakes in it.

    Source: E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits,
    UCI Machine Learning Repository (1998), the test set, as scikit-learn ships it.
    """
    try:
        import numpy as np
        from PIL import Image
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise UnavailableError(
            f"the demo needs {error.name}: `pip install 'jupyter-mlx[demo]'` (in a clone: `pip install '.[demo]'`)"
        ) from error
    digits = load_digits()
    rows = []
    for index, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        path = folder / "digits" / str(label) / f"{index:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 255 / 16).astype(np.uint8)).save(path)
        rows.append((path.stem, int(label)))
    _write_labels(
        folder / "labels.csv", [(name, _mistaken(at, label)) for at, (name, label) in enumerate(rows)]
    )


def correct_labels(folder: Path) -> None:
    """Write `labels.csv` again, without the mistakes: the class folders have the truth."""
    _write_labels(
        folder / "labels.csv",
        sorted((path.stem, int(path.parent.name)) for path in (folder / "digits").glob("*/*.png")),
    )


def _mistaken(at: int, label: int) -> int:
    """The label, but at 40 places spread over the data the next digit's."""
    return (label + 1) % 10 if at % 44 == 7 and at // 44 < MISTAKES else label


def _write_labels(path: Path, rows: list[tuple[str, int]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([("name", "label"), *rows])
