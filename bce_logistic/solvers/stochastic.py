"""Gradient descent on mini-batches: a step for a few rows, many steps a pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import row_norms

from ..descent.loop import DescentState, Iterate
from ..descent.step_sizes import InverseScalingStep
from ..objective.objective import Objective, Point
from ..rows.training_data import SampleTotals
from .convergence import Progress
from .gradient_descent import GradientDescent, ceiling, rise, value_at_zero
from .mini_batches import MiniBatches, rows_in_memory


class EpochState(NamedTuple):
    """What a descent on mini-batches remembers from one pass to the next.

    Attributes
    ----------
    direction : object
        State of the update rule.
    epoch : int
        Passes made.
    curvature : float
        Largest curvature that the rows of a stream had so far.
    """

    direction: Any = None
    epoch: int = 0
    curvature: float = 0.0


@dataclass(frozen=True)
class StochasticDescent(GradientDescent):
    """Gradient descent on mini-batches, from zero coefficients.

    Parameters
    ----------
    learning_rate : float or "auto"
        Step size; "auto": half of the reciprocal of the curvature that is expected of a batch.
    power_t, momentum, nesterov, reduction, average : float, float, bool, str, int
        As in :class:`GradientDescent`, where an update is a step for one batch.
    max_iter : int
        Number of passes.
    tol : float
        Decrease of a pass's mean loss, in nats, that counts as none, and bound on the largest
        component of the mean gradient that needs no noise to explain it; 0: make all passes.
    batch_size : int
        Rows of a batch.
    shuffle : bool
        Whether the rows are dealt anew to the batches in each pass.
    n_iter_no_change : int
        Number of passes without a decrease that end the descent.
    seed : int
        Seed of the shuffling.
    """

    batch_size: int
    shuffle: bool
    n_iter_no_change: int
    seed: int

    advice = (
        "average the iterates (average=True), let the steps decay (power_t=0.5), or increase "
        "max_iter"
    )

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Points of the descent, at the start and after each pass, without end.

        Parameters
        ----------
        objective : Objective
            What is minimised.
        start : Start
            Where to go on from.

        Yields
        ------
        Iterate
            Value and gradient are at the start the objective's; after a pass, their means over
            its batches, each of them before its update.
        """
        rows = np.flatnonzero(rows_in_memory(objective).s)
        eta = self._eta(objective)
        batches = self._batches(objective, len(rows), eta)
        point, state = objective.at(start.w), start.state or EpochState()
        iterate = Iterate(start.t, point, -point.gradient, state, start.average)
        while True:
            yield iterate
            first_time = iterate.state.epoch == 0
            seen = SampleTotals() if first_time else SampleTotals(len(rows), objective.total_weight)
            iterate = self._epoch(batches, rows, eta, seen, iterate.start)

    def stream(self, objective: Objective, seen: SampleTotals, start: DescentState) -> Iterate:
        """Go once over rows of a stream.

        Parameters
        ----------
        objective : Objective
            The rows at hand. Nobody knows how many will follow.
        seen : Seen
            The samples that came before them.
        start : Start
            Where to go on from.

        Returns
        -------
        Iterate
            Where these rows led; value and gradient as after a pass.

        Raises
        ------
        ValueError
            If a fixed learning rate makes the objective grow without bound.
        """
        rows = np.flatnonzero(rows_in_memory(objective).s)
        state = start.state or EpochState()
        eta = self.learning_rate
        if isinstance(eta, str):
            # No row to come is known: the steepest rows so far set the step.
            curvature = max(state.curvature, self._expected_curvature(objective))
            state, eta = state._replace(curvature=curvature), _safe_step(curvature)
        batches = self._batches(objective, inf, eta)
        iterate = self._epoch(batches, rows, eta, seen, start._replace(state=state))
        # The step bounds the penalty of a stream, which is no part of the curvature.
        loss = replace(objective, penalty=objective.penalty.scaled(0))
        self._refuse_blow_up(loss, iterate, value_at_zero(objective))
        return iterate

    def _batches(self, objective: Objective, n_samples: float, eta: float) -> MiniBatches:
        """How the rows are cut; an automatic step is one for the mean gradient."""
        reduction = "mean" if self.learning_rate == "auto" else self.reduction
        return MiniBatches(objective, self.batch_size, reduction, n_samples, 1 / eta)

    def _epoch(
        self,
        batches: MiniBatches,
        rows: NDArray[np.intp],
        eta: float,
        seen: SampleTotals,
        start: DescentState,
    ) -> Iterate:
        """One pass over the rows, batch by batch."""
        state: EpochState = start.state
        if self.shuffle:
            rows = np.random.default_rng([self.seed, state.epoch]).permutation(rows)
        iterates = self._descend(
            batches.objectives(rows, seen),
            start._replace(state=state.direction),
            InverseScalingStep(eta, self.power_t),
        )
        value, gradient = 0.0, np.zeros_like(start.w)
        for first in range(0, len(rows), self.batch_size):
            _, batch_value, batch_gradient, _ = next(iterates).point
            scale = 1.0
            if batches.reduction == "mean":
                n_rows = min(self.batch_size, len(rows) - first)
                scale = batches.objective.total_weight * n_rows / len(rows)
            value += scale * batch_value
            gradient += scale * batch_gradient
        last = next(iterates)
        return last._replace(
            point=Point(last.point.w, value, gradient),
            direction=-gradient,
            state=state._replace(direction=last.state, epoch=state.epoch + 1),
        )

    @property
    def rule(self) -> object:
        """What the state of the descent belongs to."""
        return ("mini-batches", super().rule)

    def _converged(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> bool:
        """Whether the last passes brought nothing, and a look at all rows agrees.

        Rows are looked at every ``n_iter_no_change`` passes without progress.
        """
        n = self.n_iter_no_change
        best = np.minimum.accumulate([progress.value for progress in history[1:]])
        progress = best[n:] <= best[:-n] - self.tol * objective.total_weight
        n_without = int(np.argmax(np.append(progress[::-1], True)))
        if n_without % n != 1 % n or n_without == 0:
            return False
        point = objective.at(iterate.result)
        if point.value > ceiling(objective, history[0].value):
            if self._can_be_too_large and self.power_t == 0:
                self._refuse_above(objective, 1.0, rise(objective, history[0].value, point.value))
            return False
        return self._is_noise(objective, point, iterate)

    def _is_noise(self, objective: Objective, point: Point, iterate: Iterate) -> bool:
        r"""Whether the mean gradient is within ``tol``, or what the noise of the batches leaves.

        Steps of a fixed size bring its mean square down to

        .. math:: |g|^2 \le \min\left( 1, \frac{\eta_t L}{1 - \mu} \right) E |g_B - g|^2

        References
        ----------
        L. Bottou, F. Curtis, J. Nocedal, Optimization methods for large-scale machine learning,
        SIAM Review 60, 2018: theorem 4.8, which is for steps of up to 1/L.
        """
        weight = objective.total_weight
        gradient = point.gradient / weight
        if np.abs(gradient).max() <= self.tol:
            return True
        rows = np.flatnonzero(rows_in_memory(objective).s)
        if self.shuffle:
            rows = np.random.default_rng([self.seed, iterate.state.epoch]).permutation(rows)
        batches = MiniBatches(objective, self.batch_size, "mean", len(rows))
        squares = [
            np.square(batch.at(point.w).gradient - gradient).sum()
            for batch in batches.objectives(rows, SampleTotals(len(rows), weight))
        ]
        eta = self._eta(objective) / (1 + iterate.t) ** self.power_t
        if self.learning_rate != "auto" and self.reduction == "sum":
            eta *= self._batch_weight(objective)
        curvature = objective.smoothness() / weight
        left = eta * curvature / (1 - self.momentum) if self.momentum < 1 else 1.0
        return bool(np.square(gradient).sum() <= min(1.0, left) * np.mean(squares))

    @property
    def _can_be_too_large(self) -> bool:
        """Whether the learning rate is fixed: with a momentum of 1, noise makes any too large."""
        return self.learning_rate != "auto"

    def _is_known(self, iterate: Iterate) -> bool:
        """Never: the value after a pass is that of its batches, each before its update."""
        return False

    def _swings(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Nothing: the noise of the batches swings too."""

    def _safe_learning_rate(self, objective: Objective) -> float:
        r"""Largest learning rate that is known to converge to within the noise of the batches.

        .. math:: \eta = \frac{1 - \mu}{2 \mathcal L}
        """
        return self._in_units(objective, (1 - self.momentum) * self._automatic_step(objective))

    def _in_units(self, objective: Objective, step: float) -> float:
        """The learning rate that makes a step of this size down the gradient of a batch."""
        return step / self._batch_weight(objective) if self.reduction == "sum" else step

    def _batch_weight(self, objective: Objective) -> float:
        """Weight of a batch: what its summed gradient is over its mean one."""
        n = int(np.count_nonzero(rows_in_memory(objective).s))
        return objective.total_weight * min(self.batch_size, n) / n

    def _eta(self, objective: Objective) -> float:
        """Step size in units of the gradient of a batch, which is a mean already."""
        if isinstance(self.learning_rate, str):
            return self._automatic_step(objective)
        return self.learning_rate

    def _automatic_step(self, objective: Objective) -> float:
        """Half of the reciprocal of the curvature that is expected of a batch."""
        penalty = float(objective.penalty.curvature.max()) / objective.total_weight
        return _safe_step(self._expected_curvature(objective) + penalty)

    def _expected_curvature(self, objective: Objective) -> float:
        r"""Curvature of the mean loss that is expected of a batch of ``b`` rows out of ``n``.

        .. math:: \mathcal L = \frac{n (b - 1)}{b (n - 1)} L
                  + \frac{n - b}{b (n - 1)} \max_i L_i, \qquad
                  L_i = \frac{n s_i}{W} c \, (\|x_i\|^2 + 1)

        Steps of up to :math:`1 / (2 \mathcal L)` converge, to within the noise of the batches.

        References
        ----------
        R. M. Gower, N. Loizou, X. Qian, A. Sailanbayev, E. Shulgin, P. Richtarik, SGD: General
        analysis and improved rates, ICML 2019: theorem 3.1 and proposition 3.8.
        """
        rows, weight = rows_in_memory(objective), objective.total_weight
        n = int(np.count_nonzero(rows.s))
        b = min(self.batch_size, n)
        loss = replace(objective, penalty=objective.penalty.scaled(0))
        whole = loss.smoothness() / weight
        if b == n:
            return whole
        squares = row_norms(rows.X, squared=True) + objective.fit_intercept
        steepest = n / weight * objective.loss.smoothness * float(np.max(rows.s * squares))
        return (n * (b - 1) * whole + (n - b) * steepest) / (b * (n - 1))


def _safe_step(curvature: float) -> float:
    """Half of the curvature's reciprocal; NaN, which the next iterate will show, if infinite."""
    return 0.5 / max(curvature, np.finfo(np.float64).tiny) if curvature < inf else nan
