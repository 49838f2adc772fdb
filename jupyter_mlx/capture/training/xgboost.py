"""XGBoost: an iteration is a step, its metrics are `validation.logloss` and the like."""

from __future__ import annotations

from typing import Any

from .boosting import add_callback
from .hook import Begin, Log


def patch(xgboost: Any, begin: Begin) -> None:
    """See the package. Source: XGBoost's documentation, "Callback Functions"."""

    class Logging(xgboost.callback.TrainingCallback):  # type: ignore[misc]  # known when it is imported
        def __init__(self, log: Log) -> None:
            super().__init__()
            self._log = log

        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            del model
            # of a cross-validation the last value is a pair: mean and deviation
            found = {
                f"{data}.{metric}": values[-1][0] if isinstance(values[-1], tuple) else values[-1]
                for data, metrics in evals_log.items()
                for metric, values in metrics.items()
            }
            if found:
                self._log(found, epoch)
            return False

    modules = [xgboost.training, xgboost, getattr(xgboost, "sklearn", None)]
    add_callback(modules, ("train", "cv"), begin, Logging)
