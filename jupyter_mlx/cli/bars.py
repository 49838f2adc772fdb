"""The progress bar of the data commands, on stderr: files and bytes, how fast, and how long it will take."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.progress import Progress as RichProgress
from rich.text import Text

from jupyter_mlx.data.progress import Count, Counting

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

_DRAWN_EVERY_S = 0.1


class _FilesColumn(ProgressColumn):
    """Files done, of how many, and how many a second."""

    def render(self, task: Task) -> Text:
        files, known = task.fields["files"], task.fields["known"]
        of = f"/{known:,}" if known else ""
        speed = f" {files / task.elapsed:,.0f}/s" if task.elapsed else ""
        return Text(f"{files:,}{of} files{speed}", style="progress.download")


class Bar:
    """Files and bytes done, as `jupyter_mlx.data.progress.Progress` wants it."""

    def __init__(self, label: str) -> None:
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            _FilesColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task(label, total=None, files=0, known=0)
        self._counting = Counting(self._draw)
        self._drawn_at = 0.0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._drawn_at = 0.0
        self._draw(self._counting.count)
        self._bars.stop()

    def total(self, files: int, size_bytes: int) -> None:
        """See `Progress.total`."""
        self._counting.total(files, size_bytes)

    def advance(self, files: int, size_bytes: int) -> None:
        """See `Progress.advance`."""
        self._counting.advance(files, size_bytes)

    def _draw(self, count: Count) -> None:
        """Tell rich now and then: it takes longer for that than an `add` for a file."""
        now = time.monotonic()
        if now - self._drawn_at < _DRAWN_EVERY_S:
            return
        self._drawn_at = now
        self._bars.update(
            self._task,
            total=count.of_bytes or None,
            completed=count.size_bytes,
            files=count.files,
            known=count.of_files,
        )
