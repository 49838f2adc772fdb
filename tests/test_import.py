import json
import subprocess
import sys

import jupyter_mlx

HEAVY = {
    "numpy",
    "pandas",
    "papermill",
    "jupyter_server",
    "IPython",
    "sqlite3",
    "nbformat",
    "click",
    "rich",
    "asyncio",
}


def loaded_by(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after `code`, and had not before it."""
    script = f"import sys; before = set(sys.modules); {code}\nimport json; print(json.dumps(sorted(set(sys.modules) - before)))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_import_loads_nothing_heavy():
    loaded = loaded_by("import jupyter_mlx")
    assert "jupyter_mlx" in loaded
    assert loaded & HEAVY == set()
    assert {name for name in loaded if name.startswith("jupyter_mlx.")} == {"jupyter_mlx._version"}


def test_jupyter_server_finds_the_extension_without_loading_the_rest():
    loaded = loaded_by("import jupyter_mlx; jupyter_mlx._jupyter_server_extension_points()")
    assert loaded & (HEAVY | {"jupyter_mlx.project"}) == set()


def test_status_of_a_project_loads_no_notebook_library(tmp_path):
    jupyter_mlx.Project.create(tmp_path)
    loaded = loaded_by(
        f"from jupyter_mlx.cli.main import cli; cli(['-C', {str(tmp_path)!r}, 'status'], standalone_mode=False)"
    )
    assert (
        loaded
        & {"numpy", "pandas", "papermill", "jupyter_server", "IPython", "nbformat", "nbclient", "jupytext"}
        == set()
    )


def test_every_public_name_is_there_and_documented():
    for name in jupyter_mlx.__all__:
        found = getattr(jupyter_mlx, name)
        assert name == "__version__" or found.__doc__, name


def test_no_public_name_is_the_name_of_a_module():
    import importlib.util

    for name in jupyter_mlx.__all__:
        assert name == "__version__" or importlib.util.find_spec(f"jupyter_mlx.{name}") is None


def test_our_own_processes_do_without_what_costs_most_of_an_import_and_is_never_used():
    loaded = loaded_by(
        "from jupyter_mlx.starting import for_papermill, leave_out\nleave_out()\n"
        "with for_papermill(): import papermill\nfrom importlib.util import find_spec\n"
        "print(find_spec('pyarrow').name)"  # for whoever needs it later
    )
    assert "papermill.iorw" in loaded
    never = {"rfc3987_syntax.syntax_helpers", "lark", "arrow", "azure.storage.blob", "gcsfs", "pyarrow"}
    assert not loaded & never


def test_a_process_of_the_user_s_does_without_nothing():
    loaded = loaded_by("from jupyter_mlx.starting import for_papermill\nwith for_papermill(): import pyarrow")
    assert "pyarrow" in loaded
