"""Look for sparse fits that break their promise: random problems of many kinds.

Run it from the folder ``benchmarks``::

    python -m sparse_models.promise 1000 1100 > found.md    # seeds 1000 to 1099

Each problem is fitted twice, with a tolerance and as closely as rounding allows. A fit is reported

- that is further above the minimum than its tolerance, or than its ``gap_``;
- whose ``gap_`` is below the distance to the minimum;
- whose closest fit does not meet the conditions of an optimum: slopes within the strengths where
  coefficients are zero, and equal to them elsewhere;
- that did not converge, or raised an error.

The minimum is that of the closest fit, which Newton's method on its support may still reduce, and
no less than a dual bound of this module's own, which is loose.
"""

import sys
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse
from scipy.special import logsumexp, softmax, xlogy

from atlas.cell import time_limit
from bce_logistic import GDLogisticRegression

KINDS = (
    "plain",
    "duplicates",
    "collinear",
    "unscaled",
    "offset",
    "one-hot",
    "rare",
    "factors",
    "wide",
    "correlated",
)
MAX_POLISHED = 1000
"""The most coefficients for which Newton's method is run."""
LIMIT = 60.0
"""The most seconds for the two fits of a problem."""
ROUNDING = {"offset": 1e-9, "unscaled": 1e-10}
"""Relative rounding errors of the objective, where they are more than 1e-12."""


