"""Textbook gradient descent: which pieces the loop is given for ``solver="gd"``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf, log, nan

import numpy as np
from numpy.typing import NDArray

from .convergence import Progress
from .descent import Iterate, Start, averaged, descend
from .directions import AcceleratedDescent, Direction, HeavyBall, Nesterov, SteepestDescent
from .objective import Objective
from .step_sizes import DecayingStep

Array = NDArray[np.float64]

# An objective so many times above that of zero coefficients is on its way to infinity.
DIVERGENCE = 1e4


@dataclass(frozen=True)
class GradientDescent:
    """Gradient descent on all rows, from zero coefficients.

    Parameters
    ----------
    learning_rate : float or "auto"
        Step size; "auto": 1/L, with L the Lipschitz constant of the gradient.
    power_t : float
        Power with which the step size decays.
    momentum : float
        Coefficient of the momentum in [0, 1].
    nesterov : bool
        Nesterov's form of the momentum; accelerated descent if the step size is automatic and
        ``momentum`` is 0.
    reduction : {"mean", "sum"}
        Which gradient a fixed ``learning_rate`` multiplies.
    average : int
        First update whose result counts in the mean of the iterates; 0: no mean is taken.
    max_iter : int
        Number of updates.
    tol : float
        Bound on the largest component of the mean gradient; 0: none.
    """

    learning_rate: float | str
    power_t: float
    momentum: float
    nesterov: bool
    reduction: str
    average: int
    max_iter: int
    tol: float

    name = "gd"
    advice = (
        "scale the features (sklearn.preprocessing.StandardScaler), set nesterov=True with "
        "learning_rate='auto', or increase max_iter"
    )

    def start(self, objective: Objective) -> Start:
        """Zero coefficients."""
        return Start(np.zeros(objective.shape))

    def iterates(self, objective: Objective, start: Start) -> Iterator[Iterate]:
        """Points of the descent, without end.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        start : Start
            Where to go on from.

        Returns
        -------
        iterator of Iterate
            One for every update.
        """
        step_size = DecayingStep(self._eta(objective), self.power_t)
        forever = itertools.repeat(objective)
        return self._descend(forever, start, step_size)

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over the data that led to the last iterate: one an update."""
        return len(history) - 1

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep when the descent stops at an iterate: those there, or the mean."""
        return iterate.result

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Why to stop at an iterate, or None.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        iterate : Iterate
            Where the descent stands.
        history : list of Progress
            The iterates so far.

        Returns
        -------
        str or None
            "tol", "max_iter", or None: go on.

        Raises
        ------
        ValueError
            If a fixed learning rate makes the objective grow without bound.
        """
        if len(history) > 1:
            self._refuse_divergence(objective, iterate)
        if self.tol > 0 and self._converged(objective, history):
            return "tol"
        return "max_iter" if self.passes(objective, history) >= self.max_iter else None

    def gap(self, history: list[Progress]) -> None:
        """Nothing: a gradient alone does not tell how far the optimum is."""

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Never: small steps do not tell an optimum far away from one at infinity."""
        return False

    @property
    def rule(self) -> object:
        """What the state of the descent belongs to."""
        return self.direction, self.average

    def _descend(
        self, objectives: Iterable[Objective], start: Start, step_size: DecayingStep
    ) -> Iterator[Iterate]:
        """Descend by the update rule; average the iterates, if that is asked for."""
        w, state, t, _ = start
        iterates = descend(objectives, w, self.direction, step_size, state=state, t=t)
        return averaged(iterates, self.average, start) if self.average else iterates

    def _refuse_divergence(self, objective: Objective, iterate: Iterate) -> None:
        """Raise an error if a fixed learning rate is too large."""
        ceiling = DIVERGENCE * objective.total_weight * log(max(2, objective.n_scores))
        # "below" is not true of NaN either.
        stays = iterate.point.value < ceiling and np.isfinite(iterate.point.w).all()
        if self.learning_rate != "auto" and not stays:
            raise ValueError(
                f"Gradient descent diverges with learning_rate={self.learning_rate!r}. Lower it, "
                "set learning_rate='auto', or scale the features, for example with "
                "sklearn.preprocessing.StandardScaler."
            )

    @property
    def direction(self) -> Direction:
        """The update rule."""
        automatic = self.learning_rate == "auto"
        if self.nesterov and automatic and self.momentum == 0:
            return AcceleratedDescent()
        if self.nesterov:
            return Nesterov(self.momentum)
        return HeavyBall(self.momentum) if self.momentum > 0 else SteepestDescent()

    def _converged(self, objective: Objective, history: list[Progress]) -> bool:
        """Whether the mean gradient is small enough."""
        return history[-1].gradient_norm <= self.tol * objective.total_weight

    def _eta(self, objective: Objective) -> float:
        """Step size in units of the summed gradient, which is what the objective gives."""
        if isinstance(self.learning_rate, str):
            curvature = objective.largest_curvature()
            return 1 / curvature if curvature < inf else nan  # which the next iterate will show
        mean = self.reduction == "mean"
        return self.learning_rate / objective.total_weight if mean else self.learning_rate
