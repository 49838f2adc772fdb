"""Holds the engine to what others wrote: papermill's own tests, and notebooks of packages and of books.

    python benchmarks/pipelines/outside.py          # an hour on two processors; fetches sources by pip
    python benchmarks/pipelines/outside.py --only notebooks --packages papermill
    python benchmarks/pipelines/outside.py --packages control ISLP fluids      # those of books

papermill's tests run twice, with its own engine and with ours in its place. Each
notebook is executed by both, in folders of their own; what they wrote is compared
cell by cell, but for times, addresses, ids and process numbers. Where the two
differ papermill executes it again, twice at most: a cell in which it differs from
itself says nothing, all others count. Both sides use this environment, for books the one
of `books.py`; a notebook that stops because a library is missing has to stop alike.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import books

PACKAGES = ("papermill", "nbclient", "nbsphinx", "mpl-interactions", "emcee", "lmfit")
CELL_S = 60
"""The longest that one cell may take."""
AGAIN = 2
"""So often papermill executes a notebook once more where the two differ."""
VARIES = (
    (r"0x[0-9a-fA-F]{6,}", "ADDRESS"),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{32}\b", "ID"),
    (r"ipykernel_\d+/\d+\.py", "CELL"),
    (r"/tmp/[\w/.-]+", "TEMPORARY"),
    (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,\d]*|\b\d\d:\d\d(:\d\d)?\b", "TIME"),
    (r"\b[\d.]+ ?(ns|µs|us|ms|s|it/s|s/it|min)\b", "DURATION"),
    (r"(?i)\bpid[ =:]*\d+", "PID"),
)
OWN_ENGINE = """\
import importlib.abc, importlib.util, os, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "papermill.execute":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module
        def exec_module(module):
            from papermill.engines import papermill_engines
            from jupyter_mlx.pipelines.engine import MlxEngine
            papermill_engines.register(None, MlxEngine)
            run(module)
        spec.loader.exec_module = exec_module
        return spec

if os.environ.get("OUTSIDE_ENGINE") == "mlx":
    sys.meta_path.insert(0, Finder())
"""
"""A `sitecustomize` that puts our engine in the place of papermill's, also in the commands that its tests start."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where all of it happens."""

    folder: Path
    python: Path = Path(sys.executable)
    """That executes the notebooks."""

    @property
    def env(self) -> dict[str, str]:
        """The environment of both sides: warm processes of their own, the code of this clone, a thread each."""
        here = str(Path(__file__).resolve().parents[2])
        own = {"JUPYTER_MLX_KERNELS": str(self.folder / "k"), "PYTHONPATH": here, "OPENBLAS_NUM_THREADS": "1"}
        return {**os.environ, **own}


def fetched(folder: Path, package: str) -> Path | None:
    """The unpacked source of a package; None where it cannot be had."""
    # of this package alone, not of what it is built with
    pip = [sys.executable, "-m", "pip", "download", "-qq", "--no-deps", "--no-binary", package]
    before = set(folder.glob("*.tar.gz"))
    wanted = books.BOOKS[package].package if package in books.BOOKS else package
    if package == "papermill":
        import papermill

        wanted = f"papermill=={papermill.__version__}"
    done = subprocess.run([*pip, "-d", str(folder), wanted], capture_output=True, text=True, check=False)
    found = set(folder.glob("*.tar.gz")) - before
    if done.returncode or not found:
        print(f"{package}: not fetched: {done.stderr.strip().splitlines()[-1:]}", flush=True)
        return None
    with tarfile.open(found.pop()) as archive:
        top = archive.getnames()[0].partition("/")[0]
        archive.extractall(folder, filter="data")
    return folder / top


# -- papermill's own tests -------------------------------------------------------------------------


def suite(place: Place, source: Path) -> None:
    """Run papermill's tests with each engine, and print which end otherwise."""
    (source / "sitecustomize.py").write_text(OWN_ENGINE)
    found = {engine: _tested(place, source, engine) for engine in ("papermill", "mlx")}
    for engine, results in found.items():
        print(f"papermill's tests, engine {engine}: {dict(Counter(results.values()))}", flush=True)
    for name, result in sorted(found["mlx"].items()):
        if found["papermill"].get(name) != result:
            print(f"  {name}: {result}, with papermill's engine {found['papermill'].get(name)}", flush=True)


def _tested(place: Place, source: Path, engine: str) -> dict[str, str]:
    env = {**place.env, "OUTSIDE_ENGINE": engine}
    env["PYTHONPATH"] = f"{source}{os.pathsep}{env['PYTHONPATH']}"
    names = ("execute", "cli", "autosave", "engines", "clientwrap", "exceptions", "parameterize", "inspect")
    files = [f"papermill/tests/test_{name}.py" for name in names]
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=source, env=env, capture_output=True, text=True, check=False)
    lines = re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) (\S+)", done.stdout, re.M)
    return {name.removeprefix("papermill/tests/"): result for result, name in lines}


# -- notebooks -------------------------------------------------------------------------------------


def executed(place: Place, source: Path, notebook: Path, side: str) -> dict[str, Any]:
    """Execute a notebook in a copy of its folder; what it became, without what may vary."""
    with tempfile.TemporaryDirectory(dir=place.folder, prefix="run-") as made:
        folder = Path(made, "here")
        shutil.copytree(source / notebook.parent, folder, symlinks=True)
        engine = ["--engine", "mlx"] if side == "mlx" else []
        flags = ["--no-progress-bar", "-k", "python3", "--execution-timeout", str(CELL_S)]
        command = [str(place.python), "-m", "papermill", *engine, *flags, notebook.name, "../out.ipynb"]
        done = subprocess.run(
            command, cwd=folder, env=place.env, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )  # fmt: skip
        out = Path(made, "out.ipynb")
        became = json.loads(out.read_text("utf-8")) if out.exists() else {}
        found = _bare(became, made)
        found["exit"] = done.returncode
        last = done.stderr.strip().splitlines()[-1:] if done.returncode else []
        found["said"] = [_stilled(line, made) for line in last]
        return found


