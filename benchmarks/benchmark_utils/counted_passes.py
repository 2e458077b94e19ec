"""The estimator, with the passes over the data counted: `n_iter_` counts iterations."""

from typing import Any, Self
from unittest import mock

from bce_logistic import GDLogisticRegression
from bce_logistic.estimators import logistic_regression
from bce_logistic.estimators.coefficients import make_objective


class CountedPasses(GDLogisticRegression):
    """Logistic regression that knows how often its last fit read all the rows."""

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit, and keep the rows."""

        def recorded(estimator: Any, rows: Any, n_scores: int) -> Any:
            self._rows = rows
            return make_objective(estimator, rows, n_scores)

        with mock.patch.object(logistic_regression, "make_objective", recorded):
            return super().fit(X, y, sample_weight)

    @property
    def passes(self) -> int:
        """Passes over the data, those for a start and for a preconditioner included."""
        return self._rows.passes
