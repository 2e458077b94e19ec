"""Logistic regression by descending the gradient of binary cross-entropy."""

from __future__ import annotations

from .estimator import GDLogisticRegression
from .exceptions import SeparationWarning

__all__ = ["GDLogisticRegression", "SeparationWarning"]
__version__ = "0.1.0"
