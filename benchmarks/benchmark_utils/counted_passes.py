"""The estimator, with the passes over the data counted: `n_iter_` counts iterations."""

from typing import Any

from bce_logistic import GDLogisticRegression
from bce_logistic.objective.objective import Objective


class CountedPasses(GDLogisticRegression):
    """Logistic regression that says how often its last fit read all the rows."""

    def _objective(self, rows: Any, n_scores: int) -> Objective:
        self._rows = rows
        return super()._objective(rows, n_scores)

    @property
    def passes(self) -> int:
        """Passes over the data, those for a start and for a metric included."""
        return self._rows.passes
