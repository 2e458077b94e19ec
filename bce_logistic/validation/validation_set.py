"""Check the validation rows of early stopping, or draw them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedShuffleSplit

from ..arrays import Array


def check_held_out(early_stopping: bool, X_val: Any, y_val: Any, sample_weight_val: Any) -> None:
    """Raise ValueError for validation rows that are incomplete, or without ``early_stopping``."""
    if (X_val is None) != (y_val is None):
        given, missing = ("y_val", "X_val") if X_val is None else ("X_val", "y_val")
        raise ValueError(f"{given} needs {missing}: validation rows have features and labels.")
    if X_val is None and sample_weight_val is not None:
        raise ValueError("sample_weight_val needs X_val and y_val, the rows that it weighs.")
    if X_val is not None and not early_stopping:
        raise ValueError("X_val and y_val are for early stopping: set early_stopping=True.")


def draw_held_out(y: NDArray, s: Array, fraction: float, seed: int) -> NDArray[np.intp]:
    """Sorted indices of validation rows: a ``fraction`` of the rows with weight, stratified by y.

    Raises ValueError if a class has too few rows to be in both parts.
    """
    rows = np.flatnonzero(s)
    split = StratifiedShuffleSplit(n_splits=1, test_size=fraction, random_state=seed)
    try:
        ((_, drawn),) = split.split(rows, y[rows])
    except ValueError as error:
        raise ValueError(
            f"early_stopping=True cannot draw validation_fraction={fraction} of {len(rows)} rows "
            f"with every class among the drawn and the others: {error} Pass validation rows as "
            "X_val and y_val, or set early_stopping=False."
        ) from error
    return rows[np.sort(drawn)]
