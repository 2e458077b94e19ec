"""Gradient descent on mini-batches: many updates in a pass over the rows."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf, nan
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.extmath import row_norms

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..descent.step_sizes import InverseScalingStep
from ..objective.objective import Objective, Point
from ..objective.penalties import Penalty
from ..rows.training_data import SampleTotals
from .convergence import Progress
from .divergence import ceiling, rise, value_at_zero
from .early_stopping import iterates_without_progress
from .gradient_descent import GradientDescent
from .mini_batches import MiniBatches, rows_in_memory, rows_with_weight


class EpochState(NamedTuple):
    """State of a descent on mini-batches between two passes."""

    direction: Any = None  # state of the update rule
    epoch: int = 0  # number of passes made
    curvature: float = 0.0  # largest expected curvature of the rows of a stream so far


@dataclass(frozen=True)
class StochasticDescent(GradientDescent):
    """Gradient descent on mini-batches, from zero coefficients.

    Parameters
    ----------
    learning_rate : float or "auto"
        Step size; "auto": half of the reciprocal of a batch's expected curvature.
    power_t, momentum, nesterov, reduction, average : float, float, bool, str, int
        As in :class:`GradientDescent`, where an update is a step for one batch.
    max_iter : int
        Number of passes.
    tol : float
        Smallest decrease of a pass's mean loss, in nats, that counts as progress, and bound on the
        largest component of the mean gradient below which it is small whatever the noise of the
        batches; 0: make all passes.
    is_proximal : bool, default=False
        As in :class:`GradientDescent`.
    batch_size : int, default=1
        Rows of a batch.
    shuffle : bool, default=True
        Whether the rows are assigned to batches at random, anew in each pass.
    n_iter_no_change : int, default=5
        Number of passes without progress after which convergence is checked.
    seed : int, default=0
        Seed of the shuffling.
    """

    batch_size: int = 1
    shuffle: bool = True
    n_iter_no_change: int = 5
    seed: int = 0

    advice = (
        "average the iterates (average=True), let the steps decay (power_t=0.5), or increase "
        "max_iter"
    )

    @property
    def rule(self) -> object:
        """Key of the state of the descent."""
        return ("mini-batches", super().rule)

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Iterates at the start and after each pass, without end.

        After a pass, value and gradient are the sums over its batches, each before its update.
        """
        rows = rows_with_weight(objective)
        eta = self._eta(objective)
        batches = self._batches(objective, len(rows), eta)
        point, state = objective.at(start.w), start.state or EpochState()
        iterate = Iterate(start.t, point, -point.gradient, state, start.average)
        while True:
            yield iterate
            first_pass = iterate.state.epoch == 0
            seen = SampleTotals() if first_pass else SampleTotals(len(rows), objective.total_weight)
            iterate = self._epoch(batches, rows, eta, seen, iterate.start)

    def stream(self, objective: Objective, seen: SampleTotals, start: DescentState) -> Iterate:
        """One pass over some rows of a stream, ``seen`` before them, as in :meth:`iterates`.

        Raises an error if a fixed learning rate makes the objective grow without bound.
        """
        state = start.state or EpochState()
        eta = self.learning_rate
        if isinstance(eta, str):
            # Later rows are unknown: the largest curvature so far sets the step.
            curvature = max(state.curvature, self._expected_curvature(objective))
            state, eta = state._replace(curvature=curvature), _safe_step(curvature)
        batches = self._batches(objective, inf, eta)
        rows = rows_with_weight(objective)
        iterate = self._epoch(batches, rows, eta, seen, start._replace(state=state))
        # The penalty of a stream is bounded by the step: it does not count as curvature.
        self._refuse_blow_up(_without_penalty(objective), iterate, value_at_zero(objective))
        return iterate

    def _batches(self, objective: Objective, n_samples: float, eta: float) -> MiniBatches:
        """Batches of the rows; an automatic step is one for the mean gradient."""
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
        rows = self._shuffled(rows, state.epoch)
        iterates = self._descend(
            batches.objectives(rows, seen),
            start._replace(state=state.direction),
            self.direction,
            InverseScalingStep(eta, self.power_t),
        )
        value, gradient = 0.0, np.zeros_like(start.w)
        # An iterate before the update of each batch, and the last one, which belongs to none.
        scales = itertools.chain(batches.scales(len(rows)), [None])
        for iterate, scale in zip(iterates, scales, strict=True):
            if scale is not None:
                value += scale * iterate.point.value
                gradient += scale * iterate.point.gradient
        return iterate._replace(
            point=Point(iterate.point.w, value, gradient),
            direction=-gradient,
            state=state._replace(direction=iterate.state, epoch=state.epoch + 1),
        )

    def _shuffled(self, rows: NDArray[np.intp], epoch: int) -> NDArray[np.intp]:
        """The rows in the order of a pass."""
        return np.random.default_rng([self.seed, epoch]).permutation(rows) if self.shuffle else rows

    def _converged(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> bool:
        """Whether the last passes made no progress, and the objective of all rows agrees.

        That is evaluated once every ``n_iter_no_change`` passes without progress.
        """
        start, *losses = (progress.value for progress in history)
        patience, tol = self.n_iter_no_change, self.tol * objective.total_weight
        n_without = iterates_without_progress(losses, patience, tol)
        if n_without == 0 or (n_without - 1) % patience != 0:
            return False
        point = objective.at(iterate.result)
        if point.value > ceiling(objective, start):
            if self._can_be_too_large and self.power_t == 0:
                self._refuse(objective, rise(objective, start, point.value))
            return False
        return self._is_noise(objective, point, iterate)

    def _is_noise(self, objective: Objective, point: Point, iterate: Iterate) -> bool:
        r"""Whether the mean gradient is within ``tol``, or explained by the noise of the batches.

        Steps of a fixed size bring its mean square down to

        .. math:: |g|^2 \le \min\left( 1, \frac{\eta_t L}{1 - \mu} \right) E |g_B - g|^2

        References
        ----------
        L. Bottou, F. Curtis, J. Nocedal, Optimization methods for large-scale machine learning,
        SIAM Review 60, 2018: theorem 4.8, which is for steps of up to 1/L.
        """
        weight = objective.total_weight
        gradient = point.gradient / weight
        eta = self._eta(objective) / (1 + iterate.t) ** self.power_t
        if self.learning_rate != "auto" and self.reduction == "sum":
            eta *= self._batch_weight(objective)
        step = _gradient_mapping(objective.penalty.scaled(1 / weight), point.w, gradient, eta)
        if np.abs(step).max() <= self.tol:
            return True
        rows = self._shuffled(rows_with_weight(objective), iterate.state.epoch)
        batches = MiniBatches(objective, self.batch_size, "mean", len(rows))
        squares = [
            np.square(batch.at(point.w).gradient - gradient).sum()
            for batch in batches.objectives(rows, SampleTotals(len(rows), weight))
        ]
        curvature = objective.smoothness() / weight
        left = eta * curvature / (1 - self.momentum) if self.momentum < 1 else 1.0
        return bool(np.square(step).sum() <= min(1.0, left) * np.mean(squares))

    def _is_evaluated(self, iterate: Iterate) -> bool:
        """Always False: the value after a pass is that of its batches, each before its update."""
        return False

    @property
    def _can_be_too_large(self) -> bool:
        """Whether the learning rate is fixed: with a momentum of 1, noise makes any too large."""
        return self.learning_rate != "auto"

    def _safe_learning_rate(self, objective: Objective) -> float:
        r"""Largest learning rate that is known to converge to within the noise of the batches.

        .. math:: \eta = \frac{1 - \mu}{2 \mathcal L}
        """
        step = (1 - self.momentum) * self._automatic_step(objective)
        return self._as_learning_rate(objective, step)

    def _as_learning_rate(self, objective: Objective, step: float) -> float:
        """The learning rate whose step down the mean gradient of a batch has this size."""
        return step / self._batch_weight(objective) if self.reduction == "sum" else step

    def _batch_weight(self, objective: Objective) -> float:
        """Mean weight of a batch: the ratio of its summed gradient to its mean one."""
        n = len(rows_with_weight(objective))
        return objective.total_weight * min(self.batch_size, n) / n

    def _eta(self, objective: Objective) -> float:
        """Step size for the gradient of a batch, which is reduced already."""
        if isinstance(self.learning_rate, str):
            return self._automatic_step(objective)
        return self.learning_rate

    def _automatic_step(self, objective: Objective) -> float:
        """Half of the reciprocal of a batch's expected curvature, penalty included."""
        penalty = float(objective.penalty.curvature.max()) / objective.total_weight
        return _safe_step(self._expected_curvature(objective) + penalty)

    def _expected_curvature(self, objective: Objective) -> float:
        r"""Expected smoothness of the mean loss of a batch of ``b`` rows out of ``n``.

        .. math:: \mathcal L = \frac{n (b - 1)}{b (n - 1)} L
                  + \frac{n - b}{b (n - 1)} \max_i L_i, \qquad
                  L_i = \frac{n s_i}{W} c \, (\|x_i\|^2 + 1)

        Steps of up to :math:`1 / (2 \mathcal L)` converge to within the noise of the batches.

        References
        ----------
        R. M. Gower, N. Loizou, X. Qian, A. Sailanbayev, E. Shulgin, P. Richtarik, SGD: General
        analysis and improved rates, ICML 2019: theorem 3.1 and proposition 3.8.
        """
        rows, weight = rows_in_memory(objective), objective.total_weight
        n = len(rows_with_weight(objective))
        b = min(self.batch_size, n)
        whole = _without_penalty(objective).smoothness() / weight
        if b == n:
            return whole
        squares = row_norms(rows.X, squared=True) + objective.fit_intercept
        steepest = n / weight * objective.loss.smoothness * float(np.max(rows.s * squares))
        return (n * (b - 1) * whole + (n - b) * steepest) / (b * (n - 1))


def _without_penalty(objective: Objective) -> Objective:
    return replace(objective, penalty=objective.penalty.scaled(0))


def _gradient_mapping(penalty: Penalty, w: Array, gradient: Array, eta: float) -> Array:
    r"""The step over its size, :math:`(w - \mathrm{prox}_\eta(w - \eta g)) / \eta`."""
    if penalty.is_smooth:
        return gradient
    return (w - penalty.prox(w - eta * gradient, eta)) / eta


def _safe_step(curvature: float) -> float:
    """Half of the curvature's reciprocal; NaN if it is infinite, which the next iterate shows."""
    return 0.5 / max(curvature, np.finfo(np.float64).tiny) if curvature < inf else nan
