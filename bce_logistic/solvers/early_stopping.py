"""Rows that the descent does not see, to tell when it has learnt enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

import numpy as np

from ..arrays import Array
from ..objective.objective import Objective


@dataclass
class EarlyStopping:
    """Rows that tell when to stop, and the best coefficients for them.

    Parameters
    ----------
    objective : Objective
        The loss of these rows, without a penalty.
    tol : float
        Decrease of their mean loss, in nats, that counts as none.
    patience : int
        Number of iterates without a decrease that end the fit.
    losses : list of float
        Mean loss of the rows at each iterate so far, in nats.
    best : ndarray
        The coefficients where it was least.
    """

    objective: Objective
    tol: float
    patience: int
    losses: list[float] = field(default_factory=list)
    best: Array = field(default_factory=lambda: np.empty(0))

    def update(self, w: Array) -> bool:
        """Judge coefficients; tell whether it is time to stop."""
        loss = self.objective.at(w).value / self.objective.total_weight
        if loss < min(self.losses, default=inf):
            self.best = w
        self.losses.append(loss)
        earlier, recent = self.losses[: -self.patience], self.losses[-self.patience :]
        return bool(earlier) and min(recent) > min(earlier) - self.tol
