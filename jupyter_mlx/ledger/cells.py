"""Two states of a notebook compared cell by cell: cells are told apart by their ids, else by what is in them."""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Cell: TypeAlias = Mapping[str, Any]
"""A cell as the notebook format (4) has it."""
What: TypeAlias = Literal["added", "removed", "changed", "moved", "outputs"]

ALIKE = 0.5
"""Two cells without a common id are one that was edited where so much of them is the same."""
_MOST_PAIRS = 40_000


@dataclass(frozen=True, slots=True)
class CellChange:
    """One cell that is not the same in both."""

    what: What
    """`outputs`: the source is the same, what is shown below it is not."""
    type: str
    """`code`, `markdown` or `raw`."""
    id: str
    a: int | None
    """Its place, from 1; None where it is not there."""
    b: int | None
    lines: tuple[str, ...] = ()
    """The unified difference of the source, a line each; of a cell that came or went, the whole."""
    outputs: bool = False
    """Whether the outputs differ too."""


def compare_cells(a: Sequence[Cell], b: Sequence[Cell]) -> tuple[CellChange, ...]:
    """What differs between two states of a notebook, in the order of the second; what went comes first."""
    pairs = _paired(a, b)
    stays = _in_order([at for at, _ in pairs])
    partner = {there: (at, at in stays) for at, there in pairs}
    kept = {at for at, _ in pairs}
    found = [_alone("removed", cell, at) for at, cell in enumerate(a) if at not in kept]
    for there, cell in enumerate(b):
        if there in partner:
            at, is_in_place = partner[there]
            found += _changed(a[at], cell, at, there, moved=not is_in_place)
        else:
            found.append(_alone("added", cell, there))
    return tuple(found)


def source_of(cell: Cell) -> str:
    """The text of a cell, which a file may hold as a list of lines."""
    text = cell.get("source", "")
    return text if isinstance(text, str) else "".join(map(str, text))


def _alone(what: Literal["added", "removed"], cell: Cell, at: int) -> CellChange:
    sign = "+" if what == "added" else "-"
    lines = tuple(f"{sign}{line}" for line in source_of(cell).splitlines())
    a, b = (None, at + 1) if what == "added" else (at + 1, None)
    return CellChange(what, str(cell.get("cell_type", "")), str(cell.get("id", "")), a, b, lines)


def _changed(old: Cell, new: Cell, at: int, there: int, *, moved: bool) -> Iterator[CellChange]:
    before, after = source_of(old), source_of(new)
    outputs = _shown(old) != _shown(new)
    what: What | None = (
        "changed"
        if before != after or old.get("cell_type") != new.get("cell_type")
        else "outputs"
        if outputs
        else "moved"
        if moved
        else None
    )
    if what is not None:
        lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=2, lineterm="")
        kind, id_ = str(new.get("cell_type", "")), str(new.get("id", old.get("id", "")))
        yield CellChange(what, kind, id_, at + 1, there + 1, tuple(lines)[2:], outputs)


def _shown(cell: Cell) -> list[Any]:
    """The outputs without what differs at each execution."""
    outputs = cell.get("outputs") or []
    return [
        {key: value for key, value in output.items() if key not in {"execution_count", "metadata"}}
        for output in outputs
        if isinstance(output, Mapping)
    ]


def _paired(a: Sequence[Cell], b: Sequence[Cell]) -> list[tuple[int, int]]:
    """The places in `a` and `b` of cells that are one, in the order of `b`."""
    ids = _places(b, lambda cell: cell.get("id"))
    pairs = {ids[id_]: at for id_, at in _places(a, lambda cell: cell.get("id")).items() if id_ in ids}
    left_a = [at for at in range(len(a)) if at not in set(pairs.values())]
    left_b = [there for there in range(len(b)) if there not in pairs]
    old, new = (
        [(cells[at].get("cell_type"), source_of(cells[at])) for at in left]
        for cells, left in ((a, left_a), (b, left_b))
    )
    for tag, i1, i2, j1, _ in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            pairs |= {left_b[j1 + step]: left_a[i1 + step] for step in range(i2 - i1)}
    pairs |= _alike(
        a, b, [at for at in left_a if at not in set(pairs.values())], [at for at in left_b if at not in pairs]
    )
    return [(at, there) for there, at in sorted(pairs.items())]


def _places(cells: Sequence[Cell], key: Any) -> dict[str, int]:
    """Id → place; an id that two cells have tells none apart."""
    found: dict[str, list[int]] = {}
    for at, cell in enumerate(cells):
        if isinstance(key(cell), str):
            found.setdefault(key(cell), []).append(at)
    return {id_: places[0] for id_, places in found.items() if len(places) == 1}


def _alike(a: Sequence[Cell], b: Sequence[Cell], left_a: list[int], left_b: list[int]) -> dict[int, int]:
    """Cells that were edited, most alike first; place in `b` → place in `a`."""
    if len(left_a) * len(left_b) > _MOST_PAIRS:
        return {}
    scores = []
    for there in left_b:
        matcher = difflib.SequenceMatcher(b=source_of(b[there]), autojunk=False)
        for at in left_a:
            matcher.set_seq1(source_of(a[at]))
            is_near = a[at].get("cell_type") == b[there].get("cell_type") and matcher.quick_ratio() >= ALIKE
            score = matcher.ratio() if is_near else 0.0
            if score >= ALIKE:
                scores.append((-score, abs(at - there), there, at))
    found: dict[int, int] = {}
    for _, _, there, at in sorted(scores):
        if there not in found and at not in found.values():
            found[there] = at
    return found


def _in_order(places: Sequence[int]) -> set[int]:
    """The most of these that stand in rising order: the others were moved."""
    ends: list[int] = []
    before: dict[int, int | None] = {}
    for place in places:
        at = bisect_left(ends, place)
        before[place] = ends[at - 1] if at else None
        ends[at : at + 1] = [place]
    kept = set()
    last = ends[-1] if ends else None
    while last is not None:
        kept.add(last)
        last = before[last]
    return kept
