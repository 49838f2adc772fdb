"""What of a run came out the same when it was made again, and the verdict over all of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

State: TypeAlias = Literal["same", "close", "different", "missing", "new", "not-compared"]
Verdict: TypeAlias = Literal["same", "within-tolerance", "different", "failed"]
Points: TypeAlias = Sequence[tuple[int, float, float]]

_NUMBER = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_UNSTEADY = re.compile(
    r"0x[0-9a-fA-F]{6,}"  # where an object lay in memory
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
    r"|\b\d{1,2}:\d\d(?::\d\d)?(?:\.\d+)?\b"
    r"|\b\d+(?:\.\d+)?(?:e[-+]?\d+)?\s?(?:ns|µs|us|ms|s|sec|secs|seconds?|min|mins|minutes?|it/s|s/it)\b"
)
"""What differs each time that anything is run: addresses, times of the day, durations, speeds."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far numbers may be apart and still count as close; see `math.isclose`."""

    rtol: float = 1e-6
    atol: float = 0.0

    def state(self, was: float, now: float) -> State:
        """How two numbers compare; NaN is the same as NaN."""
        if was == now or (math.isnan(was) and math.isnan(now)):
            return "same"
        return "close" if math.isclose(was, now, rel_tol=self.rtol, abs_tol=self.atol) else "different"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was compared."""

    name: str
    state: State
    was: Any = None
    now: Any = None
    detail: str = ""
    """How it differs, or why it was not compared, for people."""


def verdict(checks: Iterable[Check]) -> Verdict:
    """The verdict over all checks; what is new, or could not be compared, takes no part in it."""
    states = {check.state for check in checks}
    if states & {"different", "missing"}:
        return "different"
    return "within-tolerance" if "close" in states else "same"


def worst(states: Iterable[State]) -> State:
    """Of some states of parts of one thing, that of the whole."""
    order: tuple[State, ...] = ("different", "missing", "close", "not-compared", "same")
    found = set(states)
    return next((state for state in order if state in found), "same")


def metrics(
    was: Mapping[str, float],
    now: Mapping[str, float],
    series: tuple[Mapping[str, Points], Mapping[str, Points]],
    tolerance: Tolerance,
) -> list[Check]:
    """Each metric by its last value, and where it has several steps by each of them."""
    found = []
    for name, value in was.items():
        if name not in now:
            found.append(Check(name, "missing", value, None, "was not logged"))
            continue
        state, detail = tolerance.state(value, now[name]), ""
        before, after = (each.get(name, ()) for each in series)
        if len(before) > 1:
            steps = _steps(before, after, tolerance)
            state, detail = worst((state, steps[0])), steps[1]
        found.append(Check(name, state, value, now[name], detail))
    found += [Check(name, "new", None, value) for name, value in now.items() if name not in was]
    return found


def _steps(was: Points, now: Points, tolerance: Tolerance) -> tuple[State, str]:
    if [point[0] for point in was] != [point[0] for point in now]:
        return "different", f"{len(was)} steps then, {len(now)} now"
    states = [tolerance.state(a[1], b[1]) for a, b in zip(was, now, strict=True)]
    apart = sum(state != "same" for state in states)
    if not apart:
        return "same", ""
    step = next(point[0] for point, state in zip(was, states, strict=True) if state != "same")
    return worst(states), f"{apart} of {len(was)} steps, the first is step {step}"


def texts(was: str, now: str, tolerance: Tolerance) -> tuple[State, str]:
    """How two texts compare: word by word, numbers by the tolerance; addresses and times are passed over."""
    if was == now:
        return "same", ""
    before, after = (_UNSTEADY.sub("…", text) for text in (was, now))
    if before == after:
        return "same", "but for addresses and times"
    if _NUMBER.sub("#", before) != _NUMBER.sub("#", after):
        return "different", _first_difference(before, after)
    pairs = zip(_NUMBER.findall(before), _NUMBER.findall(after), strict=True)
    state = worst(tolerance.state(float(a), float(b)) for a, b in pairs if a != b)
    return state, _first_difference(before, after) if state == "different" else ""


def _first_difference(was: str, now: str) -> str:
    before, after = was.splitlines(), now.splitlines()
    for number, (a, b) in enumerate(zip(before, after, strict=False), 1):
        if a != b:
            return f"line {number}: {_short(a)} → {_short(b)}"
    return f"{len(before)} lines then, {len(after)} now"


def _short(line: str) -> str:
    line = line.strip()
    return line if len(line) <= 60 else line[:59] + "…"
