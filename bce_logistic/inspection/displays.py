"""Plots: the curves of a fit, and coefficients against the strength of the penalty."""

from __future__ import annotations

from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.isotonic import isotonic_regression
from sklearn.pipeline import Pipeline
from sklearn.utils import check_array
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import check_is_fitted

from ..arrays import is_non_numpy, to_numpy
from ..estimators.regularization_path import RegularizationPath, check_Cs
from ..validation.probabilities import ClassColumns


class Curve(NamedTuple):
    """The label of a curve's axis, and the remedy if a fit has no such curve."""

    quantity: str
    unit: str
    remedy: str = "Pass a GDLogisticRegression, or a Pipeline that ends with one."


# The curve called "loss" is the attribute ``loss_curve_``, and so on.
CURVES = {
    "loss": Curve("mean objective", "nats"),
    "gradient_norm": Curve(
        "largest component of the mean gradient", "nats per unit of a coefficient"
    ),
    "validation_loss": Curve(
        "mean loss of the validation rows", "nats", "Fit with early_stopping=True."
    ),
}


# Height of a name at the end of a line, relative to that of the axes.
LABEL_HEIGHT = 0.05


class LossCurveDisplay:
    """A curve of a fit: its objective, or another measure, after each iteration.

    Use :meth:`from_estimator` to create one. All parameters are stored as attributes.

    Parameters
    ----------
    values : array-like of shape (n_iterates,)
        Values at the start and after each iteration.
    curve : {"loss", "gradient_norm", "validation_loss"}, default="loss"
        Which curve the values are; it labels the axis.
    name : str or None, default=None
        Name in the legend. None: no legend.

    Attributes
    ----------
    line_ : matplotlib Line2D
        The curve.
    ax_ : matplotlib Axes
        The axes with the curve.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    RegularizationPathDisplay : Coefficients against the strength of the penalty.

    Examples
    --------
    Two fits on one axis, and how far above the minimum they are:

    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from bce_logistic import GDLogisticRegression, LossCurveDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> X = scale(X)
    >>> plain = GDLogisticRegression(solver="gd", tol=1e-3).fit(X, y)
    >>> momentum = GDLogisticRegression(solver="gd", momentum=0.9, tol=1e-3).fit(X, y)
    >>> minimum = GDLogisticRegression(tol=1e-12).fit(X, y).loss_curve_[-1]
    >>> display = LossCurveDisplay.from_estimator(plain, name="plain", minimum=minimum)
    >>> display = LossCurveDisplay.from_estimator(
    ...     momentum, name="momentum", minimum=minimum, ax=display.ax_
    ... )
    """

    def __init__(self, *, values: ArrayLike, curve: str = "loss", name: str | None = None) -> None:
        self.values = values
        self.curve = curve
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        curve: str = "loss",
        name: str | None = None,
        minimum: float | None = None,
        log_scale: bool = False,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw a curve of a fitted estimator.

        Parameters
        ----------
        estimator : GDLogisticRegression or Pipeline
            Fitted estimator, or a fitted Pipeline that ends with one.
        curve : {"loss", "gradient_norm", "validation_loss"}, default="loss"
            Which of its curves: ``loss_curve_``, ``gradient_norm_curve_`` or
            ``validation_loss_curve_``.
        name : str or None, default=None
            Name in the legend. None: the class of the estimator.
        minimum : float or None, default=None
            Subtracted from the values, for example the ``loss_curve_[-1]`` of a fit with a small
            ``tol``: the differences are drawn, on a logarithmic axis. None: nothing.
        log_scale : bool, default=False
            Whether the axis of the values is logarithmic. With a ``minimum`` it always is.
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        LossCurveDisplay
            The display, with the values that were drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no curve of that name, or the fit has none.
        """
        _pyplot(cls)
        check_is_fitted(estimator)
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        attribute = f"{_check_curve(curve)}_curve_"
        values = getattr(estimator, attribute, None)
        if values is None:
            raise ValueError(
                f"This {type(estimator).__name__} has no {attribute}. {CURVES[curve].remedy}"
            )
        values = to_numpy(values) if is_non_numpy(values) else values
        name = type(estimator).__name__ if name is None else name
        display = cls(values=values, curve=curve, name=name)
        return display.plot(ax, minimum=minimum, log_scale=log_scale, line_kwargs=line_kwargs)

    def plot(
        self,
        ax: Any = None,
        *,
        name: str | None = None,
        minimum: float | None = None,
        log_scale: bool = False,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the curve.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        name : str or None, default=None
            Name in the legend. None: that of the display.
        minimum : float or None, default=None
            Subtracted from the values: the differences are drawn, on a logarithmic axis, where
            they are positive. None: nothing.
        log_scale : bool, default=False
            Whether the axis of the values is logarithmic. With a ``minimum`` it always is.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        LossCurveDisplay
            The display itself.
        """
        quantity, unit, _ = CURVES[_check_curve(self.curve)]
        self.ax_ = _axes(type(self), ax)
        self.figure_ = self.ax_.figure
        values = np.asarray(self.values)
        if minimum is not None:
            quantity = f"{quantity} above its minimum"
            values = np.where(values > minimum, values - minimum, np.nan)
        if log_scale or minimum is not None:
            self.ax_.set_yscale("log")
        name = self.name if name is None else name
        (self.line_,) = self.ax_.plot(
            np.arange(len(values)), values, **{"label": name, **(line_kwargs or {})}
        )
        self.ax_.set(xlabel="iterations", ylabel=f"{quantity} ({unit})")
        if self.ax_.get_legend_handles_labels()[1]:
            self.ax_.legend()
        return self