def _bare(became: dict[str, Any], made: str) -> dict[str, Any]:
    metadata = became.get("metadata", {})
    widgets = (
        metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state", {})
    )
    kept = {name: value for name, value in metadata.items() if name not in {"papermill", "widgets"}}
    return {
        "metadata": kept,
        "widgets": sorted(model.get("model_name", "") for model in widgets.values()),
        "cells": [_cell(cell, made) for cell in became.get("cells", [])],
    }


def _cell(cell: dict[str, Any], made: str) -> dict[str, Any]:
    metadata = dict(cell.get("metadata", {}))
    told = metadata.pop("papermill", {})
    metadata.pop("execution", None)
    return {
        "type": cell["cell_type"],
        "source": _stilled("".join(cell["source"]), made),
        "count": cell.get("execution_count"),
        "status": [told.get("status"), told.get("exception")],
        "metadata": metadata,
        "outputs": _joined([_output(output, made) for output in cell.get("outputs", [])]),
    }


def _output(output: dict[str, Any], made: str) -> dict[str, Any]:
    found = {key: value for key, value in output.items() if key not in {"text", "data", "traceback"}}
    for key in ("text", "traceback"):
        if key in output:
            found[key] = _stilled("".join(output[key]), made)
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data:
        found["data"] = sorted(data)
    elif data:
        found["data"] = {
            kind: _stilled(
                "".join(value) if isinstance(value, list) else json.dumps(value, sort_keys=True), made
            )
            for kind, value in data.items()
        }
    return found


def _joined(outputs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Neighbouring pieces of one stream are one: where they are cut depends on the moment."""
    found: list[dict[str, Any]] = []
    for output in outputs:
        before = found[-1] if found else {}
        if (
            output["output_type"] == "stream" == before.get("output_type")
            and output["name"] == before["name"]
        ):
            before["text"] += output["text"]
        else:
            found.append(output)
    return found


def _stilled(text: str, made: str) -> str:
    text = text.replace(made, "FOLDER")
    for pattern, word in VARIES:
        text = re.sub(pattern, word, text)
    return text


def compared(place: Place, source: Path, notebook: Path) -> tuple[str, str]:
    """The verdict on one notebook, and where the two differ."""
    ours, theirs = (executed(place, source, notebook, side) for side in ("mlx", "papermill"))
    differ = _differences(ours, theirs)
    verdict = "same" if not theirs["exit"] else "stops alike"
    for _ in range(AGAIN):
        if not differ:
            break
        differ -= _differences(theirs, executed(place, source, notebook, "papermill"))
        verdict = "same, but for what varies by itself"
    if not differ:
        return verdict, ""
    first = sorted(differ, key=str)[0]
    return (
        "differs",
        f"{sorted(differ, key=str)}\n    ours:   {_at(ours, first)}\n    theirs: {_at(theirs, first)}",
    )


def _differences(one: dict[str, Any], other: dict[str, Any]) -> set[str | int]:
    found: set[str | int] = {key for key in one if key != "cells" and one[key] != other[key]}
    if len(one["cells"]) != len(other["cells"]):
        return found | {"cells"}
    pairs = enumerate(zip(one["cells"], other["cells"], strict=True))
    return found | {i for i, (mine, theirs) in pairs if mine != theirs}


def _at(side: dict[str, Any], where: str | int) -> str:
    found = side["cells"][where] if isinstance(where, int) else side[where]
    return json.dumps(found.get("outputs") if isinstance(where, int) else found)[:1500]


def notebooks(place: Place, package: str, source: Path) -> None:
    """Execute all notebooks of a package, two at a time, and print a row."""
    paths = sorted(path.relative_to(source) for path in source.rglob("*.ipynb"))
    if package in books.BOOKS:
        place, paths = replace(place, python=books.python()), books.BOOKS[package].chosen(paths)

    def judged(path: Path) -> tuple[str, str]:
        verdict = compared(place, source, path)
        print(f"{path}: {verdict[0]}", file=sys.stderr, flush=True)
        return verdict

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(paths, pool.map(judged, paths), strict=True))
    verdicts = Counter(verdict for verdict, _ in found.values())
    print(f"| {source.name} | {len(paths)} | {'; '.join(f'{k}: {v}' for k, v in sorted(verdicts.items()))} |")
    for path, (verdict, where) in found.items():
        if verdict == "differs":
            print(f"  {path}: {where}")
    sys.stdout.flush()


def main() -> None:
    """Print what both sides did."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=["suite", "notebooks"])
    parser.add_argument("--packages", nargs="*", default=[*PACKAGES, *books.BOOKS])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="outside-") as folder:
        place = Place(Path(folder))
        (place.folder / "k").mkdir()
        try:
            for package in given.packages:
                source = fetched(place.folder, package)
                if source is None:
                    continue
                if given.only != "notebooks" and package == "papermill":
                    suite(place, source)
                if given.only != "suite":
                    notebooks(place, package, source)
        finally:
            stop = [sys.executable, "-m", "jupyter_mlx.cli.main", "kernels", "stop", "--now"]
            subprocess.run(stop, env=place.env, capture_output=True, check=False)


if __name__ == "__main__":
    main()
