"""The notebooks that all sides execute."""

from __future__ import annotations

from pathlib import Path

import nbformat

TINY = ["x = 1", "y = x + 1", "print(y)"]
MEDIUM = [
    "import numpy as np\nimport pandas as pd",
    "import matplotlib.pyplot as plt\nfrom sklearn.ensemble import RandomForestClassifier",
    "rng = np.random.default_rng(0)\nx = rng.normal(size=(500, 10))\ny = (x[:, 0] > 0).astype(int)",
    "frame = pd.DataFrame(x)\nframe.describe()",
    "model = RandomForestClassifier(20, random_state=0).fit(x, y)\nprint(model.score(x, y))",
    "_ = plt.hist(x[:, 0])",
]


def trivial(cells: int) -> list[str]:
    """Cells that do nothing."""
    return ["pass"] * cells


def loud(cells: int, kilobytes: int) -> list[str]:
    """Cells that print much."""
    return [f"print('x' * {kilobytes * 1000})"] * cells


def write(path: Path, cells: list[str]) -> Path:
    """Write a notebook for the kernel python3."""
    node = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(source) for source in cells],
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        },
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(node))
    return path


def stage(number: int) -> list[str]:
    """A stage of the pipeline: reads what the one before it wrote, computes, writes."""
    reads = f"xs = np.loadtxt('s{number - 2}.txt')" if number > 1 else "xs = np.arange(100.0)"
    return [
        "import numpy as np\nimport pandas as pd",
        reads,
        "pd.DataFrame({'x': xs}).describe()",
        f"np.savetxt('s{number}.txt', xs + 1)",
    ]


def stages(count: int) -> list[tuple[str, list[str], list[str]]]:
    """Name, inputs and outputs of each stage: two chains side by side."""
    return [(f"s{i}", [f"s{i - 2}.txt"] if i > 1 else [], [f"s{i}.txt"]) for i in range(count)]
