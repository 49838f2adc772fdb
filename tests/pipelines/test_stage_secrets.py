"""A stage's executed notebook is kept in the project: without the secrets that its cells show."""

import nbformat


def test_the_secrets_of_a_stage_are_nowhere_in_the_state_of_the_project(project, jmlx):
    held, known = "Dq7-held&here/9", "ghp_" + "c4n4Ry" * 6
    (project.root / "mlx.yaml").write_text("stages:\n  show: {notebook: show.ipynb}\n")
    cells = [
        f"import os\nprint(os.environ['DB_PASSWORD'], '{known}')",
        "from IPython.display import HTML, JSON, display\ndisplay(HTML(os.environ['DB_PASSWORD']), JSON({'a': [os.environ['DB_PASSWORD']]}))",
        "raise ValueError(os.environ['DB_PASSWORD'])",
    ]
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells]),
        project.root / "show.ipynb",
    )
    done = jmlx("run", cwd=project.root, env={"DB_PASSWORD": held})
    assert done.returncode == 1, done.stderr
    executed = next((project.root / ".mlx").rglob("show.ipynb"))
    shown = [cell.outputs for cell in nbformat.read(executed, as_version=4).cells if cell.get("outputs")]
    assert [outputs[0].output_type for outputs in shown] == ["stream", "display_data", "error"]
    found = [
        path
        for path in (project.root / ".mlx").rglob("*")
        if path.is_file()
        and any(text.encode() in path.read_bytes() for text in (held, known, "held&amp;here"))
    ]
    assert found == []
