"""Generated data of many kinds: functions of a seed that return ``(X, y)``.

``X`` is C-ordered float64 or CSR, of shape (n_samples, n_features); ``y`` holds 0, 1, ..., and
every class.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from scipy import sparse
from scipy.special import expit
from sklearn.datasets import make_blobs
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from benchmark_utils.generated import ar1, rare_binaries, zipf_text

Matrix: TypeAlias = np.ndarray | sparse.csr_matrix
Data = tuple[Matrix, np.ndarray]


def standardised(X: np.ndarray) -> np.ndarray:
    """Columns of mean 0 and standard deviation 1."""
    return np.ascontiguousarray(StandardScaler().fit_transform(X))


def labelled(
    rng: np.random.Generator,
    X: Matrix,
    classes: int = 2,
    share: float = 0.4,
    strength: float = 2.0,
) -> Data:
    """Add labels of a logistic model with random coefficients.

    `strength` is the standard deviation of the scores, `share` the second class's part of two.
    """
    scores = np.asarray(X @ rng.standard_normal((X.shape[1], 1 if classes == 2 else classes)))
    scores = strength * (scores - scores.mean(axis=0)) / scores.std(axis=0)
    if classes == 2:
        threshold = np.quantile(scores, 1 - share)
        y = rng.random(len(scores)) < expit(scores[:, 0] - threshold)
    else:
        y = (scores + rng.gumbel(size=scores.shape)).argmax(axis=1)
    return X, np.unique(y, return_inverse=True)[1].astype(np.int64)


def gaussian(seed: int, n: int, p: int, rho: float = 0.0, classes: int = 2) -> Data:
    """Columns as of `ar1`, with labels of two or more classes."""
    X, _ = ar1(n, p, rho, seed)
    return labelled(np.random.default_rng(seed), X, classes)


def text(seed: int, n: int, p: int, words: int, classes: int = 2) -> Data:
    """Rows as of `zipf_text`, with labels of two or more classes."""
    X, _ = zipf_text(n, p, words, seed)
    return labelled(np.random.default_rng(seed), X, classes, strength=3.0)


def rare(seed: int, n: int, p: int, highest: float = 0.1) -> Data:
    """Binary columns, the rarest with some 20 ones."""
    return rare_binaries(n, p, 20 / n, highest, seed)


def blobs(seed: int, n: int, p: int, classes: int, deviation: float) -> Data:
    """Well separated classes."""
    return make_blobs(n, p, centers=classes, cluster_std=deviation, random_state=seed)


def decaying(seed: int, n: int, p: int, decay: float, classes: int = 2) -> Data:
    """Gaussian columns of which the k-th principal deviation is ``k ** -decay``."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((p, p)))[0]
    X = (rng.standard_normal((n, p)) * np.arange(1, p + 1.0) ** -decay) @ rotation
    return labelled(rng, np.ascontiguousarray(X), classes)


def factors(
    seed: int, n: int, p: int, n_factors: int, noise: float = 0.1, classes: int = 2
) -> Data:
    """Columns that are mixtures of few factors, and noise; without noise exactly collinear."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, n_factors)) @ rng.standard_normal((n_factors, p))
    return labelled(rng, X + noise * rng.standard_normal((n, p)), classes)


def raw_units(seed: int, n: int, p: int) -> Data:
    """Columns as they come: heavy tails, groups, offsets, units that differ, rare binaries."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(rng.standard_normal((n, -(-p // 5))), 5, axis=1)[:, :p]
    X = rng.standard_t(3, (n, p)) + 2 * groups
    X[:, ::4] = rng.random((n, len(range(0, p, 4)))) < rng.uniform(0.001, 0.3, len(range(0, p, 4)))
    _, y = labelled(rng, np.clip(X, -5, 5), share=0.2)
    return X * 10 ** rng.uniform(-3, 4, p) + 10 ** rng.uniform(-2, 4, p), y


