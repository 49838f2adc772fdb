"""Bytes as what their file name says they are; nothing is ever unpickled."""

from __future__ import annotations

import io
import json
from pathlib import PurePosixPath
from typing import Any

TEXT = {".txt", ".md", ".py", ".yaml", ".yml", ".toml", ".log"}


def parse(path: str, data: bytes) -> Any:
    """CSV and Parquet as a DataFrame, JSON as values, `.npy` as an array, text as text, all else as bytes."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in {".csv", ".parquet"}:
        import pandas as pd

        return (pd.read_csv if suffix == ".csv" else pd.read_parquet)(io.BytesIO(data))
    if suffix == ".json":
        return json.loads(data)
    if suffix == ".npy":
        import numpy as np

        return np.load(io.BytesIO(data), allow_pickle=False)
    return data.decode("utf-8", "replace") if suffix in TEXT else data
