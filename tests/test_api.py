"""`import jupyter_mlx as jm` in scripts, by real processes."""

import errno
import json
import os
import subprocess
import sys
import zlib

import pytest

import jupyter_mlx as jm
from jupyter_mlx.errors import AccessError, MlxError
from jupyter_mlx.ledger.ledger import Ledger


@pytest.fixture
def script(project):
    """Run a script in the project; what ended."""

    def run(text, **env):
        (project.root / "script.py").write_text(text)
        return subprocess.run(
            [sys.executable, "script.py"],
            cwd=project.root,
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_a_run_in_a_script_is_recorded_whole(script, project):
    (project.root / "in.csv").write_text("a,b\n1,2\n")
    done = script(
        "import jupyter_mlx as jm\n"
        "with jm.run('train', tags=['x'], lr=0.1) as run:\n"
        "    text = open('in.csv').read()\n"
        "    open('out.csv', 'w').write(text)\n"
        "    for i in range(3): jm.log(loss=1 / (i + 1), step=i)\n"
        "    run.set_params({'late': True})\n"
    )
    assert done.returncode == 0, done.stderr
    run = project.ledger.get("last")
    assert (run.kind, run.name, run.status, run.params) == (
        "block",
        "train",
        "finished",
        {"lr": 0.1, "late": True},
    )
    assert [file.path for file in run.inputs] == ["in.csv"]
    assert [file.path for file in run.outputs] == ["out.csv"]
    assert "jm.log(loss" in run.source
    assert run.environment
    assert list(jm.load(run.id, "out.csv").columns) == ["a", "b"]
    with pytest.raises(MlxError, match="neither read nor wrote"):
        jm.load(run.id, "other.csv")


def test_an_exception_goes_on_and_the_run_is_failed(script, project):
    done = script("import jupyter_mlx as jm\nwith jm.run('bad'):\n    raise ValueError('no luck')\n")
    assert done.returncode == 1
    assert "ValueError: no luck" in done.stderr
    run = project.ledger.get("last")
    assert (run.status, run.error.evalue) == ("failed", "no luck")


def test_nested_runs_have_a_parent(script, project):
    assert (
        script(
            "import jupyter_mlx as jm\nwith jm.run('outer'):\n    with jm.run('inner'):\n        jm.log(x=1)\n"
        ).returncode
        == 0
    )
    inner, outer = project.ledger.page("name = inner").runs[0], project.ledger.page("name = outer").runs[0]
    assert inner.parent == outer.id
    assert inner.metrics == {"x": 1.0}
    assert outer.metrics == {}


def test_log_outside_a_run_says_what_to_do(script):
    done = script("import jupyter_mlx as jm\njm.log(x=1)\n")
    assert done.returncode == 1
    assert "no run is active" in done.stderr


def test_log_outside_a_project_says_what_to_do(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", "import jupyter_mlx as jm\nwith jm.run('x'): pass"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "jmlx init" in done.stderr


def test_a_child_process_logs_into_the_run_that_its_parent_names(script, project):
    run = project.recorder.open(kind="stage", name="parent")
    done = script(
        "import jupyter_mlx as jm\njm.log(x=2)\n",
        JUPYTER_MLX_RUN=run.id,
        JUPYTER_MLX_PROJECT=str(project.root),
    )
    assert done.returncode == 0, done.stderr
    assert run.finish().metrics == {"x": 2.0}


WORKERS = """
import os
import sys
import jupyter_mlx as jm

def work(number):
    jm.log({f"of_{number}": number})
    return os.environ["JUPYTER_MLX_RUN"]

if __name__ == "__main__":
    with jm.run("main") as run:
        if sys.argv[1] == "joblib":
            from joblib import Parallel, delayed
            seen = Parallel(n_jobs=2)(delayed(work)(number) for number in range(3))
        else:
            import multiprocessing
            with multiprocessing.get_context(sys.argv[1]).Pool(2) as pool:
                seen = pool.map(work, range(3))
        assert set(seen) == {run.id}
        with jm.run("inner") as inner:
            assert os.environ["JUPYTER_MLX_RUN"] == inner.id
        assert os.environ["JUPYTER_MLX_RUN"] == run.id
    assert "JUPYTER_MLX_RUN" not in os.environ
    assert "JUPYTER_MLX_PROJECT" not in os.environ
"""


@pytest.mark.parametrize("how", ["spawn", "forkserver", "fork", "joblib"])
def test_workers_log_into_the_run_however_they_are_started(project, how):
    if how in {"fork", "forkserver"} and not hasattr(os, "fork"):
        pytest.skip("needs fork")
    if how == "joblib":
        pytest.importorskip("joblib")
    (project.root / "main.py").write_text(WORKERS)
    done = subprocess.run(
        [sys.executable, "main.py", how], cwd=project.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    run = project.ledger.page("name = main").runs[0]
    assert run.metrics == {"of_0": 0.0, "of_1": 1.0, "of_2": 2.0}


def test_a_block_whose_run_the_disk_does_not_take_is_executed(project, monkeypatch):
    def refuse(self, run):
        raise AccessError.of(OSError(errno.ENOSPC, "No space left on device"), "the ledger")

    monkeypatch.chdir(project.root)

    def block():
        with jm.run("lost", lr=1) as run:
            jm.log(x=1)
            run.tag("t")
            run.set_params({"a": 1})
            jm.log_artifact("mlx.yaml")
            with pytest.raises(MlxError):
                jm.log(x="no number")
            return run.id

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "open", refuse)
        with pytest.warns(UserWarning, match="this run is not recorded"):
            assert block() == ""
    assert not project.ledger.page().runs
    with jm.run("kept"):
        jm.log(x=1)
    assert [run.metrics for run in project.ledger.page().runs] == [{"x": 1.0}]


def test_secrets_in_tags_and_names_of_metrics_are_taken_out(project, monkeypatch):
    monkeypatch.chdir(project.root)
    canary = "ghp_" + "a1B2c3D4e5F6" * 3
    with jm.run("r") as run:
        run.tag(f"token {canary}")
        jm.log({canary: 1.0, "loss": 2.0})
    project.recorder.flush()
    found = project.ledger.get(run.id)
    assert found.metrics.keys() >= {"loss"}
    assert len(found.metrics) == 2
    held = [
        path
        for path in (project.root / ".mlx").rglob("*")
        if path.is_file() and canary.encode() in path.read_bytes()
    ]
    assert held == []


@pytest.mark.parametrize("value", ["'text'", "None", "[1, 2]"])
def test_a_metric_must_be_a_number(script, value):
    done = script(f"import jupyter_mlx as jm\nwith jm.run('x'):\n    jm.log(acc={value})\n")
    assert "which is no number" in done.stderr


def test_numbers_of_numpy_are_numbers(script, project):
    done = script(
        "import jupyter_mlx as jm, numpy as np\nwith jm.run('x', n=np.int64(3), a=np.arange(2)):\n    jm.log(acc=np.float32(0.5), hit=np.bool_(True))\n"
    )
    assert done.returncode == 0, done.stderr
    run = project.ledger.get("last")
    assert run.metrics == {"acc": 0.5, "hit": 1.0}
    assert run.params["n"] == 3


def test_figures_and_tables_are_outputs(script, project):
    done = script(
        "import matplotlib; matplotlib.use('agg')\n"
        "import matplotlib.pyplot as plt, jupyter_mlx as jm\n"
        "with jm.run('x'):\n"
        "    jm.log_figure(plt.figure(), 'curve')\n"
        "    jm.log_table([{'a': 1}], 'rows')\n"
        "    jm.log_histogram([1, 2, 2, 3], bins=3)\n"
    )
    assert done.returncode == 0, done.stderr
    outputs = project.cell_outputs(project.ledger.get("last"))
    assert [next(iter(output["data"])) for output in outputs] == [
        "image/png",
        "text/html",
        "application/json",
    ]
    assert outputs[2]["data"]["application/json"]["counts"] == [1, 2, 1]


def test_runs_are_a_data_frame(project):
    assert list(jm.runs().columns)[:3] == ["id", "name", "kind"]
    run = project.recorder.open(kind="block", name="r", params={"lr": 0.1})
    run.log({"acc": 0.9})
    run.finish()
    frame = jm.runs("acc > 0.5")
    assert frame.loc[0, "params.lr"] == 0.1
    assert frame.loc[0, "metrics.acc"] == 0.9
    project.recorder.flush()


def test_open_reads_a_tracked_file_as_its_pointer_says(project):
    (project.root / "d.csv").write_text("one\n")
    project.workspace.add([project.root / "d.csv"])
    (project.root / "d.csv").write_text("two\n")
    assert jm.open("d.csv").read() == b"one\n"


def test_a_path_outside_the_project_is_told(project, tmp_path):
    with pytest.raises(MlxError, match="outside the project"):
        jm.open(tmp_path / "other.csv")


def test_a_project_behind_a_link_is_the_project(project, tmp_path):
    (tmp_path / "link").symlink_to(project.root)
    (project.root / "d.csv").write_text("one\n")
    assert project.relative(tmp_path / "link" / "d.csv") == "d.csv"


def test_the_record_of_a_run_is_one_compressed_json_object(project):
    run = project.recorder.open(kind="block", name="r")
    run.finish()
    project.recorder.flush()
    from jupyter_mlx.digest import Digest

    data = project.store.get(Digest.parse(project.ledger.records()[run.id]))
    head, _, body = data.partition(b"\n")
    assert head == b"mlx-record 3"
    assert json.loads(zlib.decompress(body))["name"] == "r"
