"""Coefficients for every strength of the penalty, and where the first one comes up."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import Interval, validate_params

from ..arrays import Array
from ..objective.objective import Objective
from ..rows.threads import worker_threads
from ..rows.training_data import RawData, TrainingData, samples
from ..solvers.minimize import Result, minimize
from ..solvers.path import minimize_along
from ..validation.features import feature_names
from .callbacks import FitTasks, with_callbacks
from .coefficients import coefficient_attributes, make_objective
from .logistic_regression import GDLogisticRegression
from .monitor import make_monitor
from .solver_choice import check_combinations, choose_solver, draw_seed

# Strengths without an L1 penalty, where no C makes all coefficients zero.
SMALLEST, LARGEST = 1e-4, 1e4
# A penalty beside which only coefficients that have none are not zero.
OVERWHELMING = 1e12


class RegularizationPath(NamedTuple):
    """Coefficients for every C.

    Parameters
    ----------
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty, increasing.
    coefs : ndarray of shape (n_Cs, n_classes or 1, n_features)
        Coefficients; one row for two classes.
    intercepts : ndarray of shape (n_Cs, n_classes or 1)
        Intercepts.
    gaps : ndarray of shape (n_Cs,)
        Certified bounds on how far the objective is above its minimum, in nats a sample.
    n_iter : ndarray of int32 of shape (n_Cs,)
        Numbers of iterations.
    classes : ndarray of shape (n_classes,)
        The labels.
    feature_names : ndarray of str of shape (n_features,)
        Names of the features; x0, x1, ... if they have none.
    """

    Cs: Array
    coefs: NDArray[Any]
    intercepts: NDArray[Any]
    gaps: Array
    n_iter: NDArray[np.int32]
    classes: NDArray[Any]
    feature_names: NDArray[Any]


@validate_params(
    {"l1_ratio": [Interval(Real, 0, 1, closed="right")], "estimator": [GDLogisticRegression, None]},
    prefer_skip_nested_validation=True,
)
def C_max(  # noqa: N802
    X: Any,
    y: Any,
    l1_ratio: float = 1.0,
    *,
    sample_weight: Any = None,
    estimator: GDLogisticRegression | None = None,
) -> float:
    r"""Largest C with which all penalised coefficients are zero.

    .. math:: C_{\max} = \min_j \frac{m_j \, \rho}{|x_j^T s (\hat y - y)|}

    at the optimum of the intercept, and of the features without a penalty.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or the probability of each class.
    l1_ratio : float, default=1.0
        Share of the L1 penalty, in (0, 1].
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the samples. None: 1 for every sample.
    estimator : GDLogisticRegression or None, default=None
        Gives the parameters ``fit_intercept``, ``class_weight`` and ``penalty_weights``. None:
        their defaults.

    Returns
    -------
    float
        The strength; ``np.inf`` if no C makes a coefficient differ from zero.

    See Also
    --------
    regularization_path : Coefficients for every C from there on.
    sklearn.svm.l1_min_c : The same for liblinear, whose intercept is penalised.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from bce_logistic import C_max
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> round(C_max(scale(X), y), 5)
    0.00458
    """
    template = _template(estimator, l1_ratio)
    with worker_threads(template.n_jobs) as run, np.errstate(all="ignore"):
        seed = draw_seed(template.random_state)
        data = samples(template, RawData(X, y, sample_weight), RawData(None, None, None), seed, run)
        return _smallest_C(template, _objective(template, data), data, seed)


@validate_params(
    {
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "eps": [Interval(Real, 0, 1, closed="neither")],
        "estimator": [GDLogisticRegression, None],
    },
    prefer_skip_nested_validation=True,
)
def regularization_path(
    X: Any,
    y: Any,
    Cs: Any = 100,
    l1_ratio: float = 1.0,
    *,
    eps: float = 1e-3,
    sample_weight: Any = None,
    estimator: GDLogisticRegression | None = None,
) -> RegularizationPath:
    """Coefficients for every strength of the penalty, each fit started from those before.

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features. Scale them, so that the penalty affects all alike.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels, or the probability of each class.
    Cs : int or array-like of shape (n_Cs,), default=100
        Inverse strengths of the penalty, positive and finite. An int: that many, evenly on a
        logarithmic scale, from :func:`C_max` to ``C_max / eps``; without an L1 penalty from 1e-4
        to 1e4.
    l1_ratio : float, default=1.0
        Share of the L1 penalty, in [0, 1].
    eps : float, default=1e-3
        Smallest over largest C, if ``Cs`` is an int and there is an L1 penalty.
    sample_weight : array-like of shape (n_samples,) or None, default=None
        Weights of the samples. None: 1 for every sample.
    estimator : GDLogisticRegression or None, default=None
        Gives all other parameters, such as ``penalty_weights`` and ``tol``, and the callbacks,
        such as scikit-learn's progress bar, for which each C is an iteration. None: the defaults.
        It is not modified.

    Returns
    -------
    RegularizationPath
        The coefficients, and how good they are.

    See Also
    --------
    RegularizationPathDisplay : A plot of the path.
    GDLogisticRegressionCV : Chooses C by cross-validation.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from bce_logistic import regularization_path
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> path = regularization_path(scale(X), y, Cs=5)
    >>> (path.coefs != 0).sum(axis=(1, 2)).tolist()
    [0, 4, 9, 17, 22]
    """
    template = _template(estimator, l1_ratio)
    return _fit_path(template, X, y, sample_weight, Cs, eps)


@with_callbacks
def _fit_path(
    estimator: GDLogisticRegression, X: Any, y: Any, sample_weight: Any, Cs: Any, eps: float
) -> RegularizationPath:
    """The path, between the set-up and the tear-down of the callbacks."""
    estimator._validate_params()
    check_combinations(estimator)
    number = Cs if isinstance(Cs, Integral) else len(Cs)
    seed = draw_seed(estimator.random_state)
    raw = RawData(X, y, sample_weight)
    with worker_threads(estimator.n_jobs) as run, np.errstate(all="ignore"):
        data = samples(estimator, raw, RawData(None, None, None), seed, run)
        objective = _objective(estimator, data)
        if isinstance(Cs, Integral):
            Cs = _even_Cs(estimator, objective, data, seed, int(Cs), eps)
        Cs = check_Cs(Cs)
        tasks = FitTasks.of(estimator, number + 1, *raw)
        gaps = np.empty(len(Cs))

        def on_fit(k: int, fit: Result) -> None:
            gaps[k] = fit.gap / data.rows.total_weight
            if tasks:
                tasks.on_iteration(k, None, k == len(Cs) - 1)

        solver = choose_solver(estimator, data.rows, seed)
        monitor = make_monitor(estimator, solver, objective, data.classes, None)
        path = minimize_along(objective, Cs, lambda _: solver, monitor, on_fit)
        attributes = [coefficient_attributes(w, objective, data.classes) for w in path.w]
        if tasks:
            tasks.end(lambda: attributes[-1])
    return RegularizationPath(
        Cs,
        np.stack([part["coef_"] for part in attributes]),
        np.stack([part["intercept_"] for part in attributes]),
        gaps,
        path.n_iter,
        data.classes.labels,
        np.array(feature_names(estimator)),
    )


def check_Cs(Cs: Any) -> Array:  # noqa: N802
    """Sorted strengths for a logarithmic axis; ValueError unless all are positive and finite."""
    Cs = np.sort(column_or_1d(Cs)).astype(np.float64)
    if not len(Cs) or not (np.isfinite(Cs) & (Cs > 0)).all():
        raise ValueError(f"Cs must be one or more positive and finite numbers; got {Cs}.")
    return Cs


def _template(estimator: GDLogisticRegression | None, l1_ratio: float) -> GDLogisticRegression:
    """A copy of the estimator with this penalty and C=1."""
    template = clone(estimator or GDLogisticRegression())
    return template.set_params(C=1.0, l1_ratio=l1_ratio)


def _objective(estimator: GDLogisticRegression, data: TrainingData) -> Objective:
    if np.count_nonzero(data.classes.weighted) < 2:
        raise ValueError("A path needs samples with weight of at least two classes.")
    return make_objective(estimator, data.rows, data.classes.n_scores)


def _even_Cs(  # noqa: N802
    estimator: GDLogisticRegression,
    objective: Objective,
    data: TrainingData,
    seed: int,
    number: int,
    eps: float,
) -> Array:
    """Strengths evenly on a logarithmic scale."""
    smallest = SMALLEST
    if not objective.penalty.is_smooth:
        smallest = _smallest_C(estimator, objective, data, seed)
    if not (0 < smallest < inf):
        raise ValueError("No C makes a coefficient differ from zero: X tells nothing about y.")
    largest = LARGEST if objective.penalty.is_smooth else smallest / eps
    return np.geomspace(smallest, largest, number)


def _smallest_C(  # noqa: N802
    estimator: GDLogisticRegression, objective: Objective, data: TrainingData, seed: int
) -> float:
    """The largest C with which all penalised coefficients are zero."""
    solver = choose_solver(estimator, data.rows, seed)
    monitor = make_monitor(estimator, solver, objective, data.classes, None)
    point = objective.at(solver.start(objective).w)
    free = objective.penalty.unpenalised
    if np.abs(point.gradient[free]).max(initial=0.0) > 1e-10 * objective.total_weight:
        penalised = replace(objective, penalty=objective.penalty.scaled(OVERWHELMING))
        point = objective.at(minimize(penalised, solver, solver.start(penalised), None, monitor).w)
    if not np.isfinite(point.gradient).all():
        data.rows.check_finite(estimator)
    slope = np.abs(point.gradient).reshape(len(point.w), -1).max(axis=1)
    with np.errstate(divide="ignore"):
        ratio = objective.penalty.l1[~free] / slope[~free]
    return float(ratio.min(initial=inf))