class RegularizationPathDisplay:
    """Coefficients against C, the inverse strength of the penalty: one line a feature.

    Use :meth:`from_estimator` or :meth:`from_path` to create one. All parameters are stored as
    attributes.

    Parameters
    ----------
    Cs : array-like of shape (n_Cs,)
        Inverse strengths of the penalty.
    coefs : array-like of shape (n_Cs, n_features)
        Coefficients of one class at each of them.
    feature_names : array-like of str of shape (n_features,)
        Names of the features.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The line of each feature.
    texts_ : list of matplotlib Annotation
        The names at the ends of the lines.
    count_line_ : matplotlib Line2D or None
        The number of coefficients that are not zero, on a second axis; None if none is zero.
    ax_ : matplotlib Axes
        The axes with the lines.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    regularization_path : The coefficients for every C.
    LossCurveDisplay : The objective after each iteration of a fit.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import StandardScaler
    >>> from bce_logistic import RegularizationPathDisplay, regularization_path
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> X = StandardScaler().set_output(transform="pandas").fit_transform(X)
    >>> display = RegularizationPathDisplay.from_path(regularization_path(X, y))
    """

    def __init__(self, *, Cs: ArrayLike, coefs: ArrayLike, feature_names: Any) -> None:
        self.Cs = Cs
        self.coefs = coefs
        self.feature_names = feature_names

    @classmethod
    def from_path(
        cls,
        path: RegularizationPath,
        *,
        target: Any = None,
        n_named: int = 10,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw a path.

        Parameters
        ----------
        path : RegularizationPath
            From :func:`regularization_path`.
        target : label or None, default=None
            Class whose coefficients are drawn. None: the second of two classes.
        n_named : int, default=10
            How many features are named, as in :meth:`plot`.
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        RegularizationPathDisplay
            The display, with the coefficients that were drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If ``target`` is not a class with coefficients.
        """
        _pyplot(cls)
        row = _coef_row(path.classes, target)
        names = path.feature_names
        display = cls(Cs=path.Cs, coefs=path.coefs[:, row], feature_names=names)
        return display.plot(ax, n_named=n_named, line_kwargs=line_kwargs)

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        *,
        Cs: Any = 30,
        sample_weight: Any = None,
        target: Any = None,
        feature_names: Any = None,
        n_named: int = 10,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Fit a clone of an estimator for each C, and draw its coefficients.

        Fits in increasing order of C, each from the coefficients of the previous one.

        Parameters
        ----------
        estimator : GDLogisticRegression
            Estimator with the parameters ``C`` and ``warm_start``; it is not modified.
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Features. Scale them, so that the coefficients are comparable.
        y : array-like of shape (n_samples,)
            Labels.
        Cs : int or array-like of shape (n_Cs,), default=30
            Inverse strengths of the penalty, positive and finite. An int: that many from 1e-4
            to 1e4, evenly on a logarithmic scale.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            Weights of the samples. None: 1 for every sample.
        target : label or None, default=None
            Class whose coefficients are drawn. None: the second of two classes.
        feature_names : array-like of str of shape (n_features,) or None, default=None
            Names of the features. None: those of X, or else "x0", "x1" and so on.
        n_named : int, default=10
            How many features are named at the ends of their lines: the last ones to vanish as C
            decreases, and of those that never do the largest. The other lines are grey.
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        RegularizationPathDisplay
            The display, with the coefficients that were drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator does not have these parameters.
        ValueError
            If ``Cs``, ``target`` or the number of names is not valid.
        """
        _pyplot(cls)
        if not {"C", "warm_start"} <= estimator.get_params().keys():
            raise TypeError(
                f"{type(estimator).__name__} does not have the parameters C and warm_start. Pass "
                "a GDLogisticRegression; instead of a Pipeline, its last step and transformed X."
            )
        Cs = check_Cs(np.logspace(-4, 4, Cs) if np.ndim(Cs) == 0 else Cs)
        columns = ClassColumns.of(y)
        row = _coef_row(unique_labels(y) if columns is None else columns.classes, target)
        if feature_names is not None:
            n_features = check_array(X, accept_sparse=True, ensure_all_finite=False).shape[1]
            if len(feature_names) != n_features:
                raise ValueError(f"{len(feature_names)} feature_names for {n_features} features.")

        model = clone(estimator).set_params(warm_start=True)
        coefs = np.array(
            [model.set_params(C=C).fit(X, y, sample_weight=sample_weight).coef_[row] for C in Cs]
        )
        if feature_names is None:
            unnamed = [f"x{j}" for j in range(coefs.shape[1])]
            feature_names = getattr(model, "feature_names_in_", unnamed)
        display = cls(Cs=Cs, coefs=coefs, feature_names=feature_names)
        return display.plot(ax, n_named=n_named, line_kwargs=line_kwargs)

    def plot(
        self, ax: Any = None, *, n_named: int = 10, line_kwargs: dict[str, Any] | None = None
    ) -> Self:
        """Draw the coefficients.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        n_named : int, default=10
            How many features are named at the ends of their lines: the last ones to vanish as C
            decreases, and of those that never do the largest. The other lines are grey.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot`.

        Returns
        -------
        RegularizationPathDisplay
            The display itself.
        """
        self.ax_ = _axes(type(self), ax)
        self.figure_ = self.ax_.figure
        order = np.argsort(np.asarray(self.Cs), kind="stable")
        Cs, coefs = np.asarray(self.Cs)[order], np.asarray(self.coefs)[order]
        named = _last_to_vanish(coefs)[:n_named]
        self.lines_, self.texts_ = [], []
        for j, (coef, label) in enumerate(zip(coefs.T, self.feature_names, strict=True)):
            style = {} if j in named else {"color": "0.8", "linewidth": 1, "zorder": 1}
            style |= {"label": label, **(line_kwargs or {})}
            self.lines_ += self.ax_.plot(Cs, coef, **style)
        low, high = self.ax_.get_ylim()
        self.ax_.set_ylim(low, high)
        heights = _spread(coefs[-1, named], LABEL_HEIGHT * (high - low))
        for j, height in zip(named, heights, strict=True):
            self.texts_.append(
                self.ax_.annotate(
                    str(self.feature_names[j]),
                    (1, height),
                    xycoords=self.ax_.get_yaxis_transform(),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize="small",
                    color=self.lines_[j].get_color(),
                )
            )
        self.ax_.margins(x=0)
        self.ax_.set_xscale("log")
        self.ax_.set(
            xlabel="C, inverse strength of the penalty", ylabel="coefficient (nats per unit)"
        )
        self.count_line_ = None
        if not coefs.all():
            counts = self.ax_.twinx()
            (self.count_line_,) = counts.step(
                Cs, (coefs != 0).sum(axis=1), where="post", color="0.5", linestyle=":", linewidth=1
            )
            counts.set_ylabel("coefficients that are not zero (dotted)")
            counts.set_ylim(bottom=0)
            counts.margins(x=0)
            # Names and numbers would be in the same place.
            counts.spines["right"].set_position(("axes", 1.25 if len(named) else 1.0))
        return self


def _last_to_vanish(coefs: NDArray[Any]) -> NDArray[np.intp]:
    """Features by the smallest C from which they are not zero, then by size at the largest C."""
    n_zero = np.argmax(np.vstack([coefs != 0, np.ones(coefs.shape[1], dtype=bool)]), axis=0)
    return np.lexsort((-np.abs(coefs[-1]), n_zero))


def _spread(heights: NDArray[Any], gap: float) -> NDArray[Any]:
    """The nearest heights in the same order that are at least ``gap`` apart."""
    if not len(heights):
        return heights
    order = np.argsort(heights, kind="stable")
    steps = gap * np.arange(len(order))
    spread = np.empty(len(order))
    spread[order] = isotonic_regression(heights[order] - steps) + steps
    return spread


def _check_curve(curve: str) -> str:
    """Return the name of a curve, or raise ValueError if there is none of that name."""
    if curve not in CURVES:
        raise ValueError(f"curve must be one of {sorted(CURVES)}, got {curve!r}.")
    return curve


def _coef_row(classes: NDArray, target: Any) -> int:
    """Index of the row of ``coef_`` of a class; of two classes, only the second has one."""
    with_row = (classes[1:] if len(classes) == 2 else classes).tolist()
    if target is None and len(with_row) == 1:
        return 0
    if target not in with_row:
        raise ValueError(f"target must be one of the classes {with_row}, got {target!r}.")
    return with_row.index(target)


def _axes(display: type, ax: Any) -> Any:
    """The given axes, or new ones if None."""
    plt = _pyplot(display)
    return plt.subplots()[1] if ax is None else ax


def _pyplot(display: type) -> Any:
    """Import matplotlib.pyplot, or raise ImportError with the command that installs it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{display.__name__} draws with matplotlib, which is not installed. "
            "Install it: pip install matplotlib"
        ) from error
    return plt
