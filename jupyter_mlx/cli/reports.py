"""`jmlx report`: runs as a page for people who have no project here."""

from __future__ import annotations

import os

import click

from .face import Face, Payload, command


@command("report")
@click.argument("runs", nargs=-1, required=True)
@click.option("-o", "--output", metavar="FILE", help="The page; default: report-RUN.html.")
@click.option("--open", "show", is_flag=True, help="Show it in the browser.")
def report_command(face: Face, runs: tuple[str, ...], output: str | None, show: bool) -> Payload:
    r"""Write runs as one HTML page, which needs no network and runs no script.

    Of several runs, what differs comes first.

    \b
      jmlx report last --open
      jmlx report 3f2a 81bc -o comparison.html
    """
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
