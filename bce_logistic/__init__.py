"""Logistic regression by descending the gradient of binary cross-entropy."""

from __future__ import annotations

from .estimators.logistic_regression import GDLogisticRegression
from .exceptions import CollinearityWarning, SeparationWarning
from .inspection.displays import CoefficientPathDisplay, LossCurveDisplay
from .inspection.inference import inference_table
from .objective.linear_separation import SeparationResult, check_separation

__all__ = [
    "CoefficientPathDisplay",
    "CollinearityWarning",
    "GDLogisticRegression",
    "LossCurveDisplay",
    "SeparationResult",
    "SeparationWarning",
    "check_separation",
    "inference_table",
]
__version__ = "0.1.0"
