"""Reports of the fits of a cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from .callbacks import FitTasks


class FitReport:
    """Report each fit of a fold: a line of output, and an event for the callbacks.

    ``models`` are the shares of L1 and the C of all models; ``tasks`` None without callbacks.
    """

    def __init__(
        self, estimator: Any, models: list[tuple[float, float]], tasks: FitTasks | None
    ) -> None:
        self.estimator, self.models, self.tasks, self.n_fits = estimator, models, tasks, 0
        if tasks:
            tasks.on_iteration(0, None, stops=False)

    def __call__(self, f: int, k: int, n_iter: int) -> None:
        """Report that fold ``f`` was fitted with model ``k``."""
        self.n_fits += 1
        if self.estimator.verbose:
            l1_ratio, C = self.models[k]
            mixed = f"l1_ratio={l1_ratio:g}, " if np.any(self.estimator.l1_ratios) else ""
            print(f"fold {f}, {mixed}C={C:.3g}: {n_iter} iterations")
        if self.tasks:
            self.tasks.on_iteration(self.n_fits, None, stops=False)
