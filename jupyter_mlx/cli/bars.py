"""The progress bar of the data commands, on stderr."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.progress import Progress as RichProgress

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self


class Bar:
    """Files and bytes done, as `jupyter_mlx.data.progress.Progress` wants it."""

    def __init__(self, label: str) -> None:
        self._bars = RichProgress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[files]:,} files"),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = self._bars.add_task(label, total=None, files=0)
        self._files = 0

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def total(self, files: int, size_bytes: int) -> None:
        """How much there will be to do."""
        del files
        self._bars.update(self._task, total=size_bytes)

    def advance(self, files: int, size_bytes: int) -> None:
        """So much more is done."""
        self._files += files
        self._bars.update(self._task, advance=size_bytes, files=self._files)
