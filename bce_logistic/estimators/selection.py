"""Which C a cross-validation chooses."""

from __future__ import annotations

from collections.abc import Iterator
from math import sqrt

import numpy as np

from ..arrays import Array


def choose(scores: Array, Cs: Array, selection: str) -> tuple[int, int]:
    r"""Position of the chosen L1 ratio and C.

    "best": the largest mean over the folds, the first of equal ones. "one_standard_error": with the
    L1 ratio of the best, the smallest C whose mean is within one standard error of it,

    .. math:: \bar s_C \ge \bar s_{best} - \frac{\sigma_{best}}{\sqrt{n_{folds}}}.

    Parameters
    ----------
    scores : ndarray of shape (n_folds, n_l1_ratios, n_Cs)
        Score of each fold, higher for better models.
    Cs : ndarray of shape (n_Cs,)
        Inverse strengths of the penalty.
    selection : {"best", "one_standard_error"}
        The rule.

    Returns
    -------
    i : int
        Position of the L1 ratio.
    k : int
        Position of C.

    References
    ----------
    T. Hastie, R. Tibshirani, J. Friedman, The Elements of Statistical Learning, 2009: section 7.10,
    the rule of one standard error.
    """
    mean = np.nan_to_num(scores.mean(axis=0), nan=-np.inf)
    i, k = divmod(int(mean.argmax()), len(Cs))
    if selection == "one_standard_error" and len(scores) > 1:
        error = scores[:, i, k].std(ddof=1) / sqrt(len(scores))
        within = np.flatnonzero(mean[i] >= mean[i, k] - error)
        k = int(within[np.argmin(Cs[within])])
    return i, k


def edge_warnings(C: float, Cs: Array) -> Iterator[tuple[str, type[Warning]]]:
    """A warning if the chosen C is the smallest or the largest of several, and not infinite."""
    side = {float(Cs.min()): "smallest", float(Cs.max()): "largest"}.get(C)
    if side and len(np.unique(Cs)) > 1 and np.isfinite(C):
        yield (
            f"C_={C:.3g} is the {side} of Cs: a better one may lie beyond. Extend Cs in that "
            "direction.",
            UserWarning,
        )