@dataclass(frozen=True)
class Problem:
    """A random problem; the same seed gives the same one."""

    seed: int

    def __post_init__(self) -> None:
        rng = np.random.default_rng([20, self.seed])
        kind = KINDS[self.seed % len(KINDS)]
        n = int(10 ** rng.uniform(1.5, 3.6))
        p = int(10 ** rng.uniform(0.3, 2.6))
        if kind == "wide":
            n, p = int(rng.integers(20, 300)), int(rng.integers(200, 400))
        K = int(rng.choice([2, 2, 3, 5]))
        X = features(rng, kind, n, p)
        spread = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
        true = rng.normal(size=(p, K)) * (rng.random((p, 1)) < rng.choice([0.05, 0.5]))
        Z = (X - X.mean(axis=0)) / spread @ true * rng.choice([0.3, 1.0, 3.0])
        y = (Z + rng.gumbel(size=Z.shape)).argmax(axis=1)
        y[:K] = np.arange(K)
        s = np.ones(n)
        if rng.random() < 0.5:
            s = rng.exponential(size=n) * (rng.random(n) > 0.2)
            s[:K] = 1.0
        m = np.ones(p)
        match int(rng.integers(3)):
            case 1:
                m = rng.exponential(size=p) + 0.05
            # A free feature that is rare may have no finite coefficient.
            case 2 if p > 2 and n > 20 * K and kind not in ("rare", "one-hot"):
                m[rng.integers(0, p, int(rng.integers(1, 3)))] = 0
        tol = rng.choice(["1e-3", "1e-4", "1e-6", "auto"])
        values = {
            "kind": kind,
            "n_classes": K,
            "X": X,
            "y": y,
            "s": s,
            "m": m,
            "l1_ratio": float(rng.choice([0.1, 0.5, 1.0])),
            "C": float(10 ** rng.uniform(-3, 3)),
            "tol": tol if tol == "auto" else float(tol),
            "fit_intercept": bool(rng.random() < 0.85) or kind == "offset",
        }
        vars(self).update(values)

    def __str__(self) -> str:
        n, p = self.X.shape
        return (
            f"{self.seed}: {self.kind} {n} x {p}, {self.n_classes} classes, C={self.C:.3g}, "
            f"l1_ratio={self.l1_ratio}, tol={self.tol}, intercept={self.fit_intercept}, "
            f"{np.sum(self.m == 0)} free"
        )

    def fit(self, tol: Any) -> GDLogisticRegression:
        """A fit to it."""
        X = scipy.sparse.csr_array(self.X) if self.kind in ("one-hot", "rare") else self.X
        model = GDLogisticRegression(
            C=self.C,
            l1_ratio=self.l1_ratio,
            penalty_weights=self.m,
            fit_intercept=self.fit_intercept,
            tol=tol,
            max_iter=5000,
            n_jobs=1,
        )
        return model.fit(X, self.y, self.s)

    @cached_property
    def Y(self) -> np.ndarray:  # noqa: N802
        """The labels, one-hot."""
        return np.eye(self.n_classes)[self.y]

    def scores(self, W: np.ndarray, b: np.ndarray) -> np.ndarray:
        """The scores; zero for the first of two classes."""
        Z = self.X @ W + b
        return Z if Z.shape[1] > 1 else np.column_stack([np.zeros(len(Z)), Z])

    def value(self, W: np.ndarray, b: np.ndarray) -> float:
        """The objective, as its formula says."""
        Z = self.scores(W, b)
        losses = logsumexp(Z, axis=1) - Z[np.arange(len(Z)), self.y]
        penalty = self.l1_ratio * np.abs(W) + (1 - self.l1_ratio) * W**2 / 2
        return float(self.s @ losses + (self.m / self.C) @ penalty.sum(axis=1))

    def slopes(self, W: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Slopes of the loss for centred features, (n_features, n_scores)."""
        X = self.X - self.X.mean(axis=0) * self.fit_intercept
        T = X.T @ (self.s[:, None] * (softmax(self.scores(W, b), axis=1) - self.Y))
        return T if self.n_classes > 2 else T[:, 1:]

    def violation(self, W: np.ndarray, b: np.ndarray) -> float:
        """By how much nats the best change of a single coefficient reduces the objective."""
        strength = (self.m / self.C)[:, None]
        l1, slope = self.l1_ratio * strength, self.slopes(W, b)
        slope = slope + (1 - self.l1_ratio) * strength * W
        steepest = np.where(
            W != 0, slope + l1 * np.sign(W), np.sign(slope) * np.maximum(np.abs(slope) - l1, 0)
        )
        P = softmax(self.scores(W, b), axis=1)
        P = P if self.n_classes > 2 else P[:, 1:]
        X = self.X - self.X.mean(axis=0) * self.fit_intercept
        curvature = (X**2).T @ (self.s[:, None] * P * (1 - P)) + (1 - self.l1_ratio) * strength
        return float(np.max(steepest**2 / np.maximum(2 * curvature, 1e-300), initial=0.0))

    def polished(self, W: np.ndarray, b: np.ndarray) -> float:
        """The objective after Newton steps on the coefficients that are not zero."""
        K, n_scores = self.n_classes, W.shape[1]
        strength = (self.m / self.C)[:, None] * np.ones(n_scores)
        mean = self.X.mean(axis=0) * self.fit_intercept
        A = np.column_stack([self.X - mean, np.ones(len(self.X))])
        theta = np.vstack([W, b + mean @ W])
        moves = np.vstack([(W != 0) | (strength == 0), np.full(n_scores, self.fit_intercept)])
        l1, l2 = (
            np.vstack([ratio * strength, np.zeros(n_scores)])
            for ratio in (self.l1_ratio, 1 - self.l1_ratio)
        )
        at, best = np.flatnonzero(moves.T.ravel()), self.value(W, b)
        if len(at) > MAX_POLISHED:
            return best
        for _ in range(5):
            Z = A @ theta
            P = softmax(Z if K > 2 else np.column_stack([0 * Z, Z]), axis=1)
            R = (P - self.Y)[:, K - n_scores :]
            g = A.T @ (self.s[:, None] * R) + l2 * theta + l1 * np.sign(theta)
            Q = P if K > 2 else P[:, 1:]
            H = np.empty((n_scores, len(theta), n_scores, len(theta)))
            for k in range(n_scores):
                for j in range(n_scores):
                    H[k, :, j] = (A.T * (self.s * Q[:, k] * ((k == j) - Q[:, j]))) @ A
            H = H.reshape(g.size, g.size)[np.ix_(at, at)] + np.diag(l2.T.ravel()[at])
            scale = np.sqrt(np.maximum(H.diagonal(), 1e-300))
            unit = H / np.outer(scale, scale) + 1e-13 * np.eye(len(at))
            step = np.zeros(g.size)
            step[at] = np.linalg.solve(unit, g.T.ravel()[at] / scale) / scale
            new = theta - step.reshape(g.T.shape).T
            new[:-1][(new[:-1] * W < 0) & (strength > 0)] = 0
            theta = new
            best = min(best, self.value(theta[:-1], theta[-1] - mean @ theta[:-1]))
        return best

    def dual_bound(self, W: np.ndarray, b: np.ndarray) -> float:
        """The dual objective at the residual of the best coefficients that have no penalty."""
        K, W, b = self.n_classes, W.copy(), b.copy()
        free = np.flatnonzero(self.m == 0)
        U = self.X[:, free] - self.X[:, free].mean(axis=0) * self.fit_intercept
        U = np.column_stack([U, np.ones(len(U))]) if self.fit_intercept else U
        offset = np.zeros((U.shape[1], W.shape[1]))
        Z = self.scores(W, b)
        for _ in range(60 * (U.shape[1] > 0)):
            move = U @ offset
            P = softmax(Z + (move if K > 2 else np.column_stack([0 * move, move])), axis=1)
            R = self.s[:, None] * (P - self.Y)
            g = (U.T @ R)[:, 0 if K > 2 else 1 :]
            n_scores = g.shape[1]
            H = np.empty((n_scores, U.shape[1], n_scores, U.shape[1]))
            Q = P if K > 2 else P[:, 1:]
            for k in range(n_scores):
                for j in range(n_scores):
                    d = self.s * Q[:, k] * ((k == j) - Q[:, j])
                    H[k, :, j] = (U.T * d) @ U
            H = H.reshape(g.size, g.size)
            scale = np.sqrt(np.maximum(H.diagonal(), 1e-300))
            step = np.linalg.lstsq(H / np.outer(scale, scale), g.T.ravel() / scale, rcond=1e-13)[0]
            offset -= (step / scale).reshape(n_scores, -1).T
        move = U @ offset if U.shape[1] else np.zeros((len(U), W.shape[1]))
        P = softmax(Z + (move if K > 2 else np.column_stack([0 * move, move])), axis=1)
        residual = P - self.Y
        X = self.X - self.X.mean(axis=0) * self.fit_intercept
        T = X.T @ (self.s[:, None] * residual)
        T = (T if K > 2 else T[:, 1:])[self.m > 0]
        l1, l2 = (r * self.m[self.m > 0, None] / self.C for r in (self.l1_ratio, 1 - self.l1_ratio))
        feasible = min(1.0, 1 / max((np.abs(T) / l1).max(initial=0.0), 1e-300))
        bounds = []
        for a in [feasible] if self.l1_ratio == 1 else np.linspace(feasible, 1, 9):
            q = np.clip(self.Y + a * residual, 0, 1)
            over = np.maximum(np.abs(a * T) - l1, 0)
            squares = np.divide(over**2, 2 * l2, out=np.zeros_like(over), where=l2 > 0)
            bounds.append(-self.s @ xlogy(q, q).sum(axis=1) - squares.sum())
        return float(max(bounds))


def features(rng: np.random.Generator, kind: str, n: int, p: int) -> np.ndarray:
    """Features of a kind."""
    X = rng.normal(size=(n, p))
    match kind:
        case "duplicates":
            return X[:, rng.integers(0, p, p)]
        case "collinear":
            return np.column_stack([X[:, :-1], X[:, :-1].sum(axis=1)])
        case "unscaled":
            return X * 10.0 ** rng.uniform(-4, 4, p)
        case "offset":
            return X + 1e5 * rng.normal(size=p)
        case "one-hot":
            half = p // 2
            codes = rng.integers(0, half + 1, n), rng.integers(0, p - half, n)
            return np.hstack([np.eye(half + 1)[codes[0]], np.eye(p - half)[codes[1]]])[:, :p]
        case "rare":
            return X * (rng.random(X.shape) < 0.05)
        case "factors":
            k = max(1, p // 6)
            return rng.normal(size=(n, k)) @ rng.normal(size=(k, p)) + 0.1 * X
        case "correlated":
            return X + 3.0 * rng.normal(size=(n, 1))
    return X


def faults(problem: Problem) -> list[str]:
    """What is wrong with the fits of a problem."""
    try:
        with time_limit(LIMIT):
            model, tight = problem.fit(problem.tol), problem.fit(1e-15)
    except Exception as error:  # whatever it is: the data are valid
        return [f"failed: {error!r}"]
    here, there = ((fit.coef_.T, fit.intercept_) for fit in (model, tight))
    value, closest = problem.value(*here), problem.value(*there)
    with np.errstate(all="ignore"):  # far from the minimum steps may be too long
        least = problem.polished(*there)
    bound = problem.dual_bound(*there)
    rounding = ROUNDING.get(problem.kind, 1e-12) * value
    tol = 1e-10 if problem.tol == "auto" else problem.tol
    found = []
    if not model.converged_:
        found.append(f"not converged: {model.stop_reason_}")
    elif value - least > tol * value + rounding:
        found.append(f"broken: {(value - least) / value:.1e}")
    if model.gap_ * problem.s.sum() < value - least - rounding:
        found.append(f"gap_ too small: {model.gap_ * problem.s.sum():.2e} < {value - least:.2e}")
    left = max(problem.violation(*there), closest - least)
    if left > 1e-9 * least + rounding:
        found.append(f"no optimum: {left / least:.1e}")
    if least - bound > 0.02 * least:
        found.append(f"far from the dual bound: {(least - bound) / least:.1e}")
    return found


def main() -> None:
    """Check the problems of some seeds."""
    warnings.simplefilter("ignore")
    first, last = (int(argument) for argument in sys.argv[1:3])
    start, counts = time.process_time(), Counter[str]()
    for seed in range(first, last):
        problem = Problem(seed)
        found = faults(problem)
        counts.update({fault.split(":")[0] for fault in found} or {"kept"})
        for fault in found:
            print(f"{problem}: {fault}", flush=True)
    print(f"{last - first} problems in {time.process_time() - start:.0f} s: {dict(counts)}")


if __name__ == "__main__":
    main()
