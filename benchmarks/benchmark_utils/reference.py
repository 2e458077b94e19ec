"""A slow and accurate minimiser, independent of all solvers under test, that proves its result."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import linalg, sparse
from scipy.special import expit, softmax

from benchmark_utils.cross_entropy import CrossEntropy


@dataclass(frozen=True)
class Minimum:
    """The least value that was found, where, and a bound on how far it is above the minimum.

    ``coef`` has the shape (n_scores, n_features), ``intercept`` (n_scores,), ``gap`` is relative to
    ``value``: ``value * (1 - gap) <= min F <= value``, but for rounding.
    """

    coef: np.ndarray
    intercept: np.ndarray
    value: float
    gap: float


class Reference:
    """Newton's method, until the duality gap is at the rounding error of the objective.

    With the intercepts optimal for the scores the gap is ``C / 2 ||dF/dcoef||^2``: F is
    1 / C strongly convex. Dense data are centred and scaled. Up to `max_hessian` coefficients of
    dense data a step solves with the exact Hessian; else it comes from conjugate gradients,
    preconditioned by the diagonal.
    """

    max_steps = 100
    max_products = 2000
    max_hessian = 2500
    accuracy = 1e-14
    max_stalled = 3

    def __init__(self, objective: CrossEntropy):
        X = objective.X
        self.objective = objective
        self.shift, self.scale = np.zeros(X.shape[1]), np.ones(X.shape[1])
        ones = np.ones((X.shape[0], 1))
        if sparse.issparse(X):
            self.design = sparse.csr_matrix(sparse.hstack([X, ones]))
        else:
            self.shift, deviation = X.mean(axis=0), X.std(axis=0)
            varies = deviation > 1e-12 * np.abs(self.shift)  # else it is the mean's rounding error
            self.scale[varies] = deviation[varies]
            self.design = np.hstack([(X - self.shift) / self.scale, ones])
        self.penalty = np.append(1.0 / (objective.C * self.scale**2), 0.0)[:, None]
        self.Y = np.eye(objective.n_classes)[objective.y][:, -objective.n_scores :]
        size = self.design.shape[1] * objective.n_scores
        self.exact = not sparse.issparse(X) and size <= self.max_hessian

    def minimise(self) -> Minimum:
        """Descend from zero."""
        point = np.zeros((self.design.shape[1], self.objective.n_scores))
        best = Minimum(point[:-1].T, point[-1], np.inf, np.inf)
        least, stalled = np.inf, 0
        for _ in range(self.max_steps):
            point, probability = self._best_intercepts(point)
            gradient = self.design.T @ (probability - self.Y) + self.penalty * point
            found = self._minimum(point, gradient)
            fell = found.value < least * (1 - 1e-12)
            stalled = 0 if fell or found.gap < best.gap / 2 else stalled + 1
            least = min(least, found.value)
            if found.gap < best.gap:
                best = found
            if best.gap <= self.accuracy or stalled == self.max_stalled:
                break
            step = self._newton_step(probability, gradient)
            point = self._search(point, found.value, step, float((gradient * step).sum()))
        return best

    def _minimum(self, point: np.ndarray, gradient: np.ndarray) -> Minimum:
        gap = (gradient[:-1] ** 2 / self.penalty[:-1]).sum() / 2.0
        value = self._value(point)
        return Minimum(*self._unscaled(point), value, gap / value)

    def _search(
        self, point: np.ndarray, value: float, step: np.ndarray, slope: float
    ) -> np.ndarray:
        """Halve the step until F falls, or rises by no more than its rounding error."""
        length = 1.0
        while self._value(point + length * step) > value * (1 + 1e-14) + 1e-4 * length * slope:
            length /= 2.0
        return point + length * step

    def _best_intercepts(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The point with the best intercepts for its coefficients, and the probabilities there."""
        without = point.copy()
        without[-1] = 0.0
        scores, point = self.design @ without, point.copy()
        for _ in range(50):
            probability = self._probability(scores + point[-1])
            gradient = (probability - self.Y).sum(axis=0)
            curvature = np.diag(probability.sum(axis=0)) - probability.T @ probability
            if len(gradient) > 1:
                curvature += 1.0  # a constant added to all intercepts changes no probability
            step = linalg.lstsq(curvature, -gradient)[0]
            point[-1] += np.clip(step, -2.0, 2.0)
            if np.abs(step).max() < 1e-14:
                break
        return point, self._probability(scores + point[-1])

    @cached_property
    def _squares(self) -> np.ndarray | sparse.csr_matrix:
        return self.design.power(2) if sparse.issparse(self.design) else self.design**2

    def _unscaled(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        coef = point[:-1].T / self.scale
        return coef, point[-1] - coef @ self.shift

    def _value(self, point: np.ndarray) -> float:
        return self.objective.value(*self._unscaled(point))

    def _probability(self, scores: np.ndarray) -> np.ndarray:
        return expit(scores) if self.objective.n_scores == 1 else softmax(scores, axis=1)

    def _newton_step(self, probability: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        if not self.exact:
            return self._conjugate_gradients(probability, gradient)
        hessian, right = self._hessian(probability), -gradient.T.ravel()
        try:
            solution = linalg.solve(hessian, right, assume_a="pos")
        except linalg.LinAlgError:
            solution = linalg.lstsq(hessian, right)[0]
        return solution.reshape(gradient.T.shape).T

    def _hessian(self, probability: np.ndarray) -> np.ndarray:
        """The exact Hessian, ordered by score first and by column second."""
        size, n_scores = self.design.shape[1], self.objective.n_scores
        blocks = np.empty((n_scores, size, n_scores, size))
        for k in range(n_scores):
            for other in range(k, n_scores):
                weight = probability[:, k] * ((k == other) - probability[:, other])
                block = self.design.T @ (weight[:, None] * self.design)
                blocks[k, :, other], blocks[other, :, k] = block, block
            blocks[k, range(size), k, range(size)] += self.penalty[:, 0]
        if n_scores > 1:
            blocks[:, -1, :, -1] += 1.0  # as for the best intercepts
        return blocks.reshape(n_scores * size, n_scores * size)

    def _conjugate_gradients(self, probability: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Solve ``hessian @ step = -gradient`` far enough for superlinear convergence."""
        curvature = probability * (1.0 - probability)
        diagonal = self._squares.T @ curvature + self.penalty + 1e-300
        step, residual = np.zeros_like(gradient), -gradient
        direction = scaled = residual / diagonal
        squared = float((residual * scaled).sum())
        target = squared * min(1e-2, squared / len(self.Y))
        for _ in range(self.max_products):
            product = self._hessian_product(probability, direction)
            length = squared / float((direction * product).sum())
            step += length * direction
            residual -= length * product
            scaled = residual / diagonal
            previous, squared = squared, float((residual * scaled).sum())
            if squared <= max(target, 1e-24 * previous):
                break
            direction = scaled + squared / previous * direction
        return step

    def _hessian_product(self, probability: np.ndarray, direction: np.ndarray) -> np.ndarray:
        change = self.design @ direction
        if self.objective.n_scores == 1:
            weighed = probability * (1.0 - probability) * change
        else:
            weighed = probability * (change - (probability * change).sum(1, keepdims=True))
        return self.design.T @ weighed + self.penalty * direction
