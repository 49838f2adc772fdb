"""A study of Optuna as the source of points. The one file that imports Optuna, on use.

The study lives in memory: what it knows of earlier commands is in the ledger.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jupyter_mlx.errors import UsageError

from .axes import DIGITS, Axis, Choices, Span
from .search import Earlier, Proposal, Search


class OptunaMissingError(UsageError):
    """Optuna is not installed."""

    code = "optuna-missing"

    def __str__(self) -> str:
        return "`--optimize` searches by Optuna, which is not installed; `pip install 'jupyter-mlx[optuna]'`"


class Study:
    """See `Proposals`."""

    prunes = True

    def __init__(self, search: Search, earlier: Sequence[Earlier]) -> None:
        try:
            import optuna
        except ImportError:
            raise OptunaMissingError from None
        assert search.goal is not None
        self._optuna: Any = optuna
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._axes = search.axes
        self._spaces = {axis.name: self._space(axis) for axis in search.axes}
        self._left = search.trials
        # a study that goes on must not draw the numbers again that it began with
        sampler = optuna.samplers.TPESampler(seed=search.seed + len(earlier), constant_liar=True)
        self._study: Any = optuna.create_study(
            direction=search.goal.direction, sampler=sampler, pruner=optuna.pruners.MedianPruner()
        )
        self._trials: dict[int, Any] = {}
        for point in earlier:
            self._add(point)

    def next(self) -> Proposal | None:
        """See `Proposals.next`."""
        if self._left <= 0:
            return None
        self._left -= 1
        trial = self._study.ask(self._spaces)
        self._trials[trial.number] = trial
        return Proposal(
            trial.number, {axis.name: _value(axis, trial.params[axis.name]) for axis in self._axes}
        )

    def step(self, proposal: Proposal, step: int, value: float) -> bool:
        """See `Proposals.step`."""
        trial = self._trials[proposal.number]
        if step < 0 or math.isnan(value):
            return False
        trial.report(value, step)
        return bool(trial.should_prune())

    def tell(
        self, proposal: Proposal, state: Literal["finished", "pruned", "failed"], value: float | None
    ) -> None:
        """See `Proposals.tell`."""
        trial = self._trials.pop(proposal.number)
        states = self._optuna.trial.TrialState
        if state == "finished" and value is not None and not math.isnan(value):
            self._study.tell(trial, value)
        elif state == "pruned":
            self._study.tell(trial, state=states.PRUNED)
        else:
            self._study.tell(trial, state=states.FAIL)

    def _add(self, point: Earlier) -> None:
        states = self._optuna.trial.TrialState
        params = {axis.name: _internal(axis, point.params) for axis in self._axes}
        # what failed is tried again, and what has no value teaches nothing
        if None in params.values() or point.state == "failed" or point.value is None:
            return
        self._left -= 1
        steps = {step: value for steps in point.series.values() for step, value, _ in steps if step >= 0}
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=states.PRUNED if point.state == "pruned" else states.COMPLETE,
                params=params,
                distributions=self._spaces,
                value=point.value,
                intermediate_values=steps,
            )
        )

    def _space(self, axis: Axis) -> Any:
        spaces = self._optuna.distributions
        if isinstance(axis, Choices):
            # by their place, since Optuna knows no lists and no mappings
            return spaces.CategoricalDistribution(range(len(axis.values)))
        if axis.whole:
            return spaces.IntDistribution(int(axis.low), int(axis.high), log=axis.log)
        return spaces.FloatDistribution(axis.low, axis.high, log=axis.log)


def _value(axis: Axis, found: Any) -> Any:
    if isinstance(axis, Choices):
        return axis.values[found]
    return found if axis.whole else _within(axis, float(f"{found:.{DIGITS}g}"))


def _internal(axis: Axis, params: Mapping[str, Any]) -> Any:
    """What Optuna calls the value that a run had; None where the axis does not hold it."""
    value = params.get(axis.name)
    if isinstance(axis, Choices):
        known = [getattr(choice, "value", choice) for choice in axis.values]
        return known.index(value) if value in known else None
    if not isinstance(value, (int, float)) or not axis.low <= value <= axis.high:
        return None
    return value


def _within(axis: Span, value: float) -> float:
    return min(max(value, axis.low), axis.high)
