"""A model fitted without a penalty, checked against the data of its fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Never

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..arrays import Array, keeps_namespace, to_numpy
from ..estimators.coefficients import fitted_coefficients, make_objective
from ..estimators.logistic_regression import GDLogisticRegression
from ..objective.collinearity import Collinearity, find_collinearity
from ..objective.objective import Objective
from ..objective.penalties import L2
from ..objective.standard_errors import SINGULAR, NewtonStep, errors_from_step, newton_step
from ..rows.label_index import label_weights
from ..rows.memory import RowsInMemory, row_blocks
from ..rows.threads import ParallelMap
from ..validation.features import feature_names as names_of
from ..validation.features import listed, validated
from ..validation.labels import SoftLabels, fit_encode
from ..validation.sparse import without_repeats
from ..validation.weights import check_sample_weight, weigh_classes

# Largest Newton decrement: how far from the optimum the coefficients may be, in standard errors.
MAX_DECREMENT = 0.01


@dataclass(frozen=True)
class FittedData:
    """A fitted model and the objective of its fit, over rows in memory in double precision.

    Parameters
    ----------
    labels : ndarray of shape (n_classes,)
        The classes.
    names : list of str
        Names of the columns, the intercept last.
    objective : Objective
        The objective over ``rows``.
    rows : RowsInMemory
        The samples.
    w : ndarray
        The coefficients, in the objective's shape.
    """

    labels: NDArray
    names: list[str]
    objective: Objective
    rows: RowsInMemory
    w: Array

    @classmethod
    def of(
        cls,
        estimator: GDLogisticRegression,
        X: Any,
        y: Any,
        sample_weight: Any,
        names: list[str],
        run: ParallelMap,
    ) -> FittedData:
        """Validated data of a fit; ValueError if labels or weights cannot be those of the fit."""
        X, y = validated(estimator, X, y, reset=False, dtype=[np.float64])
        fitted_classes = to_numpy(estimator.classes_)
        if isinstance(y, SoftLabels):
            labels, y = fitted_classes, y.of_classes(fitted_classes)
        else:
            labels, y = fit_encode(y)
        if not np.array_equal(labels, fitted_classes):
            raise ValueError(
                f"y holds the classes {labels}, but the estimator was fitted on "
                f"{estimator.classes_}. Pass the labels of the fit."
            )
        s = check_sample_weight(sample_weight, len(y))
        classes = weigh_classes(estimator, labels, label_weights(y, s, len(labels)))
        if estimator.fit_intercept and len(classes.absent):
            raise ValueError(
                f"The classes {classes.absent} have no weight: their probability is fitted as "
                "zero, without a standard error. Leave their samples out, and fit the other "
                "classes."
            )
        rows = row_blocks(X, *classes.coded(y, s), run)
        objective = make_objective(estimator, rows, classes.n_scores)
        w = fitted_coefficients(estimator).reshape(objective.shape)
        return cls(labels, [*names, *["intercept"] * estimator.fit_intercept], objective, rows, w)

    def collinearity(self, tolerance: float | None = None) -> Collinearity:
        """Linear relations between the columns."""
        return find_collinearity(self.rows, self.objective.fit_intercept, tolerance)

    def without_redundant(self, collinear: Collinearity) -> FittedData:
        """The same model without the redundant columns: the others have their coefficients."""
        features, fit_intercept = ~collinear.redundant, self.objective.fit_intercept
        columns = np.append(features, np.ones(int(fit_intercept), dtype=bool))
        X = without_repeats(self.rows.X[:, features])
        rows = row_blocks(X, self.rows.y, self.rows.s, self.rows.run)
        no_penalty = L2.of(np.inf, rows.n_features, fit_intercept)
        return FittedData(
            self.labels,
            np.array(self.names)[columns].tolist(),
            replace(self.objective, rows=rows, penalty=no_penalty),
            rows,
            collinear.without_redundant(self.w)[columns],
        )

    def newton_step(self) -> NewtonStep:
        """Newton's step; ValueError if the coefficients are not an optimum of these data."""
        newton = newton_step(self.objective, self.w)
        errors = errors_from_step(self.objective, self.w, newton)
        if errors.undetermined.any():
            # Columns that are collinear up to the rounding of the Hessian make it singular, too.
            n_features = self.rows.n_features
            collinear = self.collinearity(n_features * SINGULAR * np.finfo(np.float64).eps)
            if collinear.n_relations:
                redundant = np.array(self.names[:n_features])[collinear.redundant].tolist()
                raise ValueError(
                    "The Hessian is singular: columns are collinear, so that the data do not "
                    f"determine their coefficients. Leave out {listed(redundant)}, or fit with "
                    "a smaller C and pass penalized=True."
                )
            self._refuse_separated(errors.undetermined)
        if errors.distance > MAX_DECREMENT:
            raise ValueError(
                f"The coefficients are {errors.distance:.2g} standard errors from the optimum of "
                "these data and weights. Pass those that the estimator was fitted on; if you did, "
                "fit it with tol=1e-12, on X in double precision."
            )
        if errors.unstable.any():
            self._refuse_separated(errors.unstable)
        return newton

    def _refuse_separated(self, separating: NDArray[np.bool_]) -> Never:
        """Raise ValueError with the columns that separate any class, (n_contrasts,)."""
        of_any_class = separating.reshape(-1, len(self.names)).any(axis=0)
        columns = np.array(self.names)[of_any_class].tolist()
        raise ValueError(
            f"Some samples are separated perfectly, by {listed(columns)}: the larger these "
            "coefficients, the better, so that they have no optimum and no standard errors. Leave "
            "features out, or fit with a smaller C and pass penalized=True."
        )