def genes(seed: int, n: int, p: int, classes: int = 2) -> Data:
    """Fewer rows than columns, in modules that move together: expressions of genes."""
    rng = np.random.default_rng(seed)
    modules = rng.standard_normal((n, 20)) @ rng.standard_normal((20, p))
    X = standardised(0.3 * modules + rng.standard_normal((n, p)))
    return labelled(rng, X, classes, strength=3.0)


def embeddings(seed: int, n: int, p: int, classes: int = 2, clusters: int = 30) -> Data:
    """Rows of length one about some centres, with a common direction: embeddings of texts."""
    rng = np.random.default_rng(seed)
    spread = np.arange(1, p + 1.0) ** -0.4
    centres = rng.standard_normal((clusters, p)) * spread
    X = centres[rng.integers(clusters, size=n)] + rng.standard_normal((n, p)) * spread
    X = X + rng.standard_normal(p) * spread
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return labelled(rng, X, classes, strength=3.0)


def fourier(seed: int, n: int, p: int, inputs: int = 8) -> Data:
    """Random Fourier features of a few inputs; the label depends on their length."""
    rng = np.random.default_rng(seed)
    inner = rng.standard_normal((n, inputs))
    phase = inner @ rng.standard_normal((inputs, p)) * 0.5 + rng.uniform(0, 2 * np.pi, p)
    length = (inner**2).sum(axis=1)
    y = rng.random(n) < expit(2 * standardised(length[:, None])[:, 0])
    return np.sqrt(2 / p) * np.cos(phase), y.astype(np.int64)


def splines(seed: int, n: int, inputs: int, n_knots: int = 8) -> Data:
    """Cubic B-splines of correlated inputs: the columns of an input sum to one."""
    rng = np.random.default_rng(seed)
    inner = rng.standard_normal((n, inputs)) + 0.5 * rng.standard_normal((n, 1))
    X = SplineTransformer(n_knots=n_knots).fit_transform(inner)
    return labelled(rng, np.ascontiguousarray(X))


def polynomials(seed: int, n: int, inputs: int, degree: int = 2) -> Data:
    """Standardised products of correlated inputs, to some degree."""
    rng = np.random.default_rng(seed)
    inner = rng.standard_normal((n, inputs)) + 0.5 * rng.standard_normal((n, 1))
    products = PolynomialFeatures(degree, include_bias=False).fit_transform(inner)
    return labelled(rng, standardised(products))


def one_hot(
    seed: int,
    n: int,
    levels: Sequence[int],
    numeric: int = 0,
    cross: bool = False,
    classes: int = 2,
) -> Data:
    """One-hot columns, all dummies kept, of categories with so many levels; CSR.

    Categories of more than 50 levels have some frequent ones and many rare ones. Beside them stand
    `numeric` standardised columns, and with `cross` the products of neighbouring categories.
    """
    rng = np.random.default_rng(seed)
    codes = [_category(rng, n, k) for k in levels]
    if cross:
        pairs = pairwise(list(zip(codes, levels, strict=True)))
        codes += [a * m + b for (a, _), (b, m) in pairs]
    parts = [_dummies(code) for code in codes]
    if numeric:
        columns = rng.standard_normal((n, numeric)) + 0.5 * rng.standard_normal((n, 1))
        parts.append(sparse.csr_matrix(standardised(columns)))
    return labelled(rng, sparse.hstack(parts, format="csr"), classes, share=0.25, strength=1.2)


def _category(rng: np.random.Generator, n: int, levels: int) -> np.ndarray:
    if levels <= 50:
        return rng.integers(levels, size=n)
    return np.minimum((rng.pareto(1.1, n) * levels / 20).astype(int), levels - 1)


def _dummies(code: np.ndarray) -> sparse.csr_matrix:
    """A column for each value that occurs."""
    column = np.unique(code, return_inverse=True)[1].astype(np.int32)
    return sparse.csr_matrix((np.ones(len(code)), column, np.arange(len(code) + 1, dtype=np.int32)))
