"""Logistic regression by descending the gradient of binary cross-entropy."""

from __future__ import annotations

from .display import CoefficientPathDisplay, LossCurveDisplay
from .estimator import GDLogisticRegression
from .exceptions import CollinearityWarning, SeparationWarning
from .inference import inference_table
from .linear_separation import SeparationResult, check_separation

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
