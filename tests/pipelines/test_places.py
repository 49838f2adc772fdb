"""What the points of a sweep write stays in their places, whatever they write to and however it got there."""

import os
import subprocess

from jupyter_mlx.pipelines.sweeps.axes import parsed
from jupyter_mlx.pipelines.sweeps.search import Search
from jupyter_mlx.pipelines.sweeps.sweep import sweep

LARGE_BYTES = 65 << 20
"""More than is copied for each point."""
RATE = ("lr = 0.1", "parameters")


def swept(runner, name="a", axis="lr=0.5,0.6", jobs=1):
    return sweep(runner, name, Search(parsed([axis])), jobs=jobs).points


def state(root):
    """What lies in the work tree: path → bytes."""
    found = (path for path in root.rglob("*") if ".mlx" not in path.relative_to(root).parts)
    return {str(path.relative_to(root)): path.read_bytes() for path in found if path.is_file()}


def test_a_file_in_no_store_outlives_points_that_write_one_of_its_name(project, notebook, stages, runner):
    notebook("a", RATE, "with open('a.txt', 'w') as file: file.write(f'lr={lr}')")
    stages("  a: {notebook: a.ipynb}\n")
    (project.root / "a.txt").write_text("mine")
    before = state(project.root)
    points = swept(runner)
    assert [(point.action, point.problem) for point in points] == [("ran", "")] * 2
    assert state(project.root) == before
    for point in points:
        (output,) = [f for f in project.ledger.get(point.run).outputs if f.path == "a.txt"]
        text = project.store.get(project.workspace.named(output).digest).decode()
        assert text == f"lr={point.params['lr']}"


def test_points_that_append_to_what_they_find_append_to_files_of_their_own(project, notebook, stages, runner):
    notebook(
        "a",
        RATE,
        "from pathlib import Path\n"
        "for name in ('log.txt', 'data/in.csv', 'deep/er/notes.txt', 'also.txt'):\n"
        "    with open(name, 'a') as file: file.write(f'{lr}\\n')\n"
        "Path('deep/new.txt').write_text('new')\n"
        "Path('out.txt').write_text(Path('log.txt').read_text())",
    )
    stages("  a: {notebook: a.ipynb, inputs: [data/in.csv], outputs: [out.txt]}\n")
    for name in ("log.txt", "data/in.csv", "deep/er/notes.txt"):
        (project.root / name).parent.mkdir(parents=True, exist_ok=True)
        (project.root / name).write_text("mine\n")
    (project.root / "also.txt").symlink_to("log.txt")
    before = state(project.root)
    points = swept(runner, jobs=2)
    assert [(point.action, point.problem) for point in points] == [("ran", "")] * 2
    assert state(project.root) == before
    for point in points:
        (output,) = [f for f in project.ledger.get(point.run).outputs if f.path == "out.txt"]
        text = project.store.get(project.workspace.named(output).digest).decode()
        # the link leads to the point's own file
        assert text == f"mine\n{point.params['lr']}\n{point.params['lr']}\n"


def test_data_that_is_a_link_into_the_store_is_the_point_s_own(project, notebook, stages, runner):
    data = os.urandom(4 << 20)
    notebook("a", RATE, "import os\nos.chmod('data.bin', 0o644)\nopen('data.bin', 'ab').write(b'more')")
    stages("  a: {notebook: a.ipynb}\n")
    (project.root / "data.bin").write_bytes(data)
    project.workspace.save("data.bin")
    (held,) = [path for path in project.state.rglob("*") if path.is_file() and path.read_bytes() == data]
    (project.root / "data.bin").unlink()
    (project.root / "data.bin").symlink_to(held)
    points = swept(runner)
    assert [(point.action, point.problem) for point in points] == [("ran", "")] * 2
    assert held.read_bytes() == data


def test_a_large_file_is_shared_and_a_point_that_changes_it_is_told_and_hurts_no_other(
    project, notebook, stages, runner
):
    large = project.root / "large.bin"
    notebook(
        "a",
        RATE,
        "from pathlib import Path\nPath('out.txt').write_bytes(open('large.bin', 'rb').read(4))\n"
        "if lr == 0.6:\n    with open('large.bin', 'r+b') as file: file.write(b'gone')",
    )
    stages("  a: {notebook: a.ipynb, outputs: [out.txt]}\n")
    with large.open("wb") as file:
        file.write(b"mine")
        file.truncate(LARGE_BYTES)
    first, changer, last = swept(runner, axis="lr=0.5,0.6,0.7")
    assert (first.action, last.action) == ("ran", "ran")
    assert changer.action == "failed"
    assert "changed large.bin" in changer.problem
    with large.open("rb") as file:
        assert (file.read(4), os.fstat(file.fileno()).st_size) == (b"mine", LARGE_BYTES)
    for point in (first, last):
        (output,) = [f for f in project.ledger.get(point.run).outputs if f.path == "out.txt"]
        assert project.store.get(project.workspace.named(output).digest) == b"mine"


def test_git_in_a_point_is_a_repository_of_its_own(project, notebook, stages, runner):
    notebook(
        "a",
        RATE,
        "import subprocess\nfrom pathlib import Path\n"
        "def git(*words): return subprocess.run(['git', *words], check=True, capture_output=True, text=True).stdout.strip()\n"
        "assert Path(git('rev-parse', '--show-toplevel')).samefile('.')\n"
        "assert git('log', '-1', '--format=%s') == 'mine'\n"
        "git('-c', 'user.name=a', '-c', 'user.email=a@b.c', 'commit', '-q', '--allow-empty', '-m', 'of a point')",
    )
    stages("  a: {notebook: a.ipynb}\n")

    def git(*words):
        done = subprocess.run(["git", *words], cwd=project.root, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    if not (project.root / ".git").exists():
        git("init", "-q")
    git("add", "a.ipynb")
    git("-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "-q", "-m", "mine")
    head = git("rev-parse", "HEAD")
    points = swept(runner)
    assert [(point.action, point.problem) for point in points] == [("ran", "")] * 2
    assert git("rev-parse", "HEAD") == head


def test_a_folder_of_the_notebook_that_is_a_link_is_the_point_s_own_too(
    project, notebook, stages, runner, tmp_path
):
    (tmp_path / "elsewhere").mkdir()
    (project.root / "books").symlink_to(tmp_path / "elsewhere")
    notebook("books/a", RATE, "with open('notes.txt', 'a') as file: file.write(f'{lr}')")
    stages("  a: {notebook: books/a.ipynb}\n")
    (tmp_path / "elsewhere/notes.txt").write_text("mine")
    points = swept(runner)
    assert [(point.action, point.problem) for point in points] == [("ran", "")] * 2
    assert (tmp_path / "elsewhere/notes.txt").read_text() == "mine"
