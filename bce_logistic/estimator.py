"""The scikit-learn face: parameters, validation, stopping, fitted attributes."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .convergence import Progress
from .exceptions import SeparationWarning
from .gradient_descent import GradientDescent
from .labels import encode_labels
from .losses import BinaryCrossEntropy, CrossEntropy, Loss
from .objective import Objective
from .preconditioned import PreconditionedDescent
from .row_blocks import RowBlocks, product, row_blocks
from .threads import Run, worker_threads
from .validation import (
    check_sample_weight,
    class_weighted,
    explain_not_finite,
    is_dask,
    lazy_for_dask,
    unchanged_on_error,
)

Array = NDArray[np.float64]

# The parameters that only textbook gradient descent has, and their defaults.
TEXTBOOK: dict[str, Any] = {
    "learning_rate": "auto",
    "power_t": 0.0,
    "momentum": 0.0,
    "nesterov": False,
    "reduction": "mean",
}


class GDLogisticRegression(ClassifierMixin, BaseEstimator):
    r"""Logistic regression by descending the gradient of binary cross-entropy.

    Minimises what :class:`sklearn.linear_model.LogisticRegression` minimises,

    .. math:: F(w, b) = \sum_i s_i \, \ell_i + \frac{\|w\|^2}{2 C}, \qquad
              \ell = -[y \log \hat y + (1 - y) \log(1 - \hat y)], \qquad
              \hat y = \sigma(X w + b),

    with the softmax and its cross-entropy for more than two classes. The weight of a sample,
    :math:`s_i`, is its sample weight times its class weight; the intercept is not penalised.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the L2 penalty, as in LogisticRegression. ``np.inf``: no penalty,
        plain cross-entropy.
    fit_intercept : bool, default=True
        Whether to learn the intercept ``b``.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, ``{label: weight}``; "balanced": the same total weight for every
        class.
    solver : {"auto", "preconditioned", "gd"}, default="auto"
        "preconditioned": the fast one, descent in the metric of an approximate Hessian.
        "gd": textbook gradient descent. "auto": "gd" as soon as one of the parameters that only
        it has (``learning_rate``, ``power_t``, ``momentum``, ``nesterov``, ``reduction``) is
        set, else "preconditioned".
    learning_rate : float or "auto", default="auto"
        Step size. "auto": 1/L, with L the Lipschitz constant of the gradient; plain descent
        then never diverges, and the objective never rises.
    power_t : float, default=0.0
        The step at update t is ``learning_rate / (1 + t) ** power_t``.
    momentum : float, default=0.0
        Coefficient in [0, 1] of heavy-ball momentum: ``v = momentum * v + gradient``,
        ``w = w - step * v``.
    nesterov : bool, default=False
        Nesterov's form of the momentum. With ``learning_rate="auto"`` and ``momentum=0``:
        accelerated descent with adaptive restart.
    reduction : {"mean", "sum"}, default="mean"
        Whether ``learning_rate`` multiplies the mean or the sum of the samples' gradients. It
        scales the step, never the optimum; "auto" takes the same step for both.
    max_iter : int, default=1000
        Largest number of passes over the data. "preconditioned" looks at it between two steps,
        each of which can take several passes.
    tol : float, default=1e-6
        "preconditioned": stop when the estimated distance to the optimal objective, relative to
        it, is no larger. "gd": stop when no component of the mean gradient (the gradient over
        the total weight) is larger. 0: make all ``max_iter`` passes.
    warm_start : bool, default=False
        Go on from the coefficients of the previous fit; "gd" also from its momentum and its
        count of updates.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw of rows from which "preconditioned" starts. None: the same rows for
        the same data, so that a repeated fit gives the same result to the last bit.
    verbose : int, default=0
        1: print a line a pass.
    n_jobs : int or None, default=None
        Number of threads over the rows. None: as many as BLAS would use; -1: all cores. The
        result does not depend on it. Dask collections are worked on by Dask's workers instead.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients, in the dtype of X; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; zero without ``fit_intercept``.
    n_iter_ : int
        Number of passes over the data; for "gd" of updates, each of which takes one. The first
        pass over a Dask collection is that over its labels.
    loss_curve_ : ndarray of shape (n_iterates,)
        Objective over the total weight, in nats, at the start and after each update. The very
        last step of "preconditioned" is known to be a good one and not evaluated.
    gradient_norm_curve_ : ndarray of shape (n_iterates,)
        Largest component of the mean gradient, likewise.
    converged_ : bool
        Whether ``tol`` was reached, or the precision of the numbers.
    stop_reason_ : str
        Why the fit ended: "tol"; "precision", no step makes the objective smaller;
        "separated", there is no optimum; "max_iter".
    solver_ : str
        The solver that was used.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had any.

    See Also
    --------
    sklearn.linear_model.LogisticRegression : The same model, by other solvers.
    sklearn.linear_model.SGDClassifier : Linear models by stochastic gradient descent.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from bce_logistic import GDLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(X, y)
    >>> round(model.score(X, y), 3)
    0.988
    """

    coef_: Any
    intercept_: NDArray

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, 0, None, closed="right")],
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "solver": [StrOptions({"auto", "gd", "preconditioned"})],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterov": ["boolean"],
        "reduction": [StrOptions({"mean", "sum"})],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left")],
        "warm_start": ["boolean"],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        *,
        C: float = 1.0,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        solver: str = "auto",
        learning_rate: float | str = "auto",
        power_t: float = 0.0,
        momentum: float = 0.0,
        nesterov: bool = False,
        reduction: str = "mean",
        max_iter: int = 1000,
        tol: float = 1e-6,
        warm_start: bool = False,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.C = C
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.solver = solver
        self.learning_rate = learning_rate
        self.power_t = power_t
        self.momentum = momentum
        self.nesterov = nesterov
        self.reduction = reduction
        self.max_iter = max_iter
        self.tol = tol
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features. float64 and float32 stay as they are, everything else becomes float64;
            sparse rows stay sparse. A memory-mapped array in C order is not copied. Dask arrays
            and DataFrames are summed over by Dask's workers.
        y : array-like or Dask collection of shape (n_samples,)
            Labels of at least two classes.
        sample_weight : array-like or Dask collection of shape (n_samples,), or number, default=None
            Weights of the samples, not negative. None: 1 for every sample.

        Returns
        -------
        GDLogisticRegression
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels or the weights are not usable, or if a fixed
            learning rate diverges. The previous fit is left as it was.
        """
        with unchanged_on_error(self):
            self._validate_params()
            solver = self._solver()
            with worker_threads(self.n_jobs) as run:
                classes, rows = self._rows(X, y, sample_weight, run)
                loss: Loss = BinaryCrossEntropy() if len(classes) == 2 else CrossEntropy()
                objective = Objective(
                    loss=loss,
                    rows=rows,
                    ridge=np.full(rows.n_features, 1 / self.C),
                    fit_intercept=self.fit_intercept,
                    n_scores=1 if len(classes) == 2 else len(classes),
                )
                start = self._start(solver, objective, classes)
                with np.errstate(all="ignore"):  # what is not finite is found and explained
                    w = self._descend(solver, objective, start)
            self.classes_ = classes
            self._set_coefficients(w, objective, rows.dtype)
        return self

    @lazy_for_dask
    def decision_function(self, X: Any) -> NDArray:
        """Scores ``X @ w + b``: log-odds for two classes.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples,) or (n_samples, n_classes)
            The scores, in nats; for two classes those of ``classes_[1]``.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=[np.float64, np.float32], reset=False)
        z = product(X, self.coef_.T) + self.intercept_
        return z.ravel() if z.shape[1] == 1 else z

    @lazy_for_dask
    def predict_proba(self, X: Any) -> NDArray:
        """Probabilities of the classes: the sigmoid or the softmax of the scores.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples, n_classes)
            Probabilities, in the order of ``classes_``; every row sums to one.
        """
        z = self.decision_function(X)
        if len(self.classes_) > 2:
            return CrossEntropy().prediction(z)
        sigmoid = BinaryCrossEntropy().prediction
        return np.stack([sigmoid(-z), sigmoid(z)], axis=1)

    @lazy_for_dask
    def predict_log_proba(self, X: Any) -> NDArray:
        """Logarithms of the probabilities of the classes.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples, n_classes)
            Log-probabilities, in nats, in the order of ``classes_``; finite even where the
            probability underflows to zero.
        """
        z = self.decision_function(X)
        if len(self.classes_) == 2:
            z = np.stack([np.zeros_like(z), z], axis=1)
        labels = np.arange(len(self.classes_))
        loss = CrossEntropy()
        log_proba = [-loss.value_and_gradient(np.full(len(z), k), z)[0] for k in labels]
        return np.stack(log_proba, axis=1)

    @lazy_for_dask
    def predict(self, X: Any) -> NDArray:
        """Most probable class of every sample.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.

        Returns
        -------
        ndarray or lazy dask array of shape (n_samples,)
            Labels.
        """
        z = self.decision_function(X)
        return self.classes_[(z > 0).astype(int) if z.ndim == 1 else z.argmax(axis=1)]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Accuracy: the share of samples whose most probable class is their label.

        Parameters
        ----------
        X : array-like, sparse matrix or Dask collection of shape (n_samples, n_features)
            Features.
        y : array-like or Dask collection of shape (n_samples,)
            Labels.
        sample_weight : array-like or Dask collection of shape (n_samples,), default=None
            Weights of the samples. None: 1 for every sample.

        Returns
        -------
        float
            The share, between 0 and 1.
        """
        if is_dask(X):
            from .dask import accuracy

            return accuracy(self, X, y, sample_weight)
        return super().score(X, y, sample_weight)

    def sparsify(self) -> Self:
        """Turn ``coef_`` into a sparse matrix, which saves memory if most of it is zero.

        Returns
        -------
        GDLogisticRegression
            The estimator itself.
        """
        check_is_fitted(self)
        self.coef_ = scipy.sparse.csr_matrix(self.coef_)
        return self

    def densify(self) -> Self:
        """Turn ``coef_`` back into an array.

        Returns
        -------
        GDLogisticRegression
            The estimator itself.
        """
        check_is_fitted(self)
        if scipy.sparse.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _solver(self) -> GradientDescent | PreconditionedDescent:
        """Solver with the parameters that it needs; refuses what makes no sense together."""
        knobs = {name: getattr(self, name) for name in TEXTBOOK}
        turned = [name for name, value in knobs.items() if value != TEXTBOOK[name]]
        if self.solver == "preconditioned" and turned:
            raise ValueError(
                f"solver='preconditioned' finds its own steps and does not take "
                f"{', '.join(f'{name}={knobs[name]!r}' for name in turned)}. Set solver='gd', "
                "or leave out what is only for textbook gradient descent."
            )
        if self.solver == "gd" or turned:
            if self.nesterov and self.momentum == 0 and self.learning_rate != "auto":
                raise ValueError(
                    "nesterov=True with a fixed learning_rate needs momentum > 0, for example "
                    "0.9; learning_rate='auto' finds the momentum by itself."
                )
            return GradientDescent(**knobs, max_iter=self.max_iter, tol=self.tol)
        seed = 0
        if self.random_state is not None:
            seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return PreconditionedDescent(max_iter=self.max_iter, tol=self.tol, seed=seed)

    def _rows(self, X: Any, y: Any, sample_weight: Any, run: Run) -> tuple[NDArray, RowBlocks]:
        """Classes, and the rows where they are; checks them but for what is not finite in X."""
        if is_dask(X):
            from .dask import dask_rows

            return dask_rows(self, X, y, sample_weight)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            ensure_all_finite=False,  # the first pass over the rows sees what is not
        )
        classes, y = encode_labels(y)
        s = check_sample_weight(sample_weight, len(y))
        s = class_weighted(s, self.class_weight, classes, y)
        return classes, row_blocks(X, y, s, run)

    def _descend(
        self,
        solver: GradientDescent | PreconditionedDescent,
        objective: Objective,
        start: tuple,
    ) -> Array:
        """Descend until there is a reason to stop; set what it leaves behind but the result."""
        weight = objective.total_weight
        history: list[Progress] = []
        curve: dict[int, Progress] = {}  # one for each update: a new metric looks at a point twice
        for iterate in solver.iterates(objective, *start):
            history.append(Progress.of(iterate))
            curve[iterate.t] = history[-1]
            reason = solver.reason_to_stop(objective, iterate, history)
            value, gradient_norm, _ = history[-1]
            if not np.isfinite(history[-1]).all():
                explain_not_finite(objective.rows.X, self)
            if self.verbose:
                print(
                    f"{solver.name}: pass {solver.passes(objective, history)}, objective "
                    f"{value / weight:.9g}, gradient {gradient_norm / weight:.3g}"
                )
            if reason:
                break
        self.n_iter_ = solver.passes(objective, history)
        self.loss_curve_ = np.array([progress.value for progress in curve.values()]) / weight
        self.gradient_norm_curve_ = (
            np.array([progress.gradient_norm for progress in curve.values()]) / weight
        )
        self.stop_reason_ = reason
        self.converged_ = reason in ("tol", "precision")
        self.solver_ = solver.name
        self._resume = (solver.direction, iterate.state, iterate.t)
        if reason == "max_iter" and self.tol > 0:
            warnings.warn(
                f"{solver.name} made max_iter={self.max_iter} passes and did not reach "
                f"tol={self.tol}: the largest component of the mean gradient is "
                f"{self.gradient_norm_curve_[-1]:.3g}. To converge, {solver.advice}.",
                ConvergenceWarning,
                stacklevel=3,
            )
        if reason == "separated":
            warnings.warn(
                "The features separate the classes perfectly: without a penalty, larger "
                "coefficients are always better and there is no optimum. The fit stopped at "
                "coefficients that classify every sample. Set C to a finite value.",
                SeparationWarning,
                stacklevel=3,
            )
        return solver.result(iterate, history)

    def _start(
        self,
        solver: GradientDescent | PreconditionedDescent,
        objective: Objective,
        classes: NDArray,
    ) -> tuple:
        """Coefficients, state of the direction and number of updates to start from."""
        if not (self.warm_start and hasattr(self, "coef_")):
            return solver.start(objective), None, 0
        n_scores, n_features = self.coef_.shape
        same_shape = (n_scores, n_features) == (objective.n_scores, objective.rows.n_features)
        if not same_shape or not np.array_equal(self.classes_, classes):
            raise ValueError(
                f"warm_start=True goes on from a fit of {n_features} features and the classes "
                f"{self.classes_}; now there are {objective.rows.n_features} features and the "
                f"classes {classes}. Set warm_start=False to start anew."
            )
        coef = self.coef_.toarray() if scipy.sparse.issparse(self.coef_) else self.coef_
        w = coef.T.astype(np.float64)
        if self.fit_intercept:
            w = np.append(w, [self.intercept_], axis=0)
        direction, state, t = self._resume
        # What one rule remembers means nothing to another, nor without the same intercept.
        same_rule = direction == solver.direction and self._fitted_shape == objective.shape
        return w.reshape(objective.shape), state if same_rule else None, t

    def _set_coefficients(self, w: Array, objective: Objective, dtype: Any) -> None:
        """Split the coefficients as scikit-learn lays them out."""
        self._fitted_shape = objective.shape
        w = w.reshape(-1, objective.n_scores).astype(dtype)
        n_features = objective.rows.n_features
        self.coef_ = np.ascontiguousarray(w[:n_features].T)
        self.intercept_ = w[n_features] if self.fit_intercept else np.zeros(len(self.coef_), dtype)
