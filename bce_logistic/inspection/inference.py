r"""Standard errors, tests and confidence intervals of the coefficients.

The objective is the negative log-likelihood, so that for many samples the covariance of the
coefficients is the inverse of its Hessian at the optimum:

.. math:: \mathrm{Cov}(\hat w) = H^{-1}, \qquad
          H = [X\; 1]^T \, s \, \hat y (1 - \hat y) \, [X\; 1]
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.pipeline import Pipeline
from sklearn.utils import column_or_1d

from ..arrays import Array
from ..estimators.logistic_regression import GDLogisticRegression
from ..objective.sandwich import cluster_products, sample_products
from ..objective.standard_errors import contrasts
from ..rows.memory import RowsInMemory
from ..rows.threads import worker_threads
from ..validation.labels import check_labels
from .fitted_data import FittedData, check_optimum, final_step

COV_TYPES = ("nonrobust", "HC0", "HC1", "cluster")


def inference_table(
    estimator: GDLogisticRegression | Pipeline,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    penalized: bool = False,
    level: float = 0.95,
    feature_names: Any = None,
    cov_type: str = "nonrobust",
    groups: Any = None,
    drop_collinear: bool = False,
) -> Any:
    r"""Standard errors, z-tests, confidence intervals and odds ratios of a fitted model.

    .. math:: \mathrm{se} = \sqrt{\mathrm{diag}(H^{-1})}, \qquad z = w / \mathrm{se}, \qquad
              p = 2 \, \Phi(-|z|), \qquad w \pm \Phi^{-1}(\tfrac{1 + \mathrm{level}}{2}) \,
              \mathrm{se}

    with the Hessian :math:`H` of the objective at the coefficients. Two classes give one row
    for each feature and one for the intercept. More classes give such rows for each class but
    the first, for the differences to the first class: of the softmax, only differences between
    classes are identified.

    Parameters
    ----------
    estimator : GDLogisticRegression or Pipeline
        Model fitted without a penalty, ``C=np.inf``, until convergence; or a fitted Pipeline that
        ends with one, whose other steps transform X and name its columns.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features of the fit. Single precision is copied to double.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of the fit, or its probabilities of the classes.
    sample_weight : array-like of shape (n_samples,), number or None, default=None
        Weights of the fit. They count samples: a weight of 2 is a sample that occurs twice. The
        class weights of the estimator multiply them, as in the fit.
    penalized : bool, default=False
        Whether to allow a finite ``C``, whose L2 penalty is then read as a prior: see Notes.
    level : float, default=0.95
        Confidence level of the intervals, between 0 and 1.
    feature_names : array-like of str of shape (n_features,), default=None
        Names of the features of the classifier. None: those of X, or those that the steps of a
        Pipeline give; "x0", "x1", ... where there are none.
    cov_type : {"nonrobust", "HC0", "HC1", "cluster"}, default="nonrobust"
        Covariance of the coefficients. "nonrobust": :math:`H^{-1}`, which assumes that the model
        is right. "HC0": the sandwich :math:`H^{-1} M H^{-1}`, :math:`M = \sum_i s_i r_i^2 x_i
        x_i^T` with the residuals :math:`r = \hat y - y`, which does not. "HC1": that times
        :math:`n / (n - k)`, n the total weight and k the number of coefficients. "cluster":
        samples of the same group may depend on each other, and M is the sum over the groups,
        times :math:`G / (G - 1) \cdot (n - 1) / (n - k)` for G groups.
    groups : array-like of shape (n_samples,), default=None
        The group of each sample, for ``cov_type="cluster"``.
    drop_collinear : bool, default=False
        Whether to leave out columns that others and the intercept determine, the last ones, as R
        does: their rows are NaN, and the others are those of a fit without them. False: such
        columns are an error that names them.

    Returns
    -------
    pandas.DataFrame or numpy.recarray
        The columns "coef", "std_err", "z", "p_value", "ci_low", "ci_high" and "odds_ratio",
        which is ``exp(coef)``, with its interval, "odds_ratio_low" and "odds_ratio_high". The
        index is "feature", the names of the features and last "intercept"; for more than two
        classes "class" and "feature". Without pandas a structured array, whose first fields are
        the index.

    Raises
    ------
    TypeError
        If the estimator is of another kind, or if X is an array of another library that
        scikit-learn's setting ``array_api_dispatch`` keeps.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ValueError
        If the numbers would be wrong: the fit has a penalty, did not converge or found the
        classes separated; columns are collinear; some features separate some samples perfectly;
        the coefficients are not the optimum of these data; a class has no weight. Or if another
        argument is not valid.

    See Also
    --------
    fit_statistics : Log-likelihood, AIC, BIC and the test of all coefficients.
    CoefficientDisplay : The coefficients and their intervals as a plot.

    Notes
    -----
    With a finite C the coefficients are shrunk, and no standard errors are right for them. The
    table is then the Laplace approximation of a posterior distribution: the penalty is the prior
    of independent normal coefficients with variance C, or ``C / penalty_weights``, and the
    posterior is approximately normal with mean ``coef`` and covariance :math:`H^{-1}`, :math:`H`
    including the penalty. The interval contains the coefficient with probability ``level``.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006, equations 4.97 (Hessian) and
    4.142 to 4.143 (Laplace approximation).
    H. White, Maximum likelihood estimation of misspecified models, Econometrica 50, 1982: the
    sandwich.

    Examples
    --------
    >>> import numpy as np
    >>> from bce_logistic import GDLogisticRegression, inference_table
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    >>> y = np.array([0, 0, 1, 0, 1, 1])
    >>> model = GDLogisticRegression(C=np.inf, tol=1e-12).fit(X, y)
    >>> table = inference_table(model, X, y)
    >>> [round(float(number), 3) for number in table["std_err"]]
    [0.913, 3.388]
    """
    table = coefficient_table(
        estimator,
        X,
        y,
        sample_weight,
        penalized=penalized,
        level=level,
        feature_names=feature_names,
        cov_type=cov_type,
        groups=groups,
        drop_collinear=drop_collinear,
        function="inference_table",
    )
    names = np.array(table.names)
    index = {"feature": names}
    if table.classes is not None:
        index = {
            "class": np.repeat(table.classes, len(names)),
            "feature": np.tile(names, len(table.classes)),
        }
    columns = index | table.columns
    try:
        import pandas
    except ImportError:
        dtype = [(name, column.dtype) for name, column in columns.items()]
        return np.rec.fromarrays(list(columns.values()), dtype=dtype)
    return pandas.DataFrame(columns).set_index(list(index))


class CoefficientTable(NamedTuple):
    """Rows for each class but the first, or for one of two, the names in each."""

    names: list[str]
    classes: NDArray | None
    columns: dict[str, Array]


def coefficient_table(
    estimator: Any,
    X: Any,
    y: Any,
    sample_weight: Any,
    *,
    penalized: bool,
    level: float,
    feature_names: Any,
    cov_type: str,
    groups: Any,
    drop_collinear: bool,
    function: str,
) -> CoefficientTable:
    """The numbers of :func:`inference_table`; ``function`` is named in errors."""
    if cov_type not in COV_TYPES:
        raise ValueError(f"cov_type must be one of {COV_TYPES}; got {cov_type!r}.")
    if (groups is None) == (cov_type == "cluster"):
        raise ValueError(
            "groups, the cluster of each sample, are for cov_type='cluster', which needs them."
        )
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, for example 0.95; got {level!r}.")
    model, X, names = final_step(estimator, X, feature_names, function)
    check_optimum(model, penalized=penalized)
    if np.isfinite(model.C) and cov_type != "nonrobust":
        raise ValueError(
            f"cov_type={cov_type!r} is for fits without a penalty, C=np.inf; this one has "
            f"C={model.C}."
        )
    with worker_threads(model.n_jobs) as pmap:
        data = FittedData.of(model, X, y, sample_weight, names, pmap)
        named = np.ones(len(data.names), dtype=bool)
        if drop_collinear and np.isinf(model.C):
            collinear = data.collinearity()
            if collinear.n_relations:
                named[: len(names)] = ~collinear.redundant
                data = data.without_redundant(collinear)
        std_err = _standard_errors(data, cov_type, groups)
    names = [*names, *["intercept"] * model.fit_intercept]
    coef = contrasts(np.atleast_2d(data.w.T)).ravel()
    coef, std_err = (_with_gaps(values, named) for values in (coef, std_err))
    z = coef / std_err
    half_width = ndtri((1 + level) / 2) * std_err
    ci_low, ci_high = coef - half_width, coef + half_width
    columns = {
        "coef": coef,
        "std_err": std_err,
        "z": z,
        "p_value": 2 * ndtr(-np.abs(z)),
        "ci_low": ci_low,
        "ci_high": ci_high,
    }
    with np.errstate(over="ignore"):
        columns |= {
            "odds_ratio": np.exp(coef),
            "odds_ratio_low": np.exp(ci_low),
            "odds_ratio_high": np.exp(ci_high),
        }
    return CoefficientTable(names, data.labels[1:] if len(data.labels) > 2 else None, columns)


def _with_gaps(values: Array, named: NDArray[np.bool_]) -> Array:
    """Values of the ``named`` columns, class after class, and NaN for the others."""
    n_classes = len(values) // np.count_nonzero(named)
    whole = np.full((n_classes, len(named)), np.nan)
    whole[:, named] = values.reshape(n_classes, -1)
    return whole.ravel()


def _standard_errors(data: FittedData, cov_type: str, groups: Any) -> Array:
    r"""Roots of the diagonal of :math:`H^{-1}` or :math:`H^{-1} M H^{-1}`, (n_contrasts,)."""
    newton = data.newton_step()
    R = newton.root
    if cov_type == "nonrobust":
        return np.linalg.norm(R, axis=1)
    n, k = data.objective.total_weight, len(R)
    if cov_type == "cluster":
        clusters, cluster = np.unique(_checked_groups(groups, data.rows), return_inverse=True)
        M = cluster_products(data.objective, data.rows, data.w, cluster)
        M *= len(clusters) / (len(clusters) - 1) * (n - 1) / (n - k)
    else:
        M = sample_products(data.objective, data.w)
        M *= n / (n - k) if cov_type == "HC1" else 1.0
    return np.sqrt(np.einsum("ij,jk,ik->i", R, R.T @ M @ R, R))


def _checked_groups(groups: Any, rows: RowsInMemory) -> NDArray:
    """Clusters of the samples; ValueError if they are not one for each, or fewer than two."""
    groups = column_or_1d(groups)
    check_labels(groups, "groups")
    if len(groups) != rows.n_samples:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: "
            f"{[rows.n_samples, len(groups)]} in X and groups."
        )
    if len(np.unique(groups)) < 2:
        raise ValueError("groups holds one cluster only; standard errors need many.")
    return groups
