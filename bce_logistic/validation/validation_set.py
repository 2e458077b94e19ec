"""Check the rows that are held out for early stopping, or draw them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from ..arrays import Array


def check_held_out(early_stopping: bool, X_val: Any, y_val: Any, sample_weight_val: Any) -> None:
    """Refuse held-out rows that are incomplete, or that nobody asked for.

    Parameters
    ----------
    early_stopping : bool
        Whether held-out rows are to stop the fit.
    X_val, y_val, sample_weight_val : array-like or None
        The rows, if they are given.

    Raises
    ------
    ValueError
        If one of them is given without the others that it needs, or without early stopping.
    """
    if (X_val is None) != (y_val is None):
        given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"{given} needs {missing}: held-out rows have features and labels.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val needs X_val and y_val, the rows that it weighs.")
    if X_val is not None and not early_stopping:
        raise ValueError("X_val and y_val are for early stopping: set early_stopping=True.")


def draw_held_out(y: NDArray, s: Array, fraction: float, seed: int) -> NDArray[np.intp]:
    """Draw rows to hold out, the same part of every class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    s : ndarray of shape (n_samples,)
        Sample weights; a row without weight is not drawn.
    fraction : float
        Part of the rows, in (0, 1).
    seed : int
        Seed of the draw.

    Returns
    -------
    ndarray of integers
        The rows, in their order.

    Raises
    ------
    ValueError
        If the rows of a class are too few to be on both sides.
    """
    rows = np.flatnonzero(s)
    split = StratifiedShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    try:
        ((_, drawn),) = split.split(rows, y[rows])
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot hold out validation_fraction={fraction} of "
            f"{len(rows)} rows with some of every class on both sides: {error} Give held-out "
            "rows as X_val and y_val, or set early_stopping=False."
        ) from error
    return rows[np.sort(drawn)]
