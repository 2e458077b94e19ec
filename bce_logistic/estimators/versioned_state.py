"""The version of this package in pickles of estimators, and the warning where it is another."""

from __future__ import annotations

import sys
import warnings
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import InconsistentVersionWarning

# As scikit-learn stores its own version in pickles of its estimators.
STAMP = "_bce_logistic_version"


class VersionedStateMixin(BaseEstimator):
    """Pickles hold the version of this package; loading those of another version warns."""

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), STAMP: package_version()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        state = dict(state)
        written, current = state.pop(STAMP, "before 0.1.0"), package_version()
        if written != current:
            warnings.warn(
                InconsistentVersionWarning(
                    estimator_name=f"bce_logistic.{type(self).__name__}",
                    current_sklearn_version=current,
                    original_sklearn_version=written,
                ),
                stacklevel=2,
            )
        super().__setstate__(state)


def package_version() -> str:
    """Version of this package."""
    package = sys.modules[__name__.partition(".")[0]]
    return str(package.__version__)
