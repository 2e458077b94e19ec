"""Configurations, data and independent formulas that the tests share."""

from __future__ import annotations

import itertools
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest
import scipy.sparse
import scipy.special
import sklearn
from packaging.version import Version

from bce_logistic.objective.losses import BinaryCrossEntropy, CrossEntropy
from bce_logistic.objective.objective import Objective
from bce_logistic.objective.penalties import L2
from bce_logistic.rows.memory import row_blocks

# One configuration of each solver, asked to come close to the optimum. A test with
# ``@every_solver`` runs once for each of them: a new solver needs one line here.
SOLVERS = {
    "preconditioned": {"solver": "preconditioned", "tol": 1e-13},
    "gd": {"solver": "gd", "nesterov": True, "tol": 1e-10, "max_iter": 100_000},
}
# Other ways to the same optimum, for the tests with ``@every_configuration``.
CONFIGURATIONS = {
    **SOLVERS,
    "gd, plain": {"solver": "gd", "tol": 1e-10, "max_iter": 100_000},
    "gd, heavy ball": {"solver": "gd", "momentum": 0.9, "tol": 1e-10, "max_iter": 100_000},
}
every_solver = pytest.mark.parametrize("solver", SOLVERS.values(), ids=SOLVERS)
every_configuration = pytest.mark.parametrize("solver", CONFIGURATIONS.values(), ids=CONFIGURATIONS)

# Parameters that scikit-learn's own checks are run with.
CHECKED = [
    {},
    {"solver": "gd", "max_iter": 100},
    {"solver": "gd", "max_iter": 100, "learning_rate": 4e-4, "momentum": 0.9},
    {"solver": "gd", "max_iter": 100, "power_t": 0.1, "tol": 0.0},
    {"solver": "gd", "max_iter": 100, "momentum": 0.9},
    {"solver": "gd", "max_iter": 100, "momentum": 0.9, "nesterov": True, "warm_start": True},
    {"solver": "gd", "max_iter": 100, "learning_rate": 1e-6, "reduction": "sum"},
    {"solver": "gd", "max_iter": 100, "momentum": 0.5, "nesterov": True, "C": np.inf, "n_jobs": 2},
    {"batch_size": 8, "max_iter": 50},
    {"batch_size": 5, "max_iter": 50, "learning_rate": 1e-5, "reduction": "sum", "average": True},
    {"batch_size": 16, "max_iter": 30, "power_t": 0.1, "class_weight": "balanced"},
    {"early_stopping": True, "validation_fraction": 0.3},
    {"C": 0.01, "class_weight": "balanced"},
    {"l1_ratio": 0.5},
    {"l1_ratio": 1.0, "C": 10.0, "tol": 0.0},
    {"l1_ratio": 0.5, "solver": "gd", "max_iter": 100},
    {"l1_ratio": 1.0, "batch_size": 8, "max_iter": 50},
    {"fit_intercept": False},
]

# The least block sizes, so that a few hundred rows make several blocks.
SMALL_BLOCKS = {
    "DENSE_BLOCK_BYTES": 1,
    "SPARSE_BLOCK_NON_ZEROS": 1,
    "BLOCK_NON_ZEROS_PER_FEATURE": 4,
}

LAYOUTS = {
    "dense": np.ascontiguousarray,
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr_array": scipy.sparse.csr_array,
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


def needs_scikit_learn(version, what):
    """Skip a comparison with scikit-learn that an older version cannot make."""
    if Version(sklearn.__version__) < Version(version):
        pytest.skip(f"Before scikit-learn {version}, {what}.")


def problem(n_samples=80, n_features=4, n_classes=2, seed=0, density=1.0):
    """Features, and labels 0..K-1 drawn from a model with coefficients of order one."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    X *= rng.random(X.shape) < density
    scores = X @ rng.normal(size=(n_features, n_classes)) + rng.normal(size=n_classes)
    y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    assert len(np.unique(y)) == n_classes
    return X, y


def probabilities(n_samples, n_classes, seed=0):
    """Probabilities of the classes of every sample, some near zero or one."""
    return np.random.default_rng(seed).dirichlet(np.full(n_classes, 0.5), n_samples)


def weights(n_samples, seed=0):
    """Sample weights, a few of them zero."""
    rng = np.random.default_rng(seed)
    return rng.exponential(size=n_samples) * (rng.random(n_samples) > 0.1)


def losses(y, z):
    """Cross-entropy of every sample, by SciPy's functions."""
    if z.ndim == 1:
        return -np.where(y == 1, scipy.special.log_expit(z), scipy.special.log_expit(-z))
    return -scipy.special.log_softmax(z, axis=1)[np.arange(len(y)), y]


def value(w, X, y, s, C, fit_intercept):
    """The objective at coefficients that hold the intercept last, as its formula says."""
    w, b = (w[:-1], w[-1]) if fit_intercept else (w, 0)
    return s @ losses(y, X @ w + b) + (w**2).sum() / (2 * C)


def fitted_value(model, X, y, s=1.0):
    """The objective at the coefficients of a fitted model; ``y`` in 0..K-1."""
    z = X @ model.coef_.T + model.intercept_
    z = z.ravel() if z.shape[1] == 1 else z
    return (s * losses(y, z)).sum() + (model.coef_**2).sum() / (2 * model.C)


def derivative(function, w, h=1e-5):
    """Central differences of a function of an array, number by number.

    The error is of order h^2 = 1e-10, and of rounding, 1e-16 / h, relative to the function.
    """
    w = np.asarray(w, dtype=np.float64)
    rows = []
    for i in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[i] = h * max(1.0, abs(w[i]))
        rows.append((function(w + step) - function(w - step)) / (2 * step[i]))
    return np.array(rows).reshape(w.shape + np.shape(rows[0]))


def objective(X, y, s=None, C=1.0, fit_intercept=True, run=map):
    """Objective of labels in 0..K-1."""
    s = np.ones(len(y)) if s is None else s
    n_classes = int(y.max()) + 1
    binary = n_classes == 2
    return Objective(
        loss=BinaryCrossEntropy() if binary else CrossEntropy(),
        penalty=L2.of(C, X.shape[1], fit_intercept),
        rows=row_blocks(X, y.astype(np.float64) if binary else y, s, run),
        fit_intercept=fit_intercept,
        n_scores=1 if binary else n_classes,
    )


class Unpenalised:
    """What a step size needs to know of an objective that has no penalty."""

    penalty = L2(np.zeros(1))
    rows = SimpleNamespace(dtype=np.dtype(np.float64))


def steps(objectives_or_iterates, n):
    """The first ``n`` of an endless iterator."""
    return list(itertools.islice(objectives_or_iterates, n))


def threads(n):
    """Worker threads, to be used in a ``with`` statement as ``pool.map``."""
    return ThreadPoolExecutor(n)


class NumPyMemory:
    """Peak and remaining memory of NumPy, beyond what it held before."""

    def __enter__(self):
        tracemalloc.start()
        return self

    def __exit__(self, *_):
        self.kept, self.peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
