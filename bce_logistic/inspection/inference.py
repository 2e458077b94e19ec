r"""Standard errors, tests and confidence intervals of the coefficients.

The objective is the negative log-likelihood, so that for many samples the covariance of the
coefficients is the inverse of its Hessian at the optimum:

.. math:: \mathrm{Cov}(\hat w) = H^{-1}, \qquad
          H = [X\; 1]^T \, s \, \hat y (1 - \hat y) \, [X\; 1]
"""

from __future__ import annotations

from typing import Any, Never

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from sklearn.utils.validation import check_is_fitted

from ..arrays import Array, keeps_namespace, to_numpy
from ..estimators.coefficients import fitted_coefficients, make_objective
from ..estimators.logistic_regression import GDLogisticRegression
from ..objective.collinearity import find_collinearity
from ..objective.objective import Objective
from ..objective.standard_errors import SINGULAR, contrasts, find_standard_errors
from ..rows.label_index import label_weights
from ..rows.memory import row_blocks
from ..rows.threads import worker_threads
from ..validation.features import feature_names, listed, validated
from ..validation.labels import fit_encode
from ..validation.weights import check_sample_weight, weigh_classes

# Largest Newton decrement: how far from the optimum the coefficients may be, in standard errors.
MAX_DECREMENT = 0.01


