"""Early stopping: end a descent when its losses stop decreasing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import inf

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..arrays import Array
from ..objective.objective import Objective


@dataclass
class EarlyStopping:
    """Stop when the loss of validation rows stops decreasing, and keep the best coefficients.

    Attributes
    ----------
    objective : Objective
        The loss of the validation rows, without a penalty.
    tol : float
        Smallest decrease of their mean loss, in nats, that counts as progress.
    patience : int
        Number of iterates without progress after which the descent stops.
    losses : list of float
        Mean loss of the validation rows at each iterate, in nats.
    best : ndarray
        Coefficients with the smallest loss.
    """

    objective: Objective
    tol: float
    patience: int
    losses: list[float] = field(default_factory=list)
    best: Array = field(default_factory=lambda: np.empty(0))

    def update(self, w: Array) -> bool:
        """Record the validation loss of ``w``; whether to stop."""
        loss = self.objective.at(w).value / self.objective.total_weight
        if loss < min(self.losses, default=inf):
            self.best = w
        self.losses.append(loss)
        return iterates_without_progress(self.losses, self.patience, self.tol) > 0


def iterates_without_progress(losses: Sequence[float], patience: int, tol: float) -> int:
    """Number of iterates at the end, all of which made no progress.

    An iterate makes none if the last ``patience`` losses up to it are all larger than the smallest
    one before them less ``tol``.
    """
    if len(losses) <= patience:
        return 0
    earlier = np.minimum.accumulate(losses)[:-patience]
    recent = sliding_window_view(losses, patience)[1:].min(axis=1)
    progress = ~(recent > earlier - tol)
    return int(np.argmax(np.append(progress[::-1], True)))
