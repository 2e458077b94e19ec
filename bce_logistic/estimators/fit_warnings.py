"""The warnings of a fit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from ..exceptions import CollinearityWarning, SeparationWarning
from ..solvers.base import Solver
from ..validation.classes import Classes
from ..validation.features import feature_names, listed


def fit_warnings(
    estimator: Any,
    solver: Solver,
    classes: Classes,
    separated: NDArray[np.bool_],
    redundant: NDArray[np.bool_],
) -> Iterator[tuple[str, type[Warning]]]:
    """Messages and categories of the warnings about a fitted estimator.

    ``separated``, (n_features,): features whose coefficients have no finite optimum.
    ``redundant``, (n_features,): a smallest set of features without which none are collinear.
    """

    def listed_names(features: NDArray[np.bool_]) -> str:
        return listed(np.array(feature_names(estimator))[features].tolist())

    if len(classes.absent):
        fitted = (
            "their probability is fitted as zero"
            if estimator.fit_intercept
            else "without an intercept, only large coefficients make their probability small"
        )
        yield (
            f"The classes {classes.absent} have no weight, because of sample_weight or "
            f"class_weight: {fitted}. Give them weight, or leave their samples out.",
            UserWarning,
        )
    if redundant.any():
        others = "the other columns" + " and the intercept" * estimator.fit_intercept
        yield (
            "Columns of X are collinear: without a penalty, the data do not determine their "
            "coefficients, and the fit took those of least norm. Leave out "
            f"{listed_names(redundant)}: {others} determine them. Or set C to a finite "
            "value.",
            CollinearityWarning,
        )
    if estimator.stop_reason_ == "max_iter" and solver.tol > 0:
        yield (
            f"{solver.name} made max_iter={estimator.max_iter} iterations and did not reach "
            f"tol={solver.tol:g}: the largest component of the mean gradient is "
            f"{float(estimator.gradient_norm_curve_[-1]):.3g}. To converge, {solver.advice}.",
            ConvergenceWarning,
        )
    if estimator.stop_reason_ == "precision" and not estimator.converged_:
        yield (
            f"{solver.name} found no step that decreases the objective by more than rounding "
            f"errors, but it may be gap_={estimator.gap_:.3g} above its minimum. To converge, "
            "scale the features or decrease C.",
            ConvergenceWarning,
        )
    if estimator.stop_reason_ == "separated":
        by = f", by {listed_names(separated)}" if separated.any() else ""
        yield (
            f"Some or all samples are separated perfectly{by}: "
            "without a penalty, larger coefficients are always better and there is no "
            "optimum. The fit stopped at coefficients that are finite. Set C to a finite "
            "value, or leave features out.",
            SeparationWarning,
        )
