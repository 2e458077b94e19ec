"""The scikit-learn face: parameters, validation, stopping, fitted attributes."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions

from ..arrays import SUPPORTS_DISPATCH, Array, to_numpy
from ..descent.loop import DescentState, Iterate
from ..exceptions import CollinearityWarning, SeparationWarning
from ..objective.losses import BinaryCrossEntropy, CrossEntropy
from ..objective.objective import Objective
from ..objective.penalties import L2
from ..preconditioning.factors import sum_to_zero
from ..rows.base import RowBlocks
from ..rows.threads import worker_threads
from ..rows.training_data import RawData, SampleTotals, TrainingData, prepare_partial_fit, samples
from ..solvers.base import Solver
from ..solvers.convergence import Progress
from ..solvers.early_stopping import EarlyStopping
from ..solvers.gradient_descent import GradientDescent
from ..solvers.minimize import Monitor, Result, keep_start, minimize, minimize_batch
from ..solvers.preconditioned import PreconditionedDescent
from ..solvers.stochastic import StochasticDescent
from ..solvers.unpenalised import without_penalty
from ..validation.classes import Classes
from ..validation.features import feature_names, listed
from .callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from .fitted_state import Totals, WarmStart, rollback_on_error
from .prediction import LinearPredictions

# What tol="auto" is: for gradients and losses, and for the objective in double and in single
# precision. The coefficient of a rare feature is right to 1e-4 only where the objective is to
# about 1e-10; single precision does not reach that.
TOL = 1e-6
TOL_OF_OBJECTIVE = 1e-10
TOL_IN_SINGLE = 1e-8
# 1/C is finite, and so is its sum with the curvature of the loss. Of NumPy's type: Python's float
# would be rounded to zero where it is compared with a C in single precision.
SMALLEST_C = np.finfo(np.float64).tiny
# The parameters that only textbook gradient descent has, and their defaults.
GD_DEFAULTS: dict[str, Any] = {
    "learning_rate": "auto",
    "power_t": 0.0,
    "momentum": 0.0,
    "nesterov": False,
    "reduction": "mean",
    "batch_size": None,
    "average": False,
}


class GDLogisticRegression(LinearPredictions, CallbackSupportMixin, BaseEstimator):
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
        Inverse strength of the L2 penalty, as in LogisticRegression, at least 2.3e-308.
        ``np.inf``: no penalty, plain cross-entropy.
    fit_intercept : bool, default=True
        Whether to learn the intercept ``b``.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, ``{label: weight}``; "balanced": the same total weight for every
        class.
    solver : {"auto", "preconditioned", "gd"}, default="auto"
        "preconditioned": the fast one, descent in the metric of an approximate Hessian.
        "gd": textbook gradient descent. "auto": "gd" as soon as one of the parameters that only
        it has (``learning_rate``, ``power_t``, ``momentum``, ``nesterov``, ``reduction``,
        ``batch_size``, ``average``) is set, else "preconditioned".
    learning_rate : float or "auto", default="auto"
        Step size. "auto": 1/L, with L the Lipschitz constant of the gradient; plain descent
        then never diverges, and the objective never rises. For mini-batches half of that, with
        the constant that is expected of a batch, which is larger for smaller ones. A number:
        if it is too large for the data, so that the objective ends above its start or swings
        without getting lower, it is an error, which names the largest safe one.
    power_t : float, default=0.0
        The step at update t is ``learning_rate / (1 + t) ** power_t``. With mini-batches there
        are many updates a pass.
    momentum : float, default=0.0
        Coefficient in [0, 1] of heavy-ball momentum: ``v = momentum * v + gradient``,
        ``w = w - step * v``.
    nesterov : bool, default=False
        Nesterov's form of the momentum. With ``learning_rate="auto"`` and ``momentum=0``:
        accelerated descent with adaptive restart.
    reduction : {"mean", "sum"}, default="mean"
        Whether ``learning_rate`` multiplies the mean or the sum of the samples' gradients (those
        of a mini-batch). It scales the step, never the optimum; "auto" takes the same step for
        both.
    batch_size : int or None, default=None
        Rows of a mini-batch, for each of which "gd" makes an update: the gradient over the
        batch stands for that over all rows. None, or as many as there are: all rows. For
        :meth:`partial_fit`, None: the rows of the call.
    average : bool or int, default=False
        Whether the result is the mean of the iterates after each update (Polyak-Ruppert); an
        int k: of those from the k-th update on.
    max_iter : int, default=1000
        Largest number of iterations: steps of the descent on all rows; each takes one pass over
        the data, and sometimes more for a shorter step or a new metric. For mini-batches, passes
        (epochs).
    tol : float or "auto", default="auto"
        "preconditioned": stop when the estimated distance to the optimal objective, relative to
        it, is no larger. "gd": stop when no component of the mean gradient (the gradient over
        the total weight) is larger; with mini-batches, when ``n_iter_no_change`` passes did not
        bring the loss down by more, in nats a sample, and the mean gradient over all rows is no
        larger than the noise of the batches leaves it. 0: make all ``max_iter`` iterations. "auto":
        for "preconditioned" 1e-10, so that coefficients too are right to about 1e-4, and 1e-8 if
        the features are in single precision; for "gd" 1e-6.
    early_stopping : bool, default=False
        Whether to hold out rows, stop when ``n_iter_no_change`` iterates (passes, for
        mini-batches) did not bring their loss down by more than ``tol`` ("auto": 1e-6), in nats
        a sample, and keep the coefficients where it was least.
    validation_fraction : float, default=0.1
        Part of the rows to hold out, the same of every class, unless ``X_val`` is given.
    n_iter_no_change : int, default=5
        How many iterates without progress are enough, for ``early_stopping`` and for the
        ``tol`` of mini-batches.
    shuffle : bool, default=True
        Whether the rows are dealt anew to the mini-batches in each pass.
    warm_start : bool, default=False
        Go on from the coefficients of the previous fit; "gd" also from its count of updates and,
        if ``warm_start`` was set then, from its momentum and its mean.
    random_state : int, RandomState instance or None, default=None
        Seed of the draw of rows from which "preconditioned" starts, of the shuffling, and of
        the rows to hold out. None: a seed that is always the same, so that a repeated fit gives
        the same result to the last bit.
    verbose : int, default=0
        1: print a line an iterate: passes over the data, objective, largest component of the
        gradient, and for "preconditioned" the estimated distance to the optimal objective, all
        in nats a sample.
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
    n_iter_ : ndarray of int32 of shape (1,)
        Number of iterations, at most ``max_iter``: updates of the coefficients after which the
        objective was evaluated, passes for mini-batches; after :meth:`partial_fit`, the number of
        calls.
    loss_curve_ : ndarray of shape (n_iterates,)
        Objective over the total weight, in nats, at the start and after each update. The very
        last step of "preconditioned" is known to be a good one and not evaluated. With
        mini-batches, at the start and for each pass the mean over its batches, each before its
        update; after :meth:`partial_fit`, that for each call.
    gradient_norm_curve_ : ndarray of shape (n_iterates,)
        Largest component of the mean gradient, likewise.
    validation_loss_curve_ : ndarray of shape (n_iterates,)
        Mean loss of the held-out rows, in nats, at the start and after each update or pass; only
        with ``early_stopping``.
    gap_ : float
        Bound on the objective at the coefficients above its minimum, in nats over the total weight,
        as ``loss_curve_``: the duality gap. ``np.inf`` without a penalty, and after
        :meth:`partial_fit`.
    converged_ : bool
        Whether ``tol`` was reached, or the precision of the numbers.
    stop_reason_ : str
        Why the fit ended: "tol"; "precision", no step makes the objective smaller;
        "separated", there is no optimum at finite coefficients; "early_stopping"; "callback",
        one asked for it; "max_iter"; "partial_fit", the rows of the call are used up.
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
    Bishop, Pattern Recognition and Machine Learning, 2006, section 4.3.

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
    loss_curve_: Array
    gradient_norm_curve_: Array
    stop_reason_: str
    _resume: WarmStart | None = None
    # Totals, as a plain tuple: a file of the model then needs no type for them.
    _totals: tuple = Totals()

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, SMALLEST_C, None, closed="both")],
        "fit_intercept": ["boolean"],
        "class_weight": [dict, StrOptions({"balanced"}), None],
        "solver": [StrOptions({"auto", "gd", "preconditioned"})],
        "learning_rate": [StrOptions({"auto"}), Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterov": ["boolean"],
        "reduction": [StrOptions({"mean", "sum"})],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "average": ["boolean", Interval(Integral, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [StrOptions({"auto"}), Interval(Real, 0, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
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
        batch_size: int | None = None,
        average: bool | int = False,
        max_iter: int = 1000,
        tol: float | str = "auto",
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        shuffle: bool = True,
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
        self.batch_size = batch_size
        self.average = average
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features. float64 and float32 stay as they are, everything else becomes float64;
            sparse rows stay sparse. With scikit-learn's setting ``array_api_dispatch=True`` an
            array of another library stays on its device; labels, weights and what is learnt
            follow it there.
        y : array-like of shape (n_samples,)
            Labels of at least two classes.
        sample_weight : array-like of shape (n_samples,), number or None, default=None
            Weights of the samples, not negative. None: 1 for every sample. A class whose weights
            are all zero is kept in ``classes_``, with a probability of zero, and a warning says so.
        X_val : array-like or sparse matrix of shape (n_val, n_features), default=None
            Held-out rows for ``early_stopping``. None: some rows of ``X`` are held out. In a
            Pipeline, ``transform_input=["X_val"]`` transforms them as it does ``X``.
        y_val : array-like of shape (n_val,), default=None
            Labels of these rows.
        sample_weight_val : array-like of shape (n_val,), number or None, default=None
            Weights of these rows.

        Returns
        -------
        GDLogisticRegression
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels or the weights are not usable, or if a fixed
            learning rate is too large. The previous fit is left as it was.
        """
        given, held_out = RawData(X, y, sample_weight), RawData(X_val, y_val, sample_weight_val)
        with rollback_on_error(self):
            solver, separating, redundant, classes = self._fit(given, held_out)
            self._warn(solver, separating, redundant, classes)
        return self

    @with_callbacks
    def _fit(
        self, given: RawData, held_out: RawData
    ) -> tuple[Solver, list[str], list[str], Classes]:
        """Fit, with the callbacks set up before and torn down after.

        Returns the solver, the features whose coefficients have no finite optimum, a smallest set
        of features to leave out so that none are collinear, and the classes.
        """
        self._validate_params()
        self._check_combinations(mini_batches=self.batch_size is not None)
        seed = self._seed()
        with worker_threads(self.n_jobs) as run, np.errstate(all="ignore"):
            data = samples(self, given, held_out, seed, run)
            solver = self._solver(data.rows, seed)
            objective = self._objective(data.rows, data.classes.n_scores)
            tasks = FitTasks.of(self, self.max_iter + 1, *given)
            monitor = self._make_monitor(solver, objective, data.classes, tasks)
            held_out_rows = self._held_out(data)
            start = self._start(solver, objective, data.classes, resume=self.warm_start)
            away = redundant = np.zeros(data.rows.n_features, dtype=bool)
            if self.fit_intercept and np.count_nonzero(data.classes.weighted) == 1:
                start = DescentState(data.classes.certain(objective.shape, data.rows.dtype))
                result = keep_start(objective, start, held_out_rows, monitor)
            else:
                result = minimize(objective, solver, start, held_out_rows, monitor)
                result, away, redundant = without_penalty(solver, objective, result)
        self._set_fitted_attributes(solver, objective, result, data)
        if tasks:
            tasks.end(partial(self._attributes, result.w, objective, data.classes))
        names = np.array(feature_names(self))
        return solver, names[away].tolist(), names[redundant].tolist(), data.classes

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on learning from some rows of a stream, in one pass over them.

        The rows are cut into mini-batches of ``batch_size``; None: they are one. The schedule of
        the steps, the momentum and the mean go on from call to call. The penalty is that of all
        the rows so far, and ``class_weight="balanced"`` counts the classes so far. Calls with
        one batch of ``fit(X, y)`` after the other do what its first pass does.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features, as for :meth:`fit`.
        y : array-like of shape (n_samples,)
            Labels. Not every class needs to be among them.
        classes : array-like of shape (n_classes,), default=None
            All the labels that the stream holds. The first call needs them.
        sample_weight : array-like of shape (n_samples,), number or None, default=None
            Weights of the samples. Samples whose weights are all zero change nothing.

        Returns
        -------
        GDLogisticRegression
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels or the weights are not usable, or if a fixed
            learning rate diverges. What was learnt before is left as it was.
        """
        with rollback_on_error(self):
            self._validate_params()
            self._check_combinations(mini_batches=True)
            if self.solver == "preconditioned" or self.early_stopping:
                raise ValueError(
                    "partial_fit sees its rows once: it needs solver='gd' or 'auto', and "
                    "early_stopping=False."
                )
            _, *counted, class_totals = self._totals
            seen = SampleTotals(*counted)
            known = vars(self).get("classes_")
            given = RawData(X, y, sample_weight)
            with worker_threads(self.n_jobs) as run, np.errstate(all="ignore"):
                data = prepare_partial_fit(self, given, classes, known, class_totals, run)
                if data.seen.n_samples == 0 and known is not None:
                    return self
                solver = self._stochastic(self.batch_size or data.rows.n_samples, self._seed())
                objective = self._objective(data.rows, data.classes.n_scores)
                result = minimize_batch(
                    solver,
                    objective,
                    seen,
                    self._start(solver, objective, data.classes, resume=known is not None),
                    self._make_monitor(solver, objective, data.classes, None),
                )
            curves = [np.empty(0), np.empty(0)]
            if vars(self).get("stop_reason_") == result.reason:
                curves = [self.loss_curve_, self.gradient_norm_curve_]
            self._set_fitted_attributes(
                solver, objective, result, data._replace(seen=seen.more(*data.seen))
            )
            self.loss_curve_ = np.append(curves[0], self.loss_curve_)
            self.gradient_norm_curve_ = np.append(curves[1], self.gradient_norm_curve_)
            self.n_iter_ = np.array([len(self.loss_curve_)], dtype=np.int32)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        all_rows = self.batch_size is None and not self.early_stopping
        tags.array_api_support = SUPPORTS_DISPATCH and all_rows
        return tags

    def _validate_params(self) -> None:
        """Refuse parameters out of range, and a bool where a number belongs."""
        super()._validate_params()
        for name, constraints in self._parameter_constraints.items():
            value = getattr(self, name)
            takes_bool = any(constraint in ("boolean", "verbose") for constraint in constraints)
            if isinstance(value, (bool, np.bool_)) and not takes_bool:
                raise InvalidParameterError(
                    f"The {name!r} parameter of {type(self).__name__} must not be a bool. Got "
                    f"{value!r} instead of a number."
                )

    def _check_combinations(self, *, mini_batches: bool) -> None:
        """Refuse parameters that make no sense together."""
        turned = self._non_default_gd_params()
        if self.solver == "preconditioned" and turned:
            raise ValueError(
                f"solver='preconditioned' finds its own steps and does not take "
                f"{', '.join(f'{name}={getattr(self, name)!r}' for name in turned)}. Set "
                "solver='gd', or leave out what is only for textbook gradient descent."
            )
        if self.nesterov and self.momentum == 0 and (mini_batches or self.learning_rate != "auto"):
            raise ValueError(
                "nesterov=True with a fixed learning_rate or mini-batches needs momentum > 0, for "
                "example 0.9; learning_rate='auto' finds the momentum for full batches by itself."
            )

    def _non_default_gd_params(self) -> list[str]:
        """Parameters of textbook gradient descent that are not at their defaults."""
        return [name for name, default in GD_DEFAULTS.items() if getattr(self, name) != default]

    def _seed(self) -> int:
        if self.random_state is None:
            return 0
        return check_random_state(self.random_state).randint(np.iinfo(np.int32).max)

    def _solver(self, rows: RowBlocks, seed: int) -> Solver:
        """Solver with the parameters that it needs."""
        if self.solver != "gd" and not self._non_default_gd_params():
            auto = TOL_OF_OBJECTIVE if rows.dtype == np.float64 else TOL_IN_SINGLE
            return PreconditionedDescent(self.max_iter, self._tol(auto), seed)
        if self.batch_size is None or self.batch_size >= rows.n_samples:
            return GradientDescent(**self._gd_params())
        return self._stochastic(self.batch_size, seed)

    def _stochastic(self, batch_size: int, seed: int) -> StochasticDescent:
        """Solver for mini-batches."""
        return StochasticDescent(
            **self._gd_params(),
            batch_size=batch_size,
            shuffle=self.shuffle,
            n_iter_no_change=self.n_iter_no_change,
            seed=seed,
        )

    def _tol(self, auto: float) -> float:
        """The tolerance that is asked for, or the one that suits."""
        return auto if isinstance(self.tol, str) else self.tol

    def _gd_params(self) -> dict[str, Any]:
        """What every textbook solver needs to know."""
        return {
            "learning_rate": self.learning_rate,
            "power_t": self.power_t,
            "momentum": self.momentum,
            "nesterov": self.nesterov,
            "reduction": self.reduction,
            "average": int(self.average),
            "max_iter": self.max_iter,
            "tol": self._tol(TOL),
        }

    def _objective(self, rows: RowBlocks, n_scores: int) -> Objective:
        """What the model minimises over some rows."""
        return Objective(
            loss=BinaryCrossEntropy() if n_scores == 1 else CrossEntropy(),
            penalty=L2.of(float(self.C), rows.n_features, self.fit_intercept),
            rows=rows,
            fit_intercept=self.fit_intercept,
            n_scores=n_scores,
        )

    def _held_out(self, data: TrainingData) -> EarlyStopping | None:
        """Rows that tell when to stop, if there are any."""
        if data.held_out is None:
            return None
        penalised = self._objective(data.held_out, data.classes.n_scores)
        loss = replace(penalised, penalty=penalised.penalty.scaled(0))
        return EarlyStopping(loss, self._tol(TOL), self.n_iter_no_change)

    def _start(
        self, solver: Solver, objective: Objective, classes: Classes, *, resume: bool
    ) -> DescentState:
        """Where to start: from nothing, or from the fit before if there is one."""
        if not (resume and hasattr(self, "coef_")):
            return solver.start(objective)
        n_features = self.coef_.shape[1]
        same_features = n_features == objective.rows.n_features
        if not same_features or not np.array_equal(to_numpy(self.classes_), classes.labels):
            raise ValueError(
                f"warm_start=True goes on from a fit of {n_features} features and the classes "
                f"{self.classes_}; now there are {objective.rows.n_features} features and the "
                f"classes {classes.labels}. Set warm_start=False to start anew."
            )
        dtype = to_numpy(self.intercept_).dtype  # that of coef_, too
        fitted = self._coefficients()
        recalled = classes.recalled(fitted, dtype) if self.fit_intercept else fitted

        def learnt(whole: Array) -> Array:
            """Of coefficients of all classes, those of the classes that are learnt now."""
            w = whole if classes.scored.all() else sum_to_zero(whole[:, classes.scored])
            return w.reshape(objective.shape)

        w, before = learnt(recalled), self._resume
        if (
            before is not None
            and before.rule == solver.rule
            and before.w.shape == w.shape
            and recalled is fitted
        ):
            # Where the descent stood is known better than coef_ says, unless that was changed.
            kept = classes.with_absent(before.w, dtype).astype(dtype)
            if np.array_equal(learnt(kept), w):
                return before.start
        return DescentState(w, t=Totals(*self._totals).t)

    def _coefficients(self) -> Array:
        """The fitted coefficients, (n_columns, n_scores), the intercept last."""
        coef = self.coef_.toarray() if scipy.sparse.issparse(self.coef_) else to_numpy(self.coef_)
        w = coef.T.astype(np.float64)
        return np.append(w, [to_numpy(self.intercept_)], axis=0) if self.fit_intercept else w

    def _make_monitor(
        self, solver: Solver, objective: Objective, classes: Classes, tasks: FitTasks | None
    ) -> Monitor:
        """What looks at every iterate, and tells whether to stop there."""

        def monitor(
            iterate: Iterate, history: list[Progress], passes: int, reason: str | None
        ) -> bool:
            value, gradient_norm, _ = history[-1]
            if not np.isfinite(history[-1]).all():
                objective.rows.check_finite(self)
            if self.verbose:
                weight = objective.total_weight
                gap = solver.gap(history)
                print(
                    f"{solver.name}: pass {passes}, objective {value / weight:.9g}, "
                    f"gradient {gradient_norm / weight:.3g}"
                    + (f", estimated gap {gap / weight:.3g}" if gap is not None else "")
                )
            if tasks is None:
                return False
            w = solver.result(iterate, history)
            attributes = partial(self._attributes, w, objective, classes)
            return tasks.look(iterate.t, attributes, reason is not None)

        return monitor

    def _attributes(self, w: Array, objective: Objective, classes: Classes) -> dict[str, NDArray]:
        """Fitted attributes, as scikit-learn lays them out, of some coefficients."""
        n_features, dtype = objective.rows.n_features, objective.rows.dtype
        w = classes.with_absent(w, dtype).astype(dtype)
        intercept = w[n_features] if self.fit_intercept else np.zeros(w.shape[1], dtype)
        to_user_array = objective.rows.to_user_array
        return {
            "classes_": to_user_array(classes.labels),
            # A feature's coefficients side by side: products with sparse rows then copy nothing.
            "coef_": to_user_array(w[:n_features].T),
            "intercept_": to_user_array(intercept),
        }

    def _warn(
        self, solver: Solver, separating: list[str], redundant: list[str], classes: Classes
    ) -> None:
        """Say what is wrong with the result."""
        if len(classes.absent):
            fitted = (
                "their probability is fitted as zero"
                if self.fit_intercept
                else "without an intercept, only large coefficients make their probability small"
            )
            warnings.warn(
                f"The classes {classes.absent} have no weight, because of sample_weight or "
                f"class_weight: {fitted}. Give them weight, or leave their samples out.",
                UserWarning,
                stacklevel=3,
            )
        if redundant:
            others = "the other columns" + " and the intercept" * self.fit_intercept
            warnings.warn(
                "Columns of X are collinear: without a penalty, the data do not determine their "
                "coefficients, and the fit took those of least norm. Leave out "
                f"{listed(redundant)}: {others} determine them. Or set C to a finite value.",
                CollinearityWarning,
                stacklevel=3,
            )
        if self.stop_reason_ == "max_iter" and solver.tol > 0:
            warnings.warn(
                f"{solver.name} made max_iter={self.max_iter} iterations and did not reach "
                f"tol={solver.tol:g}: the largest component of the mean gradient is "
                f"{float(self.gradient_norm_curve_[-1]):.3g}. To converge, {solver.advice}.",
                ConvergenceWarning,
                stacklevel=3,
            )
        if self.stop_reason_ == "separated":
            named = f", by {listed(separating)}" if separating else ""
            warnings.warn(
                f"Some or all samples are separated perfectly{named}: "
                "without a penalty, larger coefficients are always better and there is no "
                "optimum. The fit stopped at coefficients that are finite. Set C to a finite "
                "value, or leave features out.",
                SeparationWarning,
                stacklevel=3,
            )

    def _set_fitted_attributes(
        self, solver: Solver, objective: Objective, result: Result, data: TrainingData
    ) -> None:
        """Set what a fit leaves behind."""
        self.__dict__.update(self._attributes(result.w, objective, data.classes))
        last = result.last.start
        # partial_fit can go on from mini-batches, and nothing from secants (whose rule is None).
        goes_on = self.warm_start or isinstance(solver, StochasticDescent)
        resumable = goes_on and solver.rule is not None
        self._resume = WarmStart(solver.rule, last, result.w) if resumable else None
        self._totals = (last.t, *data.seen, data.class_totals)
        weight = objective.total_weight
        to_user_array = objective.rows.to_user_array
        self.n_iter_ = to_user_array(np.array([len(result.curve) - 1], dtype=np.int32))
        self.loss_curve_ = to_user_array(
            np.array([progress.value / weight for progress in result.curve])
        )
        self.gradient_norm_curve_ = to_user_array(
            np.array([progress.gradient_norm / weight for progress in result.curve])
        )
        self.__dict__.pop("validation_loss_curve_", None)
        if result.validation_losses is not None:
            self.validation_loss_curve_ = np.array(result.validation_losses)
        self.stop_reason_ = result.reason
        self.converged_ = result.reason in ("tol", "precision")
        self.solver_ = solver.name
        self.gap_ = result.gap / weight
