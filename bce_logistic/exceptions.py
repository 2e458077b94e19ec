"""Warnings of this package."""

from __future__ import annotations

from sklearn.exceptions import ConvergenceWarning


class SeparationWarning(ConvergenceWarning):
    """The classes can be separated: without a penalty, the coefficients have no optimum."""


class CollinearityWarning(UserWarning):
    """Columns are collinear: without a penalty, the data do not determine their coefficients."""
