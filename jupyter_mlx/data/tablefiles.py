"""Files that hold a table, read row by row: CSV, TSV, JSON, JSON Lines, Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, BinaryIO, Protocol, TypeAlias

from jupyter_mlx.errors import UnavailableError

Source: TypeAlias = Callable[[], BinaryIO]
"""Opens the file, from its start, as often as it is called."""
Row: TypeAlias = Sequence[str]

LONGEST_BYTES = 256 << 20
LONGEST_JSON_BYTES = 32 << 20
"""Of a JSON document, which can only be read whole."""
_SAMPLE_BYTES = 1 << 16
_ROWS_AT_ONCE = 8192


class UncomparedError(UnavailableError):
    """The rows of a file can't be looked at."""

    code = "rows-not-compared"

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        return self.problem


class Table(Protocol):
    """Named columns and rows of text. What is no text is shown as JSON shows it."""

    columns: tuple[str, ...]
    types: dict[str, str]
    """Of each column, by name; empty where the values tell, see `type_of`."""

    def rows(self) -> Iterator[Row]:
        """Every row, as long as `columns`, read anew.

        Raises:
            UncomparedError: the file is malformed.
        """


def is_table(name: str) -> bool:
    """Whether a file of this name is looked into."""
    return _suffix(name) in _KINDS


def read(name: str, source: Source, size_bytes: int) -> Table:
    """The table in a file, of which `is_table` holds.

    Raises:
        UncomparedError: it is too large, malformed, holds no table, or a library is missing.
    """
    suffix = _suffix(name)
    limit = LONGEST_JSON_BYTES if suffix == "json" else LONGEST_BYTES
    if size_bytes > limit:
        raise UncomparedError(f"its rows are not compared: it is larger than {limit >> 20} MiB")
    return _KINDS[suffix](source)


def type_of(text: str) -> str:
    """What a value of a text file is: empty, integer, number or text."""
    if not text:
        return ""
    try:
        int(text)
    except ValueError:
        pass
    else:
        return "integer"
    try:
        float(text)
    except ValueError:
        return "text"
    return "number"


def _suffix(name: str) -> str:
    return name.rpartition(".")[2].lower()


@dataclass(slots=True)
class _Delimited:
    """CSV: with a header where its first line looks like one; else columns are numbered from 1."""

    source: Source
    delimiter: str
    has_header: bool
    columns: tuple[str, ...]
    types: dict[str, str]

    @classmethod
    def of(cls, source: Source, delimiter: str = "") -> _Delimited:
        with source() as file:
            sample = file.read(_SAMPLE_BYTES).decode("utf-8-sig", "replace")
        line = sample.partition("\n")[0]
        delimiter = delimiter or max(",;\t|", key=line.count)
        try:
            first = next(csv.reader(io.StringIO(sample), delimiter=delimiter), [])
        except csv.Error as error:
            raise UncomparedError(f"its rows are not compared: {error}") from None
        has_header = len(set(first)) == len(first) and all(type_of(cell) == "text" for cell in first)
        names = first if has_header else [str(number) for number in range(1, len(first) + 1)]
        return cls(source, delimiter, has_header, tuple(names), {})

    def rows(self) -> Iterator[Row]:
        width = len(self.columns)
        with (
            self.source() as file,
            io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="") as text,
        ):
            reader = csv.reader(text, delimiter=self.delimiter)
            try:
                if self.has_header:
                    next(reader, None)
                for row in reader:
                    if len(row) == width:
                        yield row
                    elif row:
                        yield (
                            [*row, *[""] * width][:width] if len(row) < width else _too_long(reader.line_num)
                        )
            except csv.Error as error:
                problem = f"its rows are not compared: line {reader.line_num}: {error}"
                raise UncomparedError(problem) from None


def _too_long(line: int) -> Row:
    raise UncomparedError(f"its rows are not compared: line {line} has more cells than the first")


