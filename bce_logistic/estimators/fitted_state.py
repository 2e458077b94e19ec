"""The attributes that a fit sets, where a later fit starts from, and their rollback on errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from ..arrays import Array, to_numpy
from ..descent.loop import DescentState
from ..objective.objective import Objective
from ..rows.training_data import TrainingData
from ..solvers.base import Solver
from ..solvers.minimize import Result
from ..solvers.stochastic import StochasticDescent
from ..validation.classes import Classes
from .coefficients import coefficient_attributes, fitted_coefficients, learnt_coefficients


class WarmStart(NamedTuple):
    """State from which a later fit, or ``partial_fit``, continues.

    ``rule`` is that of the solver that the state belongs to, ``start`` the state of its descent,
    and ``w`` the coefficients that were kept, which may be the mean of the iterates.
    """

    rule: object
    start: DescentState
    w: Array


class Totals(NamedTuple):
    """Counts over all calls of ``partial_fit``.

    ``t`` updates; ``n_samples`` samples with a weight, and ``total_weight``, the sum of their
    weights; ``class_totals``, (n_classes,), that sum for each class before class weights.
    """

    t: int = 0
    n_samples: int = 0
    total_weight: float = 0.0
    class_totals: Array | float = 0.0


@contextmanager
def rollback_on_error(estimator: Any) -> Iterator[None]:
    """Restore all attributes of an estimator if the body raises."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def start_state(
    estimator: Any, solver: Solver, objective: Objective, classes: Classes, *, resume: bool
) -> DescentState:
    """Where the solver starts, or to ``resume`` a previous fit, its state or else its coefficients.

    Raises ValueError if the features or the classes are not those of the previous fit.
    """
    if not (resume and hasattr(estimator, "coef_")):
        return solver.start(objective)
    n_features = estimator.coef_.shape[1]
    same_features = n_features == objective.rows.n_features
    if not same_features or not np.array_equal(to_numpy(estimator.classes_), classes.labels):
        raise ValueError(
            f"warm_start=True continues a fit of {n_features} features and the classes "
            f"{estimator.classes_}; now there are {objective.rows.n_features} features and the "
            f"classes {classes.labels}. Set warm_start=False to start anew."
        )
    dtype = to_numpy(estimator.intercept_).dtype  # also that of coef_
    fitted = fitted_coefficients(estimator)
    recalled = classes.recalled(fitted, dtype) if estimator.fit_intercept else fitted
    w = learnt_coefficients(recalled, objective, classes)
    before = estimator._warm_start
    if before and before.rule == solver.rule and before.w.shape == w.shape and recalled is fitted:
        # The state has more digits than coef_, and counts unless coef_ was changed since.
        kept = classes.with_absent(before.w, dtype).astype(dtype)
        if np.array_equal(learnt_coefficients(kept, objective, classes), w):
            return before.start
    return DescentState(w, t=Totals(*estimator._totals).t)


def set_fitted_attributes(
    estimator: Any, solver: Solver, objective: Objective, result: Result, data: TrainingData
) -> None:
    """Set all attributes of a fit; a call of ``partial_fit`` appends to the curves of the last."""
    is_stream = result.reason == "partial_fit"
    appends = is_stream and vars(estimator).get("stop_reason_") == result.reason
    vars(estimator).update(coefficient_attributes(result.w, objective, data.classes))
    last, weight = result.last.start, objective.total_weight
    # partial_fit can continue a fit on mini-batches. Without a rule, nothing can be continued.
    continues = estimator.warm_start or isinstance(solver, StochasticDescent)
    resumable = continues and solver.rule is not None
    estimator._warm_start = WarmStart(solver.rule, last, result.w) if resumable else None
    estimator._totals = (last.t, *data.seen, data.class_totals)
    to_user_array = objective.rows.to_user_array
    for name, values in (
        ("loss_curve_", [progress.value for progress in result.curve]),
        ("gradient_norm_curve_", [progress.gradient_norm for progress in result.curve]),
    ):
        curve = np.array([value / weight for value in values])
        curve = np.append(getattr(estimator, name), curve) if appends else curve
        setattr(estimator, name, to_user_array(curve))
    n_iter = estimator.loss_curve_.shape[0] - (not is_stream)
    estimator.n_iter_ = to_user_array(np.array([n_iter], dtype=np.int32))
    vars(estimator).pop("validation_loss_curve_", None)
    if result.validation_losses is not None:
        estimator.validation_loss_curve_ = np.array(result.validation_losses)
    estimator.stop_reason_ = result.reason
    estimator.converged_ = result.converged
    estimator.solver_ = solver.name
    estimator.gap_ = result.gap / weight if result.gap < np.inf else np.inf