def final_step(
    estimator: Any, X: Any, feature_names: Any, function: str
) -> tuple[GDLogisticRegression, Any, list[str]]:
    """The classifier, the features as it takes them, and their names.

    Of a Pipeline, the steps before the classifier transform and name the features. ``function`` is
    named in errors: TypeError for another kind of estimator or array, ValueError if there are not
    as many ``feature_names`` as features.
    """
    model, steps = estimator, None
    if isinstance(estimator, Pipeline):
        check_is_fitted(estimator)
        model, steps = estimator[-1], estimator[:-1] if len(estimator) > 1 else None
    if not isinstance(model, GDLogisticRegression):
        raise TypeError(
            "estimator must be a GDLogisticRegression, or a Pipeline that ends with one; got "
            f"{type(model).__name__}. For a search, pass its best_estimator_."
        )
    check_is_fitted(model)
    if keeps_namespace(X):
        raise TypeError(f"{function} computes with NumPy: pass X and y as NumPy arrays.")
    names = names_of(model)
    if steps is not None:
        X = steps.transform(X)
        if feature_names is None and not hasattr(model, "feature_names_in_"):
            names = _names_of_steps(steps, names)
    if feature_names is not None:
        if len(feature_names) != len(names):
            raise ValueError(
                f"{len(feature_names)} feature_names for the {len(names)} features of the "
                "classifier."
            )
        names = [str(name) for name in feature_names]
    return model, X, names


def _names_of_steps(steps: Pipeline, otherwise: list[str]) -> list[str]:
    """Names that the steps give their output, if all of them name it."""
    try:
        return list(steps.get_feature_names_out())
    except (AttributeError, ValueError):  # a step that names nothing
        return otherwise


def check_optimum(estimator: GDLogisticRegression, *, penalized: bool) -> None:
    """Raise ValueError unless the fit converged, and has no penalty or ``penalized`` is set."""
    if estimator.stop_reason_ == "separated":
        raise ValueError(
            "Some samples are separated perfectly: the coefficients have no optimum, and no "
            "standard errors. Leave features out, or fit with a finite C and pass penalized=True."
        )
    if not estimator.converged_:
        raise ValueError(
            f"The fit did not converge (stop_reason_={estimator.stop_reason_!r}): standard errors "
            "belong to the optimum. Fit with a larger max_iter, and tol=1e-12."
        )
    if np.isfinite(estimator.C) and penalized and estimator.l1_ratio > 0:
        raise ValueError(
            f"The L1 penalty of l1_ratio={estimator.l1_ratio} is no normal prior: the posterior is "
            "not approximately normal where coefficients are zero. Fit with l1_ratio=0."
        )
    if np.isfinite(estimator.C) and not penalized:
        raise ValueError(
            f"The penalty of C={estimator.C} shrinks the coefficients, which standard errors and "
            "tests do not account for. Fit with C=np.inf; for a table that reads the penalty as a "
            "prior, pass penalized=True to inference_table."
        )
