"""The notebooks of published books that PyPI's packages ship, and an environment with what they import.

Only notebooks that come with a package's source count: most books keep theirs elsewhere.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Book:
    """One book, and the source package that has its notebooks."""

    title: str
    package: str
    """With its version, so that two runs of this execute the same notebooks."""
    folder: str
    """Where they lie in the source; a second copy of them elsewhere is left out."""
    left_out: str = ""
    """How the names of notebooks begin that are left out for their time."""

    def chosen(self, paths: Iterable[Path]) -> list[Path]:
        """Of all notebooks in the source those that are executed."""
        inside = [path for path in paths if path.is_relative_to(self.folder)]
        return [path for path in inside if not (self.left_out and path.name.startswith(self.left_out))]


BOOKS = {
    "control": Book(
        "Åström and Murray, Feedback Systems, and its supplement, Optimization-Based Control",
        "control==0.10.2",
        "examples",
        left_out="cds",  # 25 lectures of a course, half an hour and more
    ),
    "ISLP": Book(
        "James, Witten, Hastie, Tibshirani and Taylor, An Introduction to Statistical Learning",
        "ISLP==0.6.0",
        "docs/source",
    ),
    "fluids": Book("Crane, Technical Paper 410, the solved problems", "fluids==1.3.1", "docs"),
    "linearmodels": Book("none: the documentation of linearmodels", "linearmodels==7.1", "examples"),
}
IMPORTED = (
    "control==0.10.2", "fluids==1.3.1", "thermo==0.6.1", "pint==0.25.3", "linearmodels==7.1", "statsmodels==0.15.0",
    "lifelines==0.30.3", "pygam==0.12.0", "lxml==6.1.3", "seaborn==0.13.2",
)  # fmt: skip
ALONE = ("ISLP==0.6.0",)
"""Without what they require: ISLP asks for torch, which one of its notebooks imports."""


def python() -> Path:
    """The Python that executes them, made if it is not there yet.

    What this environment has already is seen through a `.pth` file, not installed again.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jupyter_mlx-benchmarks"
    home = cache / "-".join(["books", *(book.package for book in BOOKS.values())]).replace("==", "-")
    inside = home / "bin" / "python"
    if not (home / "done").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", home], check=True)
        packages = sysconfig.get_path("purelib", vars={"base": str(home)})
        Path(packages, "seen.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [inside, "-m", "pip", "install", "-qq"]
        subprocess.run([*pip, *IMPORTED], check=True)
        subprocess.run([*pip, "--no-deps", *ALONE], check=True)
        (home / "done").touch()
    return inside
