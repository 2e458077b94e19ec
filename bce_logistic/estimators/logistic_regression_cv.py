"""The estimator that chooses C by cross-validation."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import sklearn
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch, check_array
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metadata_routing import MetadataRouter, MethodMapping, process_routing
from sklearn.utils.validation import check_is_fitted

from ..arrays import Array, is_dask, keeps_namespace
from ..rows.cv_data import CVData, cv_data
from ..rows.folds import Folds
from ..rows.threads import worker_threads
from ..rows.training_data import RawData
from .callbacks import CallbackSupportMixin, FitTasks, with_callbacks
from .fit_report import FitReport
from .fitted_state import rollback_on_error
from .grid_fits import GridFits, Penalties, fit_grid
from .held_out import HeldOut
from .logistic_regression import SMALLEST_C, GDLogisticRegression
from .loo_fits import check_leave_one_out, fit_leave_one_out
from .parameters import ValidatedParametersMixin
from .prediction import LinearPredictions
from .scoring import MEANS, make_scorer, probabilities
from .selection import choose, edge_warnings
from .solver_choice import draw_seed
from .versioned_state import VersionedStateMixin

# Attributes of the refit that this estimator has, too.
REFITTED = (
    "classes_",
    "coef_",
    "intercept_",
    "loss_curve_",
    "gradient_norm_curve_",
    "gap_",
    "converged_",
    "stop_reason_",
    "solver_",
)


class GDLogisticRegressionCV(
    ValidatedParametersMixin, LinearPredictions, CallbackSupportMixin, VersionedStateMixin
):
    r"""Logistic regression that chooses C by cross-validation, in the time of a few fits.

    Fits every fold with every C, scores the rows that the fold holds out, chooses a C by the mean
    score, and fits all rows with it: the result of a grid search over
    :class:`GDLogisticRegression`, whose objective it minimises. The fits share work: each
    starts from the results of others.

    Parameters
    ----------
    Cs : int or array-like of shape (n_Cs,), default=10
        Inverse strengths of the penalty. An int: that many from 1e-4 to 1e4, evenly on a
        logarithmic scale.
    l1_ratios : array-like of shape (n_l1_ratios,), default=(0.0,)
        Shares of the L1 penalty to choose from, in [0, 1]: 0 is L2, 1 is L1, between is the
        elastic net.
    cv : int, splitter, iterable or "loo", default=None
        How to divide the rows: any splitter of scikit-learn, or an iterable of (training, held-out)
        positions. An int: the number of folds of a StratifiedKFold; None: five. "loo": approximate
        leave-one-out, from one fit of all rows for each C and a Newton step without each row. It is
        near the exact one around the best C, and too optimistic for much larger ones.
    scoring : str or callable, default="neg_log_loss"
        The score to maximise: its name in scikit-learn, or ``scorer(estimator, X, y)``.
        "neg_log_loss", "accuracy", "neg_brier_score" and, for two classes, "roc_auc" are computed
        for all models at once. None: accuracy. Sample weights count in the scores.
    selection : {"best", "one_standard_error"}, default="best"
        "best": the C with the largest mean score over the folds. "one_standard_error": the smallest
        C whose mean is within one standard error of that.
    refit : bool, default=True
        Whether to fit all rows with the chosen C. False: the coefficients, and C, are the means
        over the folds of those that are best in each.
    penalty_weights : array-like of shape (n_features,) or None, default=None
        Factor on the penalty of each feature, as in :class:`GDLogisticRegression`.
    fit_intercept : bool, default=True
        Whether to fit the intercept ``b``.
    class_weight : dict, "balanced" or None, default=None
        Weight of each class, as in :class:`GDLogisticRegression`; "balanced": computed once, from
        all rows.
    max_iter : int, default=1000
        Maximum number of iterations of a fit.
    tol : float or "auto", default="auto"
        Largest distance of the objective to its minimum, relative to it, as in
        :class:`GDLogisticRegression`.
    random_state : int, RandomState instance or None, default=None
        Seed of the rows from which fits on many rows start; it is not for the folds.
    verbose : int, default=0
        1: print a line for each fit of a fold. 2: also for the iterates of the last fit.
    n_jobs : int or None, default=None
        Number of threads over the rows, as in :class:`GDLogisticRegression`.

    Attributes
    ----------
    C_ : float
        The chosen C.
    l1_ratio_ : float
        The chosen share of the L1 penalty.
    Cs_ : ndarray of shape (n_Cs,)
        The values of C.
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
        The shares of the L1 penalty.
    scores_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
        Score of the held-out rows of each fold; of each row with ``cv="loo"``.
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_classes or 1, n_features)
        Coefficients of each fold; of all rows, as one fold, with ``cv="loo"``.
    intercepts_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_Cs, n_classes or 1)
        Intercepts of each fold.
    n_iter_ : ndarray of int32 of shape (n_folds, n_l1_ratios, n_Cs)
        Iterations of each fit.
    cv_predictions_ : ndarray of shape (n_samples, n_classes)
        Probabilities of the classes for each row by the models that did not train on it, with the
        chosen C; the mean if there are several, NaN if there is none.
    classes_ : ndarray of shape (n_classes,)
        The labels.
    coef_ : ndarray of shape (1, n_features) or (n_classes, n_features)
        Coefficients, in the dtype of X.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Intercepts; zero without ``fit_intercept``.
    loss_curve_, gradient_norm_curve_, gap_, converged_, stop_reason_, solver_ : various
        As in :class:`GDLogisticRegression`, of the fit of all rows; only with ``refit``.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Names of the features, if X had names.

    See Also
    --------
    GDLogisticRegression : The model for a given C.
    sklearn.linear_model.LogisticRegressionCV : The same choice, by other solvers.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from bce_logistic import GDLogisticRegressionCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = make_pipeline(StandardScaler(), GDLogisticRegressionCV()).fit(X, y)
    >>> round(model[-1].C_, 3)
    0.359
    """

    coef_: Any
    intercept_: NDArray
    scores_: Array

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "Cs": [Interval(Integral, 1, None, closed="left"), "array-like"],
        "l1_ratios": ["array-like"],
        "cv": ["cv_object", StrOptions({"loo"})],
        "scoring": [str, callable, None],
        "selection": [StrOptions({"best", "one_standard_error"})],
        "refit": ["boolean"],
        **{
            name: GDLogisticRegression._parameter_constraints[name]
            for name in (
                "penalty_weights",
                "fit_intercept",
                "class_weight",
                "max_iter",
                "tol",
                "random_state",
                "verbose",
                "n_jobs",
            )
        },
    }

    def __init__(
        self,
        *,
        Cs: Any = 10,
        l1_ratios: Any = (0.0,),
        cv: Any = None,
        scoring: str | Callable | None = "neg_log_loss",
        selection: str = "best",
        refit: bool = True,
        penalty_weights: Any = None,
        fit_intercept: bool = True,
        class_weight: dict | str | None = None,
        max_iter: int = 1000,
        tol: float | str = "auto",
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.cv = cv
        self.scoring = scoring
        self.selection = selection
        self.refit = refit
        self.penalty_weights = penalty_weights
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state
        self.verbose = verbose
        self.n_jobs = n_jobs

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> Self:
        """Choose C and fit the model.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features, as for :meth:`GDLogisticRegression.fit`.
        y : array-like of shape (n_samples,)
            Labels of at least two classes.
        sample_weight : array-like of shape (n_samples,), number or None, default=None
            Weights of the samples, for the fits and for the scores. None: 1 for every sample.
        **params : dict
            ``groups`` for the splitter; with ``enable_metadata_routing=True``, the metadata that
            splitter and scorer request.

        Returns
        -------
        GDLogisticRegressionCV
            The fitted estimator itself.

        Raises
        ------
        ValueError
            If a parameter, the data, the labels, the weights or the folds are not usable. The
            attributes of the previous fit are kept.
        """
        with rollback_on_error(self):
            for message, category in self._fit(RawData(X, y, sample_weight), params):
                warnings.warn(message, category, stacklevel=2)
        return self

    @with_callbacks
    def _fit(self, raw: RawData, params: dict[str, Any]) -> list[tuple[str, type[Warning]]]:
        """Fit between the set-up and the tear-down of the callbacks; return the warnings."""
        self._validate_params()
        penalties = Penalties(self._shares_of_l1(), self._inverse_strengths())
        routed = self._routed(raw, params)
        template, seed = self._template(), draw_seed(self.random_state)
        with worker_threads(self.n_jobs) as run, np.errstate(all="ignore"):
            data = cv_data(self, raw, run)
            choose_C = self._by_leave_one_out if self._is_loo else self._by_folds
            fits, chosen, tasks = choose_C(raw, data, template, penalties, seed, routed)
            found = [*self._select(raw, data, fits, penalties, chosen, template)]
        if tasks:
            tasks.end(lambda: {name: vars(self)[name] for name in REFITTED[:3]})
        return found

    def _by_folds(
        self,
        raw: RawData,
        data: CVData,
        template: GDLogisticRegression,
        penalties: Penalties,
        seed: int,
        routed: Bunch,
    ) -> tuple[GridFits, NDArray[np.intp], FitTasks | None]:
        """Fit and score every fold; the fits, the position of the best for each, and the tasks."""
        folds = self._folds(data, routed.splitter.split)
        models = penalties.of_models()
        tasks = FitTasks.of(self, len(folds) * len(models) + 1, *raw)
        report = FitReport(self, models, tasks)
        fits = fit_grid(self, template, data, folds, penalties, seed, report)
        self._set_paths(data, fits, penalties)
        held_out = HeldOut(self, template, data, folds, fits.w)
        scores = held_out.scores(models, routed.scorer.score)
        self.scores_ = scores.reshape(len(folds), *map(len, penalties))
        chosen = self._chosen(penalties.Cs)
        self.cv_predictions_ = held_out.predictions(chosen)
        return fits, chosen, tasks

    def _by_leave_one_out(
        self,
        raw: RawData,
        data: CVData,
        template: GDLogisticRegression,
        penalties: Penalties,
        seed: int,
        routed: Bunch,
    ) -> tuple[GridFits, NDArray[np.intp], FitTasks | None]:
        """The same by approximate leave-one-out, whose fits are those of one fold."""
        check_leave_one_out(self, data, routed.splitter.split)
        Cs, models = penalties.Cs, penalties.of_models()
        tasks = FitTasks.of(self, len(Cs) + 1, *raw)
        report = FitReport(self, models, tasks)
        fits, z = fit_leave_one_out(self, template, data, Cs, seed, report)
        self._set_paths(data, fits, penalties)
        scores = MEANS[str(self.scoring or "accuracy")](data.rows.dtype, data.y, z)
        self.scores_ = scores[:, None, :]
        k = choose(self.scores_, Cs, self.selection)[1]
        self.cv_predictions_ = probabilities(z[:, [k]])
        return fits, np.array([k]), tasks

    def score(self, X: Any, y: Any, sample_weight: Any = None, **params: Any) -> float:
        """Score by ``scoring``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features.
        y : array-like of shape (n_samples,)
            Labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples. None: 1 for every sample.
        **params : dict
            The metadata that the scorer requests, with ``enable_metadata_routing=True``.

        Returns
        -------
        float
            The score, higher for better models.
        """
        check_is_fitted(self)
        if is_dask(X):
            if self.scoring not in (None, "accuracy"):
                raise ValueError(
                    "On Dask collections only the accuracy is computed: set scoring='accuracy', or "
                    "copy the rows to memory."
                )
            return super().score(X, y, sample_weight)
        if sample_weight is not None:
            params = {**params, "sample_weight": sample_weight}
        if _routing_enabled():
            params = process_routing(self, "score", **params).scorer.score
        else:
            _refuse(params, "score", allowed=("sample_weight",))
        return float(make_scorer(self.scoring)(self, X, y, **params))

    def to_sklearn(self) -> LogisticRegression:
        """Convert to scikit-learn's LogisticRegression with the chosen C.

        Returns
        -------
        sklearn.linear_model.LogisticRegression
            A fitted estimator with copies of the coefficients and the same predictions.
        """
        check_is_fitted(self)
        model = self._template().set_params(C=self.C_, l1_ratio=self.l1_ratio_)
        for name in ("classes_", "coef_", "intercept_", "n_features_in_", "feature_names_in_"):
            if name in vars(self):
                setattr(model, name, vars(self)[name])
        return model.to_sklearn()

    def get_metadata_routing(self) -> MetadataRouter:
        """Who gets the metadata of ``fit`` and ``score``.

        Returns
        -------
        sklearn.utils.metadata_routing.MetadataRouter
            The estimator itself, the splitter and the scorer.
        """
        router = MetadataRouter(owner=self).add_self_request(self)
        if not self._is_loo:
            router.add(
                splitter=check_cv(self.cv, classifier=True),
                method_mapping=MethodMapping().add(caller="fit", callee="split"),
            )
        return router.add(
            scorer=make_scorer(self.scoring),
            method_mapping=MethodMapping()
            .add(caller="fit", callee="score")
            .add(caller="score", callee="score"),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _inverse_strengths(self) -> Array:
        """The values of C; ValueError if one is out of range."""
        if isinstance(self.Cs, Integral):
            return np.logspace(-4, 4, self.Cs)
        Cs = check_array(
            self.Cs, ensure_2d=False, dtype=np.float64, ensure_all_finite=False, input_name="Cs"
        )
        if Cs.ndim != 1 or not (Cs >= SMALLEST_C).all():
            raise ValueError(f"Cs must be positive numbers, or how many; got {self.Cs!r}.")
        return Cs

    @property
    def _is_loo(self) -> bool:
        """Whether rows are left out one by one, approximately."""
        return isinstance(self.cv, str)

    def _shares_of_l1(self) -> Array:
        """The shares of the L1 penalty; ValueError if one is out of range."""
        ratios = check_array(
            self.l1_ratios,
            ensure_2d=False,
            dtype=np.float64,
            ensure_min_samples=0,
            input_name="l1_ratios",
        )
        if ratios.ndim != 1 or not len(ratios) or not ((ratios >= 0) & (ratios <= 1)).all():
            raise ValueError(f"l1_ratios must be numbers from 0 to 1; got {self.l1_ratios!r}.")
        return ratios

    def _template(self) -> GDLogisticRegression:
        """The estimator of one fit, with C=1."""
        return GDLogisticRegression(
            penalty_weights=self.penalty_weights,
            fit_intercept=self.fit_intercept,
            class_weight=self.class_weight,
            max_iter=self.max_iter,
            tol=self.tol,
            random_state=self.random_state,
            verbose=max(0, int(self.verbose) - 1),
            n_jobs=self.n_jobs,
        )

    def _routed(self, raw: RawData, params: dict[str, Any]) -> Bunch:
        """Metadata for the splitter and for the scorer."""
        weights = {} if raw.sample_weight is None else {"sample_weight": raw.sample_weight}
        if _routing_enabled():
            routed = process_routing(self, "fit", **weights, **params)
            return Bunch(splitter=Bunch(split={}), scorer=routed.scorer) if self._is_loo else routed
        _refuse(params, "fit", allowed=("groups",))
        return Bunch(splitter=Bunch(split=params), scorer=Bunch(score=weights))

    def _folds(self, data: CVData, params: dict[str, Any]) -> Folds:
        """The folds; a splitter sees the labels, and features only if these are in memory."""
        n_samples = len(data.labels)
        X = np.broadcast_to(0.0, (n_samples, 1)) if is_dask(data.X) else data.X
        cv = check_cv(self.cv, data.labels, classifier=True)
        return Folds.of(cv.split(X, data.labels, **params), n_samples)

    def _chosen(self, Cs: Array) -> NDArray[np.intp]:
        """Position of the model chosen for each fold: the same one if there is a refit."""
        if self.refit:
            i, k = choose(self.scores_, Cs, self.selection)
            return np.full(len(self.scores_), i * len(Cs) + k)
        return self.scores_.reshape(len(self.scores_), -1).argmax(axis=1)

    def _set_paths(self, data: CVData, fits: GridFits, penalties: Penalties) -> None:
        """Set the attributes that hold all fits."""
        n_features, shape = data.rows.n_features, (-1, *map(len, penalties))
        self.l1_ratios_, self.Cs_ = penalties
        paths = fits.w.swapaxes(2, 3).reshape(*shape, fits.w.shape[3], fits.w.shape[2])
        self.coefs_paths_ = np.ascontiguousarray(paths[..., :n_features])
        self.intercepts_paths_ = (
            np.array(paths[..., -1])
            if self.fit_intercept
            else np.zeros(paths.shape[:-1], paths.dtype)
        )
        self.n_iter_ = fits.n_iter.reshape(shape)

    def _select(
        self,
        raw: RawData,
        data: CVData,
        fits: GridFits,
        penalties: Penalties,
        chosen: NDArray[np.intp],
        template: GDLogisticRegression,
    ) -> Iterator[tuple[str, type[Warning]]]:
        """Set the chosen penalty and the coefficients for it; yield the warnings."""
        i, k = np.divmod(chosen, len(penalties.Cs))
        self.l1_ratio_ = float(penalties.l1_ratios[i].mean())
        self.C_ = float(penalties.Cs[k].mean())
        for name in vars(self).keys() & set(REFITTED):
            delattr(self, name)
        if not fits.converged.all():
            yield (
                f"{np.count_nonzero(~fits.converged)} of the {fits.converged.size} fits of a fold "
                f"did not reach tol={self.tol} in max_iter={self.max_iter} iterations. Increase "
                "max_iter or leave out the largest Cs.",
                ConvergenceWarning,
            )
        if self.refit:
            self.C_ = float(penalties.Cs[k[0]])
            self.l1_ratio_ = float(penalties.l1_ratios[i[0]])
            yield from edge_warnings(self.C_, penalties.Cs)
            model = template.set_params(C=self.C_, l1_ratio=self.l1_ratio_)
            X = raw.X if is_dask(raw.X) or keeps_namespace(raw.X) else data.X
            yield from model._fit(RawData(X, raw.y, raw.sample_weight), RawData(None, None, None))
            for name in REFITTED:
                setattr(self, name, vars(model)[name])
        else:
            each = range(len(chosen))
            self.classes_ = data.classes.labels
            self.coef_ = self.coefs_paths_[each, i, k].mean(axis=0)
            self.intercept_ = self.intercepts_paths_[each, i, k].mean(axis=0)


def _routing_enabled() -> bool:
    """Whether scikit-learn's setting for the routing of metadata is on."""
    return bool(sklearn.get_config()["enable_metadata_routing"])


def _refuse(params: dict[str, Any], method: str, allowed: tuple[str, ...]) -> None:
    """Raise ValueError for metadata that neither splitter nor scorer would receive."""
    unknown = sorted(set(params) - set(allowed))
    if unknown:
        raise ValueError(
            f"GDLogisticRegressionCV.{method} got {', '.join(unknown)}. A splitter or a scorer "
            "gets that only with sklearn.set_config(enable_metadata_routing=True)."
        )