def inference_table(
    estimator: GDLogisticRegression,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    *,
    penalized: bool = False,
    level: float = 0.95,
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
    estimator : GDLogisticRegression
        Model fitted without a penalty, ``C=np.inf``, until convergence.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features of the fit. Single precision is copied to double.
    y : array-like of shape (n_samples,)
        Labels of the fit.
    sample_weight : array-like of shape (n_samples,), number or None, default=None
        Weights of the fit. They count samples: a weight of 2 is a sample that occurs twice. The
        class weights of the estimator multiply them, as in the fit.
    penalized : bool, default=False
        Whether to allow a finite ``C``, whose penalty is then read as a prior: see Notes.
    level : float, default=0.95
        Confidence level of the intervals, between 0 and 1.

    Returns
    -------
    pandas.DataFrame or numpy.recarray
        The columns "coef", "std_err", "z", "p_value", "ci_low", "ci_high" and "odds_ratio",
        which is ``exp(coef)``. The index is "feature", the names of the features and last
        "intercept"; for more than two classes "class" and "feature". Without pandas a structured
        array, whose first fields are the index.

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
        the coefficients are not the optimum of these data; a class has no weight.

    Notes
    -----
    With a finite C the coefficients are shrunk, and no standard errors are right for them. The
    table is then the Laplace approximation of a posterior distribution: the penalty is the prior
    of independent normal coefficients with variance C, and the posterior is approximately normal
    with mean ``coef`` and covariance :math:`H^{-1}`, :math:`H` including the penalty. The interval
    contains the coefficient with probability ``level``.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006, equations 4.97 (Hessian) and
    4.142 to 4.143 (Laplace approximation).

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
    _check(estimator, penalized, level)
    if keeps_namespace(X):
        raise TypeError("inference_table computes with NumPy: pass X and y as NumPy arrays.")
    X, y = validated(estimator, X, y, reset=False, dtype=[np.float64])
    labels, y = fit_encode(y)
    if not np.array_equal(labels, to_numpy(estimator.classes_)):
        raise ValueError(
            f"y holds the classes {labels}, but the estimator was fitted on "
            f"{estimator.classes_}. Pass the labels of the fit."
        )
    s = check_sample_weight(sample_weight, len(y))
    classes = weigh_classes(estimator, labels, label_weights(y, s, len(labels)))
    if estimator.fit_intercept and len(classes.absent):
        raise ValueError(
            f"The classes {classes.absent} have no weight: their probability is fitted as zero, "
            "without a standard error. Leave their samples out, and fit the other classes."
        )
    y, s = classes.coded(y, s)
    names = [*feature_names(estimator), *["intercept"] * estimator.fit_intercept]
    with worker_threads(estimator.n_jobs) as pmap:
        objective = make_objective(estimator, row_blocks(X, y, s, pmap), classes.n_scores)
        w = fitted_coefficients(estimator).reshape(objective.shape)
        std_err = _standard_errors(objective, w, names)
    coef = contrasts(np.atleast_2d(w.T)).ravel()
    z = coef / std_err
    half_width = ndtri((1 + level) / 2) * std_err
    with np.errstate(over="ignore"):
        odds_ratio = np.exp(coef)
    return _table(
        names,
        labels[1:] if len(labels) > 2 else None,
        {
            "coef": coef,
            "std_err": std_err,
            "z": z,
            "p_value": 2 * ndtr(-np.abs(z)),
            "ci_low": coef - half_width,
            "ci_high": coef + half_width,
            "odds_ratio": odds_ratio,
        },
    )


def _check(estimator: Any, penalized: bool, level: float) -> None:
    """Raise an error for an estimator whose table would be wrong."""
    if not isinstance(estimator, GDLogisticRegression):
        raise TypeError(
            f"estimator must be a GDLogisticRegression; got {type(estimator).__name__}. Of a "
            "pipeline or a search, pass the final estimator, and X as transformed for it."
        )
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, for example 0.95; got {level!r}.")
    check_is_fitted(estimator)
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
    if np.isfinite(estimator.C) and not penalized:
        raise ValueError(
            f"The penalty of C={estimator.C} shrinks the coefficients, which standard errors do "
            "not account for. Fit with C=np.inf, or pass penalized=True to read the penalty as a "
            "prior."
        )


def _standard_errors(objective: Objective, w: Array, names: list[str]) -> Array:
    """``sqrt(diag(H^-1))``, (n_contrasts,); ValueError if they would not be standard errors."""
    errors = find_standard_errors(objective, w)
    if errors.undetermined.any():
        # Columns that are collinear up to the rounding of the Hessian make it singular, too.
        n_features = objective.rows.n_features
        tolerance = n_features * SINGULAR * np.finfo(np.float64).eps
        collinear = find_collinearity(objective.rows, objective.fit_intercept, tolerance)
        if collinear.n_relations:
            redundant = np.array(names[:n_features])[collinear.redundant].tolist()
            raise ValueError(
                "The Hessian is singular: columns are collinear, so that the data do not "
                f"determine their coefficients. Leave out {listed(redundant)}, or fit with "
                "a smaller C and pass penalized=True."
            )
        _refuse_separated(errors.undetermined, names)
    if errors.distance > MAX_DECREMENT:
        raise ValueError(
            f"The coefficients are {errors.distance:.2g} standard errors from the optimum of these "
            "data and weights. Pass those that the estimator was fitted on; if you did, fit it "
            "with tol=1e-12, on X in double precision."
        )
    if errors.unstable.any():
        _refuse_separated(errors.unstable, names)
    return errors.std_err


def _refuse_separated(separating: NDArray[np.bool_], names: list[str]) -> Never:
    """Raise ValueError with the names of the columns that separate any class, (n_contrasts,)."""
    of_any_class = separating.reshape(-1, len(names)).any(axis=0)
    columns = np.array(names)[of_any_class].tolist()
    raise ValueError(
        f"Some samples are separated perfectly, by {listed(columns)}: the larger these "
        "coefficients, the better, so that they have no optimum and no standard errors. Leave "
        "features out, or fit with a smaller C and pass penalized=True."
    )


def _table(names: list[str], classes: NDArray | None, columns: dict[str, Array]) -> Any:
    """Data frame of the columns; a structured array without pandas."""
    index = {"feature": np.array(names)}
    if classes is not None:
        index = {
            "class": np.repeat(classes, len(names)),
            "feature": np.tile(names, len(classes)),
        }
    try:
        import pandas
    except ImportError:
        fields = index | columns
        dtype = [(name, field.dtype) for name, field in fields.items()]
        return np.rec.fromarrays(list(fields.values()), dtype=dtype)
    return pandas.DataFrame(index | columns).set_index(list(index))
