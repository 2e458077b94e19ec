"""The estimator: parameters, ``fit`` and ``partial_fit``."""

from __future__ import annotations

import warnings
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils._param_validation import Interval, StrOptions

from ..arrays import SUPPORTS_DISPATCH, Array
from ..descent.loop import DescentState
from ..rows.threads import worker_threads
from ..rows.training_data import RawData, SampleTotals, prepare_partial_fit, samples
from ..solvers.minimize import keep_start, minimize, minimize_batch
from ..solvers.unpenalised import without_penalty
from .callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from .coefficients import coefficient_attributes, make_objective
from .fit_warnings import fit_warnings
from .fitted_state import (
    Totals,
    WarmStart,
    rollback_on_error,
    set_fitted_attributes,
    start_state,
)
from .monitor import make_monitor
from .parameters import ValidatedParametersMixin
from .prediction import LinearPredictions
from .solver_choice import (
    check_combinations,
    choose_solver,
    draw_seed,
    make_early_stopping,
    stochastic_solver,
)
from .versioned_state import VersionedStateMixin

# The smallest C whose reciprocal is finite, also with the curvature of the loss added. A NumPy
# number, because a Python float would be rounded to zero in a comparison with a C in float32.
SMALLEST_C = np.finfo(np.float64).tiny