@dataclass(slots=True)
class _Lines:
    """JSON Lines: an object a line; columns are all names of the first rows and those that come."""

    source: Source
    columns: tuple[str, ...]
    types: dict[str, str]

    @classmethod
    def of(cls, source: Source) -> _Lines:
        names: dict[str, dict[str, None]] = {}
        for row in _objects(source):
            for name, value in row.items():
                names.setdefault(name, {})[_json_type(value)] = None
        return cls(source, tuple(names), {name: _joined(kinds) for name, kinds in names.items()})

    def rows(self) -> Iterator[Row]:
        for row in _objects(self.source):
            yield [_shown(row[name]) if name in row else "" for name in self.columns]


def _objects(source: Source) -> Iterator[dict[str, Any]]:
    with source() as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield _object(line, number)


def _object(line: bytes, number: int) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise UncomparedError(f"its rows are not compared: line {number}: {error}") from None
    if not isinstance(value, dict):
        raise UncomparedError(f"its rows are not compared: line {number} is no JSON object")
    return value


@dataclass(slots=True)
class _Document:
    """A JSON document: a list of objects, or an object, whose members are rows of `key` and `value`."""

    columns: tuple[str, ...]
    types: dict[str, str]
    found: list[dict[str, Any]]

    @classmethod
    def of(cls, source: Source) -> _Document:
        with source() as file:
            try:
                value = json.load(file)
            except (ValueError, RecursionError) as error:
                raise UncomparedError(f"its rows are not compared: {error}") from None
        if isinstance(value, dict):
            value = [{"key": key, "value": inner} for key, inner in value.items()]
        if not (isinstance(value, list) and all(isinstance(row, dict) for row in value)):
            raise UncomparedError("its rows are not compared: it is no list of JSON objects")
        names: dict[str, dict[str, None]] = {}
        for row in value:
            for name, inner in row.items():
                names.setdefault(name, {})[_json_type(inner)] = None
        return cls(tuple(names), {name: _joined(kinds) for name, kinds in names.items()}, value)

    def rows(self) -> Iterator[Row]:
        for row in self.found:
            yield [_shown(row[name]) if name in row else "" for name in self.columns]


class _Parquet:
    """Parquet, by pyarrow where that is installed."""

    def __init__(self, source: Source) -> None:
        try:
            from pyarrow import ArrowException, parquet
        except ImportError:
            problem = "its rows are not compared: `pip install pyarrow` reads Parquet files"
            raise UncomparedError(problem) from None
        self._source, self._parquet, self._error = source, parquet, ArrowException
        with self._opened() as file:
            schema = self._file(file).schema_arrow
        self.columns: tuple[str, ...] = tuple(schema.names)
        self.types = {field.name: str(field.type) for field in schema}

    def rows(self) -> Iterator[Row]:
        """See `Table.rows`."""
        with self._opened() as file:
            try:
                for batch in self._file(file).iter_batches(_ROWS_AT_ONCE):
                    columns = [column.to_pylist() for column in batch.columns]
                    yield from ([_shown(value) for value in row] for row in zip(*columns, strict=True))
            except (self._error, OSError) as error:
                raise UncomparedError(f"its rows are not compared: {error}") from None

    def _opened(self) -> IO[bytes]:
        return self._source()

    def _file(self, file: IO[bytes]) -> Any:
        try:
            return self._parquet.ParquetFile(file)
        except (self._error, OSError) as error:
            raise UncomparedError(f"its rows are not compared: {error}") from None


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)


def _json_type(value: Any) -> str:
    if value is None:
        return ""
    kinds = {bool: "boolean", int: "integer", float: "number", str: "text", list: "list", dict: "object"}
    return kinds[type(value)]


def _joined(kinds: dict[str, None]) -> str:
    found = sorted(kinds.keys() - {""})
    return "number" if found == ["integer", "number"] else " or ".join(found)


_KINDS: dict[str, Callable[[Source], Table]] = {
    "csv": _Delimited.of,
    "tsv": lambda source: _Delimited.of(source, "\t"),
    "json": _Document.of,
    "jsonl": _Lines.of,
    "ndjson": _Lines.of,
    "parquet": _Parquet,
}
