"""Logistic regression by descending the gradient of binary cross-entropy.

To read the code, follow the derivation: ``objective/losses.py``, ``objective/penalties.py``,
``objective/objective.py``, ``descent/directions.py``, ``descent/step_sizes.py``,
``descent/loop.py``. Each folder is a layer that imports only from the layers below it:
``inspection``, ``estimators``, ``solvers``, ``preconditioning``, ``descent``, ``objective``,
``rows``, ``validation``.
"""

from __future__ import annotations

from .estimators.logistic_regression import GDLogisticRegression
from .estimators.logistic_regression_cv import GDLogisticRegressionCV
from .estimators.regularization_path import C_max, RegularizationPath, regularization_path
from .exceptions import CollinearityWarning, SeparationWarning
from .inspection.coefficient_display import CoefficientDisplay
from .inspection.cv_scores_display import CVScoresDisplay
from .inspection.displays import LossCurveDisplay, RegularizationPathDisplay
from .inspection.goodness_of_fit import FitStatistics, fit_statistics
from .inspection.inference import inference_table
from .inspection.separation import SeparationResult, check_separation

__all__ = [
    "CVScoresDisplay",
    "C_max",
    "CoefficientDisplay",
    "CollinearityWarning",
    "FitStatistics",
    "GDLogisticRegression",
    "GDLogisticRegressionCV",
    "LossCurveDisplay",
    "RegularizationPath",
    "RegularizationPathDisplay",
    "SeparationResult",
    "SeparationWarning",
    "check_separation",
    "fit_statistics",
    "inference_table",
    "regularization_path",
]
__version__ = "0.1.0"