class GDLogisticRegression(
    ValidatedParametersMixin, LinearPredictions, CallbackSupportMixin, VersionedStateMixin
):
    r"""Logistic regression by descending the gradient of binary cross-entropy.

    Minimises the same objective as :class:`sklearn.linear_model.LogisticRegression`,

    .. math::

       F(w, b) = \sum_i s_i \, \ell_i
       + \frac1C \sum_j m_j \left[ \rho \, |w_j| + (1 - \rho) \frac{w_j^2}{2} \right],

       \ell = -[y \log \hat y + (1 - y) \log(1 - \hat y)], \qquad \hat y = \sigma(X w + b),

    with the softmax and its cross-entropy for more than two classes. The weight of a sample,
    :math:`s_i`, is its sample weight times its class weight; :math:`\rho` is ``l1_ratio``,
    :math:`m_j` the penalty weight of a feature, 1 by default; the intercept is not penalised.

    Parameters
    ----------
    C : float, default=1.0
        Inverse strength of the penalty, as in LogisticRegression, at least 2.3e-308.
        ``np.inf``: no penalty, plain cross-entropy.
    l1_ratio : float, default=0.0
        Share of the L1 penalty, in [0, 1]. 0: L2 only; 1: L1 only, which makes coefficients
        exactly zero; between: the elastic net.
    penalty_weights : array-like of shape (n_features,) or None, default=None
        Factor on the penalty of each feature, not negative. 0: not penalised. None: 1 for every
        feature.
    fit_intercept : bool, default=True
        Whether to fit the intercept ``b``.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, ``{label: weight}``; "balanced": the same total weight for every
        class.
    solver : {"auto", "preconditioned", "gd"}, default="auto"
        "preconditioned": the fast one, descent preconditioned by approximate Hessians. "gd":
        textbook gradient descent. "auto": "gd" if one of the parameters that only "gd" has
        (``learning_rate``, ``power_t``, ``momentum``, ``nesterov``, ``reduction``,
        ``batch_size``, ``average``) is set, else "preconditioned".
    learning_rate : float or "auto", default="auto"
        Step size. "auto": 1/L, with L the Lipschitz constant of the gradient, so that the
        objective never rises without momentum; for mini-batches half of that, with the constant
        that is expected of a batch, which is larger for smaller batches. A number that is too
        large for the data, so that the objective ends above its start or oscillates without
        decreasing, is an error, which names the largest safe one.
    power_t : float, default=0.0
        The step at update t is ``learning_rate / (1 + t) ** power_t``. With mini-batches there
        are many updates in a pass.
    momentum : float, default=0.0
        Coefficient in [0, 1] of heavy-ball momentum: ``v = momentum * v + gradient``,
        ``w = w - step * v``.
    nesterov : bool, default=False
        Nesterov's form of the momentum. With ``learning_rate="auto"`` and ``momentum=0``:
        accelerated descent with adaptive restart.
    reduction : {"mean", "sum"}, default="mean"
        Whether a fixed ``learning_rate`` multiplies the mean or the sum of the gradients of the
        samples (of a mini-batch). The optimum is the same.
    batch_size : int or None, default=None
        Number of rows in a mini-batch; each gives an update of "gd". None, or at least the number
        of rows: all rows. For :meth:`partial_fit`, None: the rows of the call.
    average : bool or int, default=False
        Whether the result is the mean of the iterates after each update (Polyak-Ruppert); an
        int k: of those from the k-th update on.
    max_iter : int, default=1000
        Maximum number of iterations: updates, each of which takes one pass over the data, and
        sometimes more for a shorter step or a new preconditioner; for mini-batches, passes
        (epochs).
    tol : float or "auto", default="auto"
        Tolerance of the stopping criterion; 0: make ``max_iter`` iterations.
        "preconditioned": stop when the objective is above its minimum by at most ``tol`` times
        its value. That is certified by the duality gap, or, if the preconditioner is a factor of
        the Hessian, inferred with a margin from the Newton decrement in it. Without a penalty it
        is estimated. "gd": stop when no component of the mean gradient (the gradient over the
        total weight) is larger. Mini-batches: stop when ``n_iter_no_change`` passes did not
        decrease the loss by more, in nats a sample, and the mean gradient over all rows is not
        larger than the noise of the batches explains. "auto": for "preconditioned" 1e-10, so that
        coefficients are right to about 1e-4, and 1e-8 for features in single precision; for "gd"
        1e-6.
    early_stopping : bool, default=False
        Whether to set aside validation rows, to stop when ``n_iter_no_change`` iterates (for
        mini-batches, passes) did not decrease their loss by more than ``tol`` ("auto": 1e-6), in
        nats a sample, and to keep the coefficients where it was lowest.
    validation_fraction : float, default=0.1
        Fraction of the rows of each class to set aside, unless ``X_val`` is given.
    n_iter_no_change : int, default=5
        Number of iterates without progress that end the fit, for ``early_stopping`` and for the
        ``tol`` of mini-batches.
    shuffle : bool, default=True
        Whether the rows are assigned anew to the mini-batches in each pass.
    warm_start : bool, default=False
        Whether to start from the coefficients of the previous fit; "gd" also continues its count
        of updates and, if ``warm_start`` was set then, its momentum and its mean.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows from which "preconditioned" starts, of the shuffling, and of the
        validation rows. None: a fixed seed, so that a repeated fit is the same to the last bit.
    verbose : int, default=0
        1: print a line for each iterate: passes over the data, objective, largest component of
        the gradient, and the gap to the minimum if "preconditioned" knows a bound or an estimate,
        all in nats over the total weight.
    n_jobs : int or None, default=None
        Number of threads over the rows. None: as many as BLAS would use; -1: all cores. The
        result does not depend on it. Rows in Dask collections are summed by Dask's workers.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients, in the dtype of X; one row for two classes.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; zero without ``fit_intercept``.
    n_iter_ : ndarray of int32 of shape (1,)
        Number of iterations, at most ``max_iter``: updates, or passes for mini-batches; after
        :meth:`partial_fit`, the number of calls.
    loss_curve_ : ndarray of shape (n_iterates,)
        Objective over the total weight, in nats, at the start and after each update. With
        mini-batches, at the start and for each pass the mean over its batches, each before its
        update; after :meth:`partial_fit`, that mean for each call.
    gradient_norm_curve_ : ndarray of shape (n_iterates,)
        Largest component of the mean gradient, likewise.
    validation_loss_curve_ : ndarray of shape (n_iterates,)
        Mean loss of the validation rows, in nats, at the start and after each update or pass;
        only with ``early_stopping``.
    gap_ : float
        Duality gap: a bound on how far the objective at the coefficients is above its minimum, in
        the unit of ``loss_curve_``, over the rows that are not validation rows. ``np.inf``
        without a penalty, where more than 200 coefficients have none, and after
        :meth:`partial_fit`.
    converged_ : bool
        Whether ``stop_reason_`` is "tol"; or "precision", and ``gap_`` is so small that it may be
        rounding errors: at most a ten-thousandth of the objective, a fiftieth in single precision.
    stop_reason_ : str
        Why the fit ended: "tol", the tolerance was reached; "precision", no step decreases the
        objective any more; "separated", no finite coefficients are optimal; "early_stopping";
        "callback", a callback requested it; "max_iter"; "partial_fit", the rows of the call are
        used up.
    solver_ : str
        The solver that was used.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names.

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
    _warm_start: WarmStart | None = None
    # Totals, as a plain tuple, so that files of models do not name another type.
    _totals: tuple = Totals()

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "C": [Interval(Real, SMALLEST_C, None, closed="both")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "penalty_weights": ["array-like", None],
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
        l1_ratio: float = 0.0,
        penalty_weights: Any = None,
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
        self.l1_ratio = l1_ratio
        self.penalty_weights = penalty_weights
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
            Features. float64 and float32 are kept, other types are converted to float64; sparse
            rows stay sparse. With scikit-learn's setting ``array_api_dispatch=True`` an array of
            another library stays on its device, and the fitted attributes are on that device.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of at least two classes. Or soft labels: the probability of each class, a row
            for each sample that sums to one. The classes are then the column names of a DataFrame,
            sorted, and otherwise 0, 1, and so on. A sample counts like one sample of every class,
            weighted by its probabilities.
        sample_weight : array-like of shape (n_samples,), number or None, default=None
            Weights of the samples, not negative. None: 1 for every sample. A class whose weights
            are all zero is kept in ``classes_``, with a probability of zero, and a warning says so.
        X_val : array-like or sparse matrix of shape (n_val, n_features), default=None
            Validation rows for ``early_stopping``. None: some rows of ``X`` are set aside. In a
            Pipeline, ``transform_input=["X_val"]`` transforms them like ``X``.
        y_val : array-like of shape (n_val,) or (n_val, n_classes), default=None
            Labels of the validation rows, or their probabilities of the classes.
        sample_weight_val : array-like of shape (n_val,), number or None, default=None
            Weights of the validation rows.

        Returns
        -------
        GDLogisticRegression
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels or the weights are not usable, or if a fixed
            learning rate is too large. The attributes of the previous fit are kept.
        """
        raw = RawData(X, y, sample_weight)
        raw_validation = RawData(X_val, y_val, sample_weight_val)
        with rollback_on_error(self):
            for message, category in self._fit(raw, raw_validation):
                warnings.warn(message, category, stacklevel=2)
        return self

    @with_callbacks
    def _fit(self, raw: RawData, raw_validation: RawData) -> list[tuple[str, type[Warning]]]:
        """Fit between the set-up and the tear-down of the callbacks; return the warnings."""
        self._validate_params()
        check_combinations(self)
        seed = draw_seed(self.random_state)
        with worker_threads(self.n_jobs) as pmap, np.errstate(all="ignore"):
            data = samples(self, raw, raw_validation, seed, pmap)
            classes = data.classes
            objective = make_objective(self, data.rows, classes.n_scores)
            solver = choose_solver(self, data.rows, seed)
            tasks = FitTasks.of(self, self.max_iter + 1, *raw)
            monitor = make_monitor(self, solver, objective, classes, tasks)
            early_stopping = make_early_stopping(self, data)
            start = start_state(self, solver, objective, classes, resume=self.warm_start)
            separated = redundant = np.zeros(data.rows.n_features, dtype=bool)
            if self.fit_intercept and np.count_nonzero(classes.weighted) == 1:
                start = DescentState(classes.certain(objective.shape, data.rows.dtype))
                result = keep_start(objective, start, early_stopping, monitor)
            else:
                result = minimize(objective, solver, start, early_stopping, monitor)
                result, separated, redundant = without_penalty(solver, objective, result)
        set_fitted_attributes(self, solver, objective, result, data)
        if tasks:
            tasks.end(partial(coefficient_attributes, result.w, objective, classes))
        return list(fit_warnings(self, solver, classes, separated, redundant))

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Continue with one pass over some rows of a stream.

        The rows form mini-batches of ``batch_size``; None: a single one. The schedule of the
        steps, the momentum and the mean continue from call to call. The penalty and
        ``class_weight="balanced"`` count all rows so far. The first pass of ``fit(X, y)`` equals
        calls with one of its batches after the other.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features, as for :meth:`fit`.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, of which not every class needs to be among them; or the probability of each
            class, as for :meth:`fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that occur in the stream, for columns without names in sorted order. Required
            in the first call, unless that has the probability of each class.
        sample_weight : array-like of shape (n_samples,), number or None, default=None
            Weights of the samples. A call whose weights are all zero changes nothing.

        Returns
        -------
        GDLogisticRegression
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels or the weights are not usable, or if a fixed
            learning rate diverges. The attributes of the previous call are kept.
        """
        with rollback_on_error(self):
            self._validate_params()
            check_combinations(self, partial_fit=True)
            _, *counts, class_totals = self._totals
            seen, known = SampleTotals(*counts), vars(self).get("classes_")
            raw = RawData(X, y, sample_weight)
            with worker_threads(self.n_jobs) as pmap, np.errstate(all="ignore"):
                data = prepare_partial_fit(self, raw, classes, known, class_totals, pmap)
                if data.seen.n_samples == 0 and known is not None:
                    return self
                batch_size = self.batch_size or data.rows.n_samples
                solver = stochastic_solver(self, batch_size, draw_seed(self.random_state))
                objective = make_objective(self, data.rows, data.classes.n_scores)
                start = start_state(self, solver, objective, data.classes, resume=True)
                monitor = make_monitor(self, solver, objective, data.classes, None)
                result = minimize_batch(solver, objective, seen, start, monitor)
            data = data._replace(seen=seen.more(*data.seen))
            set_fitted_attributes(self, solver, objective, result, data)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        all_rows = self.batch_size is None and not self.early_stopping
        tags.array_api_support = SUPPORTS_DISPATCH and all_rows
        return tags
