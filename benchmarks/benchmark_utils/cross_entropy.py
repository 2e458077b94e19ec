"""The objective that every solver is graded with, written for clarity and accuracy, not speed."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.special import logsumexp


@dataclass(frozen=True)
class CrossEntropy:
    """L2-penalised cross-entropy, ``sum_i loss_i + ||coef||^2 / (2 C)``, in float64.

    Two classes have one score a sample, ``z = x coef + intercept``, and the loss
    ``log(1 + exp(z)) - y z``. More classes have a score each, and the loss
    ``logsumexp(z) - z[y]``. The intercept is not penalised. ``y`` holds 0, 1, ..., n_classes - 1.
    A loss is computed without a difference of large numbers: the smallest keep all their digits.
    """

    X: np.ndarray | sparse.csr_matrix
    y: np.ndarray
    C: float

    @property
    def n_classes(self) -> int:
        return int(self.y.max()) + 1

    @property
    def n_scores(self) -> int:
        """Number of scores of a sample: 1 for two classes, else one for each class."""
        return 1 if self.n_classes == 2 else self.n_classes

    def value(self, coef: np.ndarray, intercept: np.ndarray) -> float:
        """The objective; infinite where a coefficient is not finite.

        ``coef`` has the shape (n_scores, n_features), ``intercept`` (n_scores,).
        """
        if not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
            return np.inf
        scores = self.X @ coef.T + intercept
        if self.n_scores == 1:
            losses = np.logaddexp(0.0, np.where(self.y == 1, -scores[:, 0], scores[:, 0]))
        else:
            own = np.arange(len(self.y)), self.y
            others = scores - scores[own][:, None]
            others[own] = -np.inf
            losses = np.logaddexp(0.0, logsumexp(others, axis=1))
        return float(losses.sum() + (coef**2).sum() / (2.0 * self.C))
