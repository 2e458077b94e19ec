"""What all solvers of the benchmark share."""

import time
from abc import abstractmethod
from typing import Any

import numpy as np
from benchopt import BaseSolver
from scipy import sparse

from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.sweep import Sweep, tolerances

# After a product, the threads of OpenBLAS wait for the next one for about 2**26 ticks, at full
# speed. The last were for the objective of the result before, and no solver is to pay for that.
PAUSE = 0.05


class SweptSolver(BaseSolver):
    """An estimator with scikit-learn's interface, fitted once at each setting of a sweep.

    A subclass says how an estimator is made, by `build`, and what it can do: whether it takes
    sparse data, does softmax for three classes or more, and counts its
    ``passes`` over the data. The settings go from loose to tight. Only the estimator's ``fit`` is
    timed.
    """

    sampling_strategy = "tolerance"
    stopping_criterion = Sweep()
    settings: tuple[float, ...] = tolerances(-1, -10)
    sparse_data = True
    several_classes = True
    counts_passes = False

    @abstractmethod
    def build(self, setting: float) -> Any:
        """Make the unfitted estimator for one setting."""

    def skip(self, X: Any, y: np.ndarray, C: float) -> tuple[bool, str | None]:
        """Whether, and why, the data cannot be given to this solver."""
        if sparse.issparse(X) and not self.sparse_data:
            return True, "takes no sparse data"
        if y.max() > 1 and not self.several_classes:
            return True, "has no softmax for more than two classes"
        return False, None

    def set_objective(self, X: Any, y: np.ndarray, C: float) -> None:
        """Keep the problem."""
        self.X, self.y, self.C = X, y, C
        self.n_scores = CrossEntropy(X, y, C).n_scores

    def pre_run_hook(self, setting: float) -> None:
        """Make the estimator before the clock starts, and wait until BLAS is at rest."""
        self.model = self.build(setting)
        time.sleep(PAUSE)

    def run(self, setting: float) -> None:
        """Fit: this is what is timed."""
        self.model.fit(self.X, self.y)

    def get_result(self) -> dict[str, Any]:
        """The solution, and the passes over the data where the solver counts them."""
        shape = self.n_scores, self.X.shape[1]
        return {
            "coef": np.asarray(self.coef(), dtype=np.float64).reshape(shape),
            "intercept": np.asarray(self.model.intercept_, dtype=np.float64).reshape(shape[0]),
            "passes": float(self.model.passes) if self.counts_passes else np.nan,
        }

    def coef(self) -> np.ndarray:
        """The fitted coefficients, one row a score."""
        return self.model.coef_
