"""A slow and accurate minimiser, independent of all the solvers under test."""

import numpy as np
from scipy import linalg, sparse
from scipy.special import expit, softmax

from benchmark_utils.cross_entropy import CrossEntropy


class NewtonReference:
    """Damped Newton steps until the objective cannot fall any more in float64.

    Dense data are centred and scaled first, and each step solves with the exact Hessian. For sparse
    data the step comes from conjugate gradients, preconditioned by the diagonal of the Hessian.

    Parameters
    ----------
    objective : CrossEntropy
        What to minimise.
    """

    max_steps = 200
    accuracy = 1e-15

    def __init__(self, objective: CrossEntropy):
        X = objective.X
        self.objective = objective
        self.shift = np.zeros(X.shape[1])
        self.scale = np.ones(X.shape[1])
        ones = np.ones((X.shape[0], 1))
        if sparse.issparse(X):
            self.design = sparse.csr_matrix(sparse.hstack([X, ones]))
        else:
            self.shift, deviation = X.mean(axis=0), X.std(axis=0)
            self.scale[deviation > 0] = deviation[deviation > 0]
            self.design = np.hstack([(X - self.shift) / self.scale, ones])
        self.penalty = np.append(1.0 / (objective.C * self.scale**2), 0.0)[:, None]

    def minimise(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Descend from zero.

        Returns
        -------
        coef : ndarray of shape (n_scores, n_features)
            The coefficients, for the data as given.
        intercept : ndarray of shape (n_scores,)
            The intercepts.
        gap : float
            Half the squared Newton decrement over the objective at the last step: an estimate of
            the relative distance to the minimum before that step.
        """
        point = np.zeros((self.design.shape[1], self.objective.n_scores))
        value = self._value(point)
        gap = np.inf
        for _ in range(self.max_steps):
            probability = self._probability(point)
            gradient = self._gradient(point, probability)
            step = self._newton_step(probability, gradient)
            slope = float((gradient * step).sum())
            gap = -slope / (2.0 * value)
            length, rounding = 1.0, 1e-15 * value
            while (new := self._value(point + length * step)) > value + 1e-4 * length * slope:
                length /= 2.0
                if -length * slope < rounding:
                    return *self._unscaled(point), gap
            point, value = point + length * step, new
            if gap < self.accuracy:
                break
        return *self._unscaled(point), gap

    def _unscaled(self, point: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        coef = point[:-1].T / self.scale
        return coef, point[-1] - coef @ self.shift

    def _value(self, point: np.ndarray) -> float:
        return self.objective.value(*self._unscaled(point))

    def _probability(self, point: np.ndarray) -> np.ndarray:
        scores = self.design @ point
        return expit(scores) if self.objective.n_scores == 1 else softmax(scores, axis=1)

    def _gradient(self, point: np.ndarray, probability: np.ndarray) -> np.ndarray:
        y = self.objective.y
        residual = probability.copy()
        if self.objective.n_scores == 1:
            residual[:, 0] -= y
        else:
            residual[np.arange(len(y)), y] -= 1.0
        return self.design.T @ residual + self.penalty * point

    def _newton_step(self, probability: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        if sparse.issparse(self.design):
            return self._conjugate_gradients(probability, gradient)
        hessian = self._hessian(probability)
        right = -gradient.T.ravel()
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
            # A constant added to all intercepts changes no probability: keep the matrix regular.
            blocks[:, -1, :, -1] += 1.0
        return blocks.reshape(n_scores * size, n_scores * size)

    def _conjugate_gradients(self, probability: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Solve ``hessian @ step = -gradient`` far enough for superlinear convergence."""
        curvature = probability * (1.0 - probability)
        diagonal = self.design.power(2).T @ curvature + self.penalty + 1e-300
        step = np.zeros_like(gradient)
        residual = -gradient
        scaled = residual / diagonal
        direction = scaled
        squared = float((residual * scaled).sum())
        target = squared * min(1e-2, squared / self._value(np.zeros_like(gradient)))
        for _ in range(2000):
            product = self._hessian_product(probability, direction)
            length = squared / float((direction * product).sum())
            step = step + length * direction
            residual = residual - length * product
            scaled = residual / diagonal
            previous, squared = squared, float((residual * scaled).sum())
            if squared <= max(target, 1e-24 * previous):
                break
            direction = scaled + squared / previous * direction
        return step

    def _hessian_product(self, probability: np.ndarray, direction: np.ndarray) -> np.ndarray:
        change = self.design @ direction
        mean = 0.0 if self.objective.n_scores == 1 else (probability * change).sum(1)[:, None]
        weight = (1.0 - probability) * change if self.objective.n_scores == 1 else change - mean
        return self.design.T @ (probability * weight) + self.penalty * direction
