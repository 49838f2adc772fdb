"""A run brought back into a new folder: each kind of run, its data, and records that lie about paths."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from jupyter_mlx.capture.slice import Slice
from jupyter_mlx.data.beside import TargetNotEmptyError
from jupyter_mlx.data.links import Link
from jupyter_mlx.ledger.run import FileVersion
from jupyter_mlx.project import Project
from jupyter_mlx.restoring import DataNotHereError, NoFileOfRunError, restore


@pytest.fixture
def record(project):
    """`record(kind, reads={path: text}, writes=…, **facts)`: a run; whole."""

    def one(kind="cell", *, reads=None, writes=None, **facts):
        run = project.recorder.open(kind=kind, name="r", **facts)
        for files, add in ((reads, run.add_input), (writes, run.add_output)):
            for path, text in (files or {}).items():
                target = project.root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
                add(project.workspace.save(path))
        run.finish()
        project.recorder.flush()
        return project.ledger.get(run.id)

    return one


def tree(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_cell_comes_back_as_a_notebook_with_its_slice_and_files(project, record):
    run = record(source="x + 1", slice_=Slice(("x = 1",)), reads={"data/a.csv": "old"})
    (project.root / "data" / "a.csv").write_text("new")
    found = project.restore_run(run.id)
    assert found.folder == project.root / "restored" / run.id[:8]
    assert (found.folder / "data" / "a.csv").read_text() == "old"
    assert (project.root / "data" / "a.csv").read_text() == "new"
    notebook = nbformat.read(found.folder / f"run-{run.id[:8]}.ipynb", as_version=4)
    assert [cell.source for cell in notebook.cells] == ["x = 1", "x + 1"]
    assert sorted(path.name for path in found.folder.iterdir()) == ["data", f"run-{run.id[:8]}.ipynb"]


def test_a_script_comes_back_as_a_script(project, record):
    run = record("block", source="print(1)\n", reads={"a.csv": "1"})
    found = project.restore_run(run.id)
    assert tree(found.folder) == {"a.csv": "1", f"run-{run.id[:8]}.py": "print(1)\n"}
    named = replace(run, command={"script": "../../scripts/train.py"})
    restore(named, project.workspace, project.root / "second")
    assert (project.root / "second" / "train.py").read_text() == "print(1)\n"


def test_a_notebook_s_run_without_its_executed_notebook_comes_back_cell_by_cell(project, record):
    run = record("stage", source="# %%\nx = 1\n\n# %%\ny = 2")
    path = project.restore_run(run.id).made[0]
    assert [cell.source for cell in nbformat.read(path, as_version=4).cells] == ["x = 1", "y = 2"]


def test_a_sweep_says_what_to_restore(project, record):
    assert "one of its runs" in project.restore_run(record("sweep").id).left[0]


def test_a_file_that_was_read_and_written_comes_back_in_both_versions(project, record):
    run = record(reads={"log.txt": "before"}, writes={"log.txt": "after", "new.txt": "n"})
    found = project.restore_run(run.id)
    assert tree(found.folder) == {
        "log.txt": "before",
        "new.txt": "n",
        f"written-{run.id[:8]}/log.txt": "after",
    }
    assert any("as the run left it" in text for text in found.left)


def test_a_file_in_a_folder_that_was_read_whole_comes_back_once(project, record):
    run = record(reads={"data/a.txt": "a"})
    whole = project.workspace.save("data")
    both = (FileVersion("data", str(whole.digest), 1, kind="folder"), *run.inputs)
    found = restore(replace(run, inputs=both), project.workspace, project.root / "back")
    assert tree(found.folder) == {"data/a.txt": "a"}
    assert found.left == []


def test_one_path_of_a_run_also_in_a_folder_that_it_read(project, record):
    run = record(reads={"data/x/a.txt": "a", "data/x/b.txt": "b", "c.txt": "c"}, source="1")
    assert tree(project.restore_run(run.id, "data/x").folder) == {"data/x/a.txt": "a", "data/x/b.txt": "b"}
    whole = project.workspace.save("data")
    folder = replace(run, inputs=(FileVersion("data", str(whole.digest), 1, kind="folder"),))
    found = restore(folder, project.workspace, project.root / "part", "data/x/b.txt")
    assert tree(found.folder) == {"data/x/b.txt": "b"}
    with pytest.raises(NoFileOfRunError):
        project.restore_run(run.id, "nothing", project.root / "other")
    assert not (project.root / "other").exists()


@pytest.mark.parametrize(
    "path",
    ["/etc/evil", "../evil", "a/../../evil", ".git/hooks/evil", ".mlx/evil", "C:\\evil", "a\\..\\evil", "x\x00y", ".", ""],
)  # fmt: skip
def test_a_record_s_path_never_leaves_the_folder(project, record, tmp_path, path):
    run = record(reads={"a.txt": "evil"})
    lying = replace(run, inputs=(replace(run.inputs[0], path=path), *run.inputs))
    before = tree(tmp_path)
    found = restore(lying, project.workspace, project.root / "back")
    assert tree(found.folder) == {"a.txt": "evil"}
    assert len(found.left) == 1
    assert {name for name in tree(tmp_path) if not name.startswith("project/back/")} == before.keys()
    assert "evil" not in {path.name for path in tmp_path.rglob("*")}


def test_nothing_is_written_through_a_link_that_a_record_brings(project, record, tmp_path):
    run = record(reads={"d/a.txt": "evil"})
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = project.root / "links"
    folder.mkdir()
    (folder / "inner").mkdir()
    os.symlink("inner", folder / "way")
    version = project.workspace.save("links")
    lying = replace(
        run,
        inputs=(FileVersion("links", str(version.digest), 1, kind="folder"),),
        outputs=(replace(run.inputs[0], path="links/way/a.txt"),),
    )
    restore(lying, project.workspace, project.root / "back")
    assert list(outside.iterdir()) == []
    assert not (project.root / "links" / "inner" / "a.txt").exists()


def test_files_outside_the_project_are_told_and_left(project, record):
    run = record(reads={"a.txt": "a"})
    more = (*run.inputs, FileVersion("/etc/hostname", "b3:" + "0" * 64, 1, kind="outside"))
    found = restore(replace(run, inputs=more), project.workspace, project.root / "back")
    assert found.left == ["/etc/hostname lies outside the project and is not brought back"]


def test_a_run_whose_objects_are_gone_says_pull_and_leaves_nothing(project, record):
    run = record(reads={"a.txt": "a"}, source="1")
    shutil.rmtree(project.state / "store")
    with pytest.raises(DataNotHereError, match="jmlx pull"):
        restore(run, Project(project.root).workspace, project.root / "back")
    assert not [path for path in project.root.iterdir() if "back" in path.name]


def test_large_data_is_linked_where_that_is_asked_for(project, record):
    run = record(reads={"big.bin": "x" * (2 << 20)})
    found = project.restore_run(run.id, link=Link.HARDLINK)
    assert (found.folder / "big.bin").stat().st_nlink > 1


def test_a_folder_that_holds_something_is_refused(project, record):
    run = record(source="1")
    project.restore_run(run.id)
    with pytest.raises(TargetNotEmptyError):
        project.restore_run(run.id)
    project.restore_run(run.id, to=project.root.parent / "elsewhere")


def test_a_snapshot_is_taken_before_and_not_twice(project, record):
    (project.root / "n.ipynb").write_text(nbformat.writes(nbformat.v4.new_notebook()))
    run = record(source="1", notebook="n.ipynb")
    first = project.restore_run(run.id, to=project.root / "one")
    again = project.restore_run(run.id, to=project.root / "two")
    assert "as it was before" in first.left[0]
    assert again.left == []
    (kept,) = project.ledger.page("kind = snapshot").runs
    assert (kept.notebook, kept.note) == ("n.ipynb", f"before restoring run {run.id[:8]}")
