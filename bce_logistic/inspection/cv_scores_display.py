"""A plot of the scores of a cross-validation against C."""

from __future__ import annotations

from math import sqrt
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .displays import _axes, _pyplot


class CVScoresDisplay:
    """Scores of a cross-validation against C, with their standard errors and the chosen C.

    Use :meth:`from_estimator` to create one. All parameters are stored as attributes.

    Parameters
    ----------
    Cs : array-like of shape (n_Cs,)
        Inverse strengths of the penalty.
    scores : array-like of shape (n_folds, n_Cs)
        Score of each fold at each of them.
    C : float or None, default=None
        The chosen one, which is marked. None: none is.
    name : str or None, default=None
        Name of the score, which labels the axis. None: "score".

    Attributes
    ----------
    line_ : matplotlib Line2D
        The mean over the folds.
    band_ : matplotlib PolyCollection or None
        The mean plus and minus its standard error; None with a single fold.
    fold_lines_ : list of matplotlib Line2D
        The scores of each fold, if they were requested.
    chosen_ : matplotlib Line2D or None
        The line that marks the chosen C.
    ax_ : matplotlib Axes
        The axes with the lines.
    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    RegularizationPathDisplay : Coefficients against the strength of the penalty.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.preprocessing import scale
    >>> from bce_logistic import CVScoresDisplay, GDLogisticRegressionCV
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = GDLogisticRegressionCV(Cs=20).fit(scale(X), y)
    >>> display = CVScoresDisplay.from_estimator(model)
    """

    def __init__(
        self,
        *,
        Cs: ArrayLike,
        scores: ArrayLike,
        C: float | None = None,
        name: str | None = None,
    ) -> None:
        self.Cs = Cs
        self.scores = scores
        self.C = C
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        negate_score: bool = False,
        show_folds: bool = False,
        ax: Any = None,
        line_kwargs: dict[str, Any] | None = None,
    ) -> Self:
        """Draw the scores of a fitted estimator, at the chosen share of the L1 penalty.

        Parameters
        ----------
        estimator : GDLogisticRegressionCV or Pipeline
            Fitted estimator, or a fitted Pipeline that ends with one.
        name : str or None, default=None
            Name of the score. None: that of ``scoring``, if it is text.
        negate_score : bool, default=False
            Whether to draw the scores times -1, such as losses.
        show_folds : bool, default=False
            Whether to draw the scores of each fold, too.
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot` for the mean.

        Returns
        -------
        CVScoresDisplay
            The display, with the scores that were drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        TypeError
            If the estimator has no scores.
        """
        _pyplot(cls)
        check_is_fitted(estimator)
        if isinstance(estimator, Pipeline):
            estimator = estimator[-1]
        if not {"scores_", "Cs_"} <= vars(estimator).keys():
            raise TypeError(
                f"{type(estimator).__name__} has no scores for each C. Pass a "
                "GDLogisticRegressionCV, or a Pipeline that ends with one."
            )
        if name is None and isinstance(estimator.scoring, str):
            name = estimator.scoring.removeprefix("neg_") if negate_score else estimator.scoring
        i = int(np.argmin(np.abs(estimator.l1_ratios_ - estimator.l1_ratio_)))
        scores = estimator.scores_[:, i]
        C = estimator.C_ if estimator.refit else None
        display = cls(Cs=estimator.Cs_, scores=-scores if negate_score else scores, C=C, name=name)
        return display.plot(ax, show_folds=show_folds, line_kwargs=line_kwargs)

    def plot(
        self, ax: Any = None, *, show_folds: bool = False, line_kwargs: dict[str, Any] | None = None
    ) -> Self:
        """Draw the scores.

        Parameters
        ----------
        ax : matplotlib Axes or None, default=None
            Axes to draw on. None: new ones.
        show_folds : bool, default=False
            Whether to draw the scores of each fold, too.
        line_kwargs : dict or None, default=None
            Further arguments of :meth:`matplotlib.axes.Axes.plot` for the mean.

        Returns
        -------
        CVScoresDisplay
            The display itself.
        """
        self.ax_ = _axes(type(self), ax)
        self.figure_ = self.ax_.figure
        order = np.argsort(self.Cs, kind="stable")
        Cs, scores = np.asarray(self.Cs)[order], np.asarray(self.scores)[:, order]
        mean, n_folds = scores.mean(axis=0), len(scores)
        (self.line_,) = self.ax_.plot(
            Cs, mean, **{"marker": ".", "label": "mean", **(line_kwargs or {})}
        )
        self.band_ = self.chosen_ = None
        if n_folds > 1:
            error = scores.std(axis=0, ddof=1) / sqrt(n_folds)
            self.band_ = self.ax_.fill_between(
                Cs,
                mean - error,
                mean + error,
                alpha=0.2,
                color=self.line_.get_color(),
                label="standard error",
            )
        self.fold_lines_ = []
        if show_folds:
            for of_fold in scores:
                self.fold_lines_ += self.ax_.plot(Cs, of_fold, color="0.8", lw=1, zorder=1)
        if self.C is not None:
            self.chosen_ = self.ax_.axvline(
                self.C, color="0.3", linestyle="--", linewidth=1, label=f"C = {self.C:.3g}"
            )
        self.ax_.set_xscale("log")
        self.ax_.set(xlabel="C, inverse strength of the penalty", ylabel=self.name or "score")
        self.ax_.legend(fontsize="small")
        return self
