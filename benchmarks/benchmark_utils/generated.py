"""Synthetic classification data: plain functions of a seed that return ``(X, y)``.

``X`` is C-ordered float64 of shape (n_samples, n_features), or CSR with sorted int32 indices; ``y``
holds labels 0 and 1, drawn from a logistic model if nothing else is said.
"""

from itertools import pairwise

import numpy as np
from scipy import sparse
from scipy.special import expit

Data = tuple[np.ndarray, np.ndarray]

N_STREAMED_FEATURES = 30
"""Columns of `streamed_rows`."""


def ar1(n_samples: int, n_features: int, rho: float, seed: int = 0) -> Data:
    """Gaussian columns in which neighbours correlate: ``corr(x_i, x_j) = rho ** |i - j|``."""
    rng = np.random.default_rng(seed)
    X = _ar1_columns(n_samples, n_features, rho, rng)
    return X, _labels(X @ rng.standard_normal(n_features), rng)


def rare_binaries(
    n_samples: int = 200_000,
    n_features: int = 100,
    lowest: float = 1e-4,
    highest: float = 0.1,
    seed: int = 0,
) -> Data:
    """Columns of zeros and ones; the frequency of ones is between `lowest` and `highest`.

    The frequencies are spaced evenly on a logarithmic scale, in random order. The labels follow a
    logistic model with coefficients of standard deviation 1.
    """
    rng = np.random.default_rng(seed)
    frequency = rng.permutation(np.geomspace(lowest, highest, n_features))
    X = (rng.random((n_samples, n_features)) < frequency).astype(np.float64)
    score = X @ rng.standard_normal(n_features) - 0.5
    return X, _draw(score, rng)


def badly_scaled(
    n_samples: int = 100_000, n_features: int = 50, decades: float = 3, seed: int = 0
) -> Data:
    """Informative columns whose units differ by many orders of magnitude, some far from zero.

    Standard scores ``t`` follow `ar1` with correlation 0.5. Column ``j`` is ``t_j`` times a scale
    between ``10 ** -decades`` and ``10 ** decades``, except that every tenth column is
    ``100 t_j + 1e5``. The labels depend on the standard scores, so every column matters.
    """
    rng = np.random.default_rng(seed)
    X = _ar1_columns(n_samples, n_features, 0.5, rng)
    y = _labels(X @ rng.standard_normal(n_features), rng)
    scale = rng.permutation(np.logspace(-decades, decades, n_features))
    offset = np.zeros(n_features)
    scale[::10], offset[::10] = 100.0, 1e5
    X *= scale
    X += offset
    return X, y


def separable(n_samples: int = 200, n_features: int = 500, seed: int = 0) -> Data:
    """Independent Gaussian columns, more than rows; the labels are the sign of a linear score."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    return X, (X @ rng.standard_normal(n_features) > 0).astype(np.int64)


def zipf_text(
    n_samples: int = 60_000, n_features: int = 50_000, mean_length: int = 110, seed: int = 0
) -> tuple[sparse.csr_matrix, np.ndarray]:
    """Documents as rows of term weights, with word frequencies that follow a Zipf law.

    A document draws its words independently, `mean_length` on average; the word of rank ``r`` has
    probability proportional to ``1 / (r + 10)``. A weight is
    ``(1 + log count) * (1 + log(n / document frequency))``, and each row is scaled to unit length.
    The labels follow a logistic model in which one word in ten has a coefficient.
    """
    rng = np.random.default_rng(seed)
    lengths = np.maximum(rng.poisson(mean_length, n_samples), 1)
    rows = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    cumulative = np.cumsum(1.0 / (np.arange(n_features) + 10.0))
    ranks = np.searchsorted(cumulative, rng.random(rows[-1]) * cumulative[-1])
    words = rng.permutation(n_features).astype(np.int32)[ranks]

    X = sparse.csr_matrix((np.ones(len(words)), words, rows), shape=(n_samples, n_features))
    X.sum_duplicates()
    document_frequency = np.bincount(X.indices, minlength=n_features)
    inverse_frequency = np.log(n_samples / np.maximum(document_frequency, 1)) + 1.0
    X.data = (1.0 + np.log(X.data)) * inverse_frequency[X.indices]
    norms = np.sqrt(np.add.reduceat(X.data**2, X.indptr[:-1]))
    X.data /= np.repeat(norms, np.diff(X.indptr))

    coef = rng.standard_normal(n_features) * (rng.random(n_features) < 0.1)
    return X, _labels(X @ coef, rng)


def streamed_rows(seed: int, n_samples: int) -> Data:
    """One chunk of a large data set: correlation 0.9, scales from 0.1 to 10, labels of one byte.

    Chunks of different seeds are different rows of the same model.
    """
    rng = np.random.default_rng(seed)
    X = _ar1_columns(n_samples, N_STREAMED_FEATURES, 0.9, rng)
    coef = np.random.default_rng(0).standard_normal(N_STREAMED_FEATURES) / 3
    y = X @ coef + rng.logistic(size=n_samples) > 0.5
    return X * np.geomspace(0.1, 10, N_STREAMED_FEATURES), y.astype(np.int8)


def _ar1_columns(
    n_samples: int, n_features: int, rho: float, rng: np.random.Generator
) -> np.ndarray:
    """Unit-variance Gaussian columns, each ``rho`` times its neighbour plus fresh noise."""
    columns = rng.standard_normal((n_features, n_samples))
    columns[1:] *= np.sqrt(1.0 - rho**2)
    for previous, current in pairwise(columns):
        current += rho * previous
    return np.ascontiguousarray(columns.T)


def _labels(score: np.ndarray, rng: np.random.Generator, spread: float = 2.0) -> np.ndarray:
    """Draw labels after the scores are centred and brought to a standard deviation of `spread`."""
    return _draw(spread * (score - score.mean()) / score.std(), rng)


def _draw(score: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw labels 0 and 1 with ``P(y = 1) = sigmoid(score)``."""
    return (rng.random(len(score)) < expit(score)).astype(np.int64)
