"""Bytes as what their file name says they are; nothing is unpickled but what this user signed."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath
from typing import Any

from . import models

TEXT = {".txt", ".md", ".py", ".yaml", ".yml", ".toml", ".log"}


def parse(path: str, data: bytes, key: Callable[[], bytes], trusted: Sequence[str] = ()) -> Any:
    """CSV and Parquet as a DataFrame, JSON as values, models by `models.read`, text as text, all else as bytes."""
    if models.is_model(path):
        return models.read(path, data, key, trusted)
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in {".csv", ".parquet"}:
        import pandas as pd

        return (pd.read_csv if suffix == ".csv" else pd.read_parquet)(io.BytesIO(data))
    if suffix == ".json":
        return json.loads(data)
    return data.decode("utf-8", "replace") if suffix in TEXT else data
