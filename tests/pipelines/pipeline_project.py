"""A pipeline of small notebooks in a project of its own."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest


def write_notebook(path: Path, *cells: str | tuple[str, str], kernel: bool = True) -> Path:
    """Write an .ipynb of code cells; a cell given as a pair is source and tag."""
    made = []
    for cell in cells:
        source, tags = (cell[0], [cell[1]]) if isinstance(cell, tuple) else (cell, [])
        made.append(nbformat.v4.new_code_cell(source, metadata={"tags": tags}, id=f"cell-{len(made)}"))
    spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    node = nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": spec} if kernel else {})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(node), "utf-8")
    return path


@pytest.fixture
def notebook(project):
    """Write a notebook into the project: `notebook("train", "x = 1", ("lr = 1", "parameters"))`."""
    return lambda name, *cells, **options: write_notebook(project.root / f"{name}.ipynb", *cells, **options)


@pytest.fixture
def stages(project):
    """Write the `stages:` of mlx.yaml."""

    def write(text: str) -> None:
        (project.root / "mlx.yaml").write_text("stages:\n" + text, "utf-8")
        project.__dict__.pop("config", None)

    return write


@pytest.fixture
def runner(project):
    return project.runner()


@pytest.fixture
def chain(project, notebook, stages):
    """raw.txt → double → total, with a module, parameters and a metric; `side` stands alone."""
    (project.root / "raw.txt").write_text("1 2 3")
    (project.root / "helpers.py").write_text("def total(xs):\n    return sum(xs)\n")
    notebook(
        "double",
        ("factor = 2", "parameters"),
        "from pathlib import Path\nxs = [factor * int(x) for x in Path('raw.txt').read_text().split()]",
        "Path('doubled').mkdir(exist_ok=True)\nfor i, x in enumerate(xs):\n    Path(f'doubled/{i}.txt').write_text(str(x))",
    )
    notebook(
        "total",
        ("bias = 0.5", "parameters"),
        "from pathlib import Path\nfrom helpers import total",
        "found = total(int(p.read_text()) for p in Path('doubled').iterdir()) + bias\nprint(found)",
        "import jupyter_mlx as jm\njm.log(total=found)\nPath('total.txt').write_text(str(found))",
    )
    stages(
        "  total: {notebook: total.ipynb, inputs: [doubled], outputs: [total.txt]}\n"
        "  double: {notebook: double.ipynb, params: {factor: 3}, inputs: [raw.txt], outputs: [doubled]}\n"
    )
    return project


def actions(summary):
    """Stage → what became of it."""
    return {row.name: row.action for row in summary.stages}
