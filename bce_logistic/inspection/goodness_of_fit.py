"""Log-likelihood of a fitted model, its comparison with the intercept alone, AIC and BIC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import chdtrc, xlogy
from sklearn.pipeline import Pipeline

from ..estimators.logistic_regression import GDLogisticRegression
from ..rows.threads import worker_threads
from .fitted_data import FittedData, check_optimum, final_step


@dataclass(frozen=True)
class FitStatistics:
    """Result of :func:`fit_statistics`.

    Parameters
    ----------
    log_likelihood : float
        Log-likelihood of the fitted model, in nats.
    null_log_likelihood : float
        That of the intercept alone; without an intercept, of equally probable classes.
    lr_statistic : float
        Likelihood ratio, twice the difference of the two.
    lr_p_value : float
        Probability of such a ratio or a larger one if all coefficients were zero, by the
        chi-squared distribution with ``df`` degrees of freedom.
    aic : float
        Akaike's information criterion: twice the number of coefficients, with the intercepts,
        less twice the log-likelihood.
    bic : float
        Bayesian information criterion: the same with the logarithm of the number of samples
        instead of 2.
    pseudo_r2 : float
        McFadden's: 1 less the ratio of the two log-likelihoods.
    n_samples : float
        Number of samples: the sum of the weights.
    df : int
        Number of coefficients without the intercepts: for each class but the first, the columns
        that no others determine.
    """

    log_likelihood: float
    null_log_likelihood: float
    lr_statistic: float
    lr_p_value: float
    aic: float
    bic: float
    pseudo_r2: float
    n_samples: float
    df: int


def fit_statistics(
    estimator: GDLogisticRegression | Pipeline, X: Any, y: Any, sample_weight: Any = None
) -> FitStatistics:
    r"""Log-likelihood of a fitted model, likelihood-ratio test, AIC, BIC and pseudo-R2.

    .. math::

       \ell = -\sum_i s_i \ell_i, \qquad \mathrm{LR} = 2 (\ell - \ell_0), \qquad
       R^2 = 1 - \ell / \ell_0,

       \mathrm{AIC} = 2 k - 2 \ell, \qquad \mathrm{BIC} = k \log n - 2 \ell

    with :math:`\ell_0` the log-likelihood of the intercept alone, n the sum of the weights, and k
    the number of coefficients: ``df``, and an intercept for each class but the first.

    Parameters
    ----------
    estimator : GDLogisticRegression or Pipeline
        Model fitted without a penalty, ``C=np.inf``, until convergence; or a fitted Pipeline that
        ends with one.
    X : array-like or sparse matrix of shape (n_samples, n_features)
        Features of the fit.
    y : array-like of shape (n_samples,) or (n_samples, n_classes)
        Labels of the fit, or its probabilities of the classes.
    sample_weight : array-like of shape (n_samples,), number or None, default=None
        Weights of the fit, which count samples; the class weights of the estimator multiply them.

    Returns
    -------
    FitStatistics
        The numbers, as attributes.

    Raises
    ------
    TypeError, ValueError
        As :func:`inference_table`; collinear columns are allowed.

    See Also
    --------
    inference_table : Standard errors, tests and intervals of the coefficients.

    References
    ----------
    D. McFadden, Conditional logit analysis of qualitative choice behavior, in: Frontiers in
    Econometrics, 1974.

    Examples
    --------
    >>> import numpy as np
    >>> from bce_logistic import GDLogisticRegression, fit_statistics
    >>> X = np.array([[1.0], [2.0], [3.0], [4.0], [5.0], [6.0]])
    >>> y = np.array([0, 0, 1, 0, 1, 1])
    >>> model = GDLogisticRegression(C=np.inf, tol=1e-12).fit(X, y)
    >>> statistics = fit_statistics(model, X, y)
    >>> round(statistics.log_likelihood, 3), round(statistics.pseudo_r2, 3), statistics.df
    (-2.478, 0.404, 1)
    """
    model, X, names = final_step(estimator, X, None, "fit_statistics")
    check_optimum(model, penalized=False)
    with worker_threads(model.n_jobs) as pmap:
        data = FittedData.of(model, X, y, sample_weight, names, pmap)
        collinear = data.collinearity()
        n_columns = data.rows.n_features - collinear.n_relations
        if collinear.n_relations:
            data = data.without_redundant(collinear)
        data.newton_step()  # refuses other data than those of the fit
        log_likelihood = -float(data.objective.at(data.w).value)
    n_samples, n_classes = data.objective.total_weight, len(data.labels)
    if model.fit_intercept:
        totals = data.rows.label_weights(n_classes)
        null = float(xlogy(totals, totals / n_samples).sum())
    else:
        null = -n_samples * float(np.log(n_classes))
    df = (n_classes - 1) * n_columns
    n_coefficients = df + (n_classes - 1) * model.fit_intercept
    return FitStatistics(
        log_likelihood=log_likelihood,
        null_log_likelihood=null,
        lr_statistic=2 * (log_likelihood - null),
        lr_p_value=float(chdtrc(df, 2 * (log_likelihood - null))),
        aic=2 * (n_coefficients - log_likelihood),
        bic=float(np.log(n_samples)) * n_coefficients - 2 * log_likelihood,
        pseudo_r2=1 - log_likelihood / null,
        n_samples=n_samples,
        df=df,
    )
