"""`jmlx report`: runs as a page for people who have no project here."""

from __future__ import annotations

import os

import click

from .face import Face, Payload, command


@command("report")
@click.argument("runs", nargs=-1)
@click.option(
    "-o", "--output", metavar="FILE", help="The page; default: report-RUN.html; of Markdown, stdout."
)
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
@click.option("--markdown", is_flag=True, help="The pipeline's last run, or RUN, for a pull request.")
@click.option("--base", metavar="REV", help="With --markdown: compare with mlx.lock at this git revision.")
@click.option("--figures", metavar="DIR", help="With --markdown: write the figures here, and show them.")
def report_command(
    face: Face,
    runs: tuple[str, ...],
    output: str | None,
    show: bool,
    markdown: bool,
    base: str | None,
    figures: str | None,
) -> Payload:
    r"""Write runs as one HTML page, which needs no network and runs no script.

    Of several runs, what differs comes first.

    \b
      jmlx report last --open
      jmlx report 3f2a 81bc -o comparison.html
      jmlx report --markdown --base origin/main --figures figures -o report.md
    """
    if markdown:
        return _markdown(face, runs, output, base, figures)
    if not runs:
        raise click.UsageError("name a run (`jmlx runs list` shows them), or give --markdown")
    from jupyter_mlx.reporting.page import page
    from jupyter_mlx.store.files import write_atomically

    ids = dict.fromkeys(face.project.ledger.resolve(run) for run in runs)
    found = [face.project.ledger.get(id_) for id_ in ids]
    path = face.path(output or f"report-{'-'.join(id_[:8] for id_ in [*ids][:3])}.html")
    # a name that is no text (a file name in another encoding) must not stop the page
    data = page(face.project, found).encode("utf-8", "replace")
    write_atomically(os.fspath(path), data, os.fspath(path.parent))
    face.say(f"wrote {path}")
    if show:
        click.launch(path.as_uri())
    return {"path": str(path), "runs": [*ids], "size_bytes": len(data)}


def _markdown(
    face: Face, runs: tuple[str, ...], output: str | None, base: str | None, figures: str | None
) -> Payload:
    from jupyter_mlx.config import replace_file
    from jupyter_mlx.reporting.markdown import base_at, markdown

    project = face.project
    if len(runs) > 1:
        raise click.UsageError("--markdown takes one run, of the pipeline")
    found = project.ledger.page("kind = pipeline", limit=1).runs
    whole = project.ledger.get(runs[0]) if runs else found[0] if found else None
    text = markdown(
        project,
        whole,
        base_at(project.root, base) if base else None,
        face.path(figures) if figures else None,
    )
    if output is None:
        face.say(text.rstrip("\n"))
        return {"run": whole and whole.id, "markdown": text}
    replace_file(face.path(output), text.encode("utf-8", "replace"))
    face.say(f"wrote {face.path(output)}")
    return {"run": whole and whole.id, "path": str(face.path(output))}
