"""Logistic regression by descending the gradient of binary cross-entropy."""

from __future__ import annotations

from .display import CoefficientPathDisplay, LossCurveDisplay
from .estimator import GDLogisticRegression
from .exceptions import SeparationWarning
from .inference import inference_table

__all__ = [
    "CoefficientPathDisplay",
    "GDLogisticRegression",
    "LossCurveDisplay",
    "SeparationWarning",
    "inference_table",
]
__version__ = "0.1.0"
