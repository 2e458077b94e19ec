"""Plot of coefficients or odds ratios with their intervals: a forest plot."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline

from ..estimators.logistic_regression import GDLogisticRegression
from .displays import _axes, _pyplot
from .inference import coefficient_table


class CoefficientDisplay:
    """Coefficients, or odds ratios, with their confidence intervals, one line a feature.

    Use :meth:`from_estimator` to create one. All parameters are stored as attributes.

    Parameters
    ----------
    values : array-like of shape (n_features,)
        Coefficients or odds ratios; NaN is not drawn.
    low, high : array-like of shape (n_features,)
        Ends of their intervals.
    feature_names : array-like of str of shape (n_features,)
        Names of the features.
    odds_ratio : bool, default=False
        Whether the values are odds ratios, which are drawn on a logarithmic axis.
    level : float, default=0.95
        Confidence level of the intervals; it labels the axis.

    Attributes
    ----------
    errorbar_ : matplotlib ErrorbarContainer
        The values and their intervals.
    line_ : matplotlib Line2D
        The line where a feature has no effect: 0, or an odds ratio of 1.
    ax_ : matplotlib Axes
        The axes.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    inference_table : The numbers that are drawn.
    LossCurveDisplay : The objective after each iteration of a fit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_breast_cancer
    >>> from bce_logistic import CoefficientDisplay, GDLogisticRegression
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X = X[["mean radius", "mean texture", "mean symmetry"]]
    >>> model = GDLogisticRegression(C=np.inf).fit(X, y)
    >>> display = CoefficientDisplay.from_estimator(model, X, y, odds_ratio=True)
    """

    def __init__(
        self,
        *,
        values: ArrayLike,
        low: ArrayLike,
        high: ArrayLike,
        feature_names: Any,
        odds_ratio: bool = False,
        level: float = 0.95,
    ) -> None:
        self.values = values
        self.low = low
        self.high = high
        self.feature_names = feature_names
        self.odds_ratio = odds_ratio
        self.level = level

    @classmethod
    def from_estimator(
        cls,
        estimator: GDLogisticRegression | Pipeline,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        odds_ratio: bool = False,
        intercept: bool = False,
        target: Any = None,
        penalized: bool = False,
        level: float = 0.95,
        feature_names: Any = None,
        cov_type: str = "nonrobust",
        groups: Any = None,
        drop_collinear: bool = False,
        ax: Any = None,
        errorbar_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Compute the intervals of a fitted estimator, and draw them.

        Parameters
        ----------
        estimator : GDLogisticRegression or Pipeline
            Fitted estimator, as for :func:`inference_table`, or a Pipeline that ends with one.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features of the fit.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of the fit, or its probabilities of the classes.
        sample_weight : array-like of shape (n_samples,), number or None, default=None
            Weights of the fit.
        odds_ratio : bool, default=False
            Whether to draw ``exp(coef)``, on a logarithmic axis, instead of coefficients.
        intercept : bool, default=False
            Whether to draw the intercept, too.
        target : label or None, default=None
            Of more than two classes, the one whose differences to the first class are drawn.
        penalized : bool, default=False
            Whether to allow a finite ``C``; see :func:`inference_table`.
        level : float, default=0.95
            Confidence level of the intervals.
        feature_names : array-like of str of shape (n_features,), default=None
            Names of the features; None: as in :func:`inference_table`.
        cov_type : {"nonrobust", "HC0", "HC1", "cluster"}, default="nonrobust"
            Covariance of the coefficients; see :func:`inference_table`.
        groups : array-like of shape (n_samples,), default=None
            The group of each sample, for ``cov_type="cluster"``.
        drop_collinear : bool, default=False
            Whether to leave out collinear columns; they are named, but nothing is drawn.
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        errorbar_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        CoefficientDisplay
            The display, with the values that were drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError, ValueError
            As :func:`inference_table`; or if ``target`` is not one of the classes but the first.
        """
        _pyplot(cls)
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
            function=cls.__name__,
        )
        classes = [None] if table.classes is None else table.classes.tolist()
        if target not in classes:
            raise ValueError(f"target must be one of the classes {classes}, got {target!r}.")
        n_names = len(table.names)
        n_drawn = n_names - (table.names[-1:] == ["intercept"] and not intercept)
        first = classes.index(target) * n_names
        rows = slice(first, first + n_drawn)
        names = ("odds_ratio", "odds_ratio_low", "odds_ratio_high")
        values, low, high = (
            table.columns[name][rows]
            for name in (names if odds_ratio else ("coef", "ci_low", "ci_high"))
        )
        display = cls(
            values=values,
            low=low,
            high=high,
            feature_names=table.names[:n_drawn],
            odds_ratio=odds_ratio,
            level=level,
        )
        return display.plot(ax, errorbar_kwargs=errorbar_kwargs)

    def plot(self, ax: Any = None, *, errorbar_kwargs: dict[str, Any] | None = None) -> Self:
        """Draw the intervals, the first feature at the top.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        errorbar_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.errorbar`.

        Returns
        -------
        CoefficientDisplay
            The display itself.
        """
        self.ax_ = _axes(type(self), ax)
        from matplotlib.ticker import LogLocator, NullFormatter

        self.figure_ = self.ax_.figure
        values, low, high = map(np.asarray, (self.values, self.low, self.high))
        position = np.arange(len(values))
        no_effect, quantity = (
            (1.0, "odds ratio") if self.odds_ratio else (0.0, "coefficient (nats per unit)")
        )
        self.line_ = self.ax_.axvline(no_effect, color="0.6", linewidth=1, linestyle="--", zorder=1)
        style = {"fmt": "o", "capsize": 3, "markersize": 5, **(errorbar_kwargs or {})}
        # Lists, because matplotlib 3.8 converts arrays of one number in a deprecated way.
        widths = [(values - low).tolist(), (high - values).tolist()]
        self.errorbar_ = self.ax_.errorbar(values, position, xerr=widths, **style)
        if self.odds_ratio:
            self.ax_.set_xscale("log")
            # 0.5, 1 and 2, where a logarithmic axis has powers of ten by default.
            self.ax_.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            self.ax_.xaxis.set_major_formatter("{x:g}")
            self.ax_.xaxis.set_minor_formatter(NullFormatter())
        self.ax_.set_yticks(position, labels=list(self.feature_names))
        self.ax_.set_ylim(len(values) - 0.5, -0.5)
        self.ax_.set(xlabel=f"{quantity} with its {100 * self.level:.4g} % interval")
        return self
