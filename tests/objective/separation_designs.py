"""Random designs, separated or not, of every kind that has defeated a test for separation."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray


class Design(NamedTuple):
    """Features, labels and weights, and whether there is an intercept."""

    X: NDArray
    y: NDArray
    sample_weight: NDArray | None
    fit_intercept: bool


def random_design(seed: int) -> Design:
    """A design of 10 to 200 rows and 1 to 8 columns of several kinds, with 2 to 4 classes."""
    rng = np.random.default_rng(seed)
    n_rows, n_classes = int(rng.integers(10, 201)), int(rng.choice([2, 2, 3, 4]))
    n_columns = int(rng.integers(1, 9))
    blocks: list[NDArray] = []
    while sum(block.shape[1] for block in blocks) < n_columns:
        blocks.append(COLUMNS[rng.integers(len(COLUMNS))](rng, n_rows, blocks))
    X = np.hstack(blocks)
    X = X[:, :8] if rng.random() < 0.5 else X[:, -8:]
    W = rng.normal(size=(X.shape[1], n_classes)) * rng.choice([0.1, 0.3, 1.0])
    spread = X.std(axis=0)
    Z = (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1) @ W
    y = (Z + rng.gumbel(size=Z.shape) * rng.choice([0.1, 1.0, 1.0, 1.0])).argmax(axis=1)
    if rng.random() < 0.1:  # one value of a column has one label only
        column = X[:, rng.integers(X.shape[1])]
        y[column == rng.choice(column)] = rng.integers(n_classes)
    y = np.append(np.arange(n_classes), y[n_classes:])  # no class is missing
    s = None
    if rng.random() < 0.3:
        s = rng.exponential(size=n_rows) * (rng.random(n_rows) < 0.7)
        s[:n_classes] = 1.0
    X = X.astype(np.float32) if rng.random() < 0.25 else X
    return Design(X, y, s, bool(rng.random() < 0.8))


def layout(design: Design, seed: int) -> NDArray | scipy.sparse.csr_array:
    """The features dense, or every third time sparse."""
    return scipy.sparse.csr_array(design.X) if seed % 3 == 0 else design.X


def _continuous(rng, n_rows, blocks):
    return rng.normal(size=(n_rows, 1)) * 10.0 ** rng.integers(-3, 4)


def _far_from_zero(rng, n_rows, blocks):
    return 1.7e9 + rng.integers(0, 3600, (n_rows, 1)).astype(float)


def _small_integers(rng, n_rows, blocks):
    return rng.integers(-3, 4, (n_rows, 1)).astype(float)


def _rare_binary(rng, n_rows, blocks):
    return (rng.random((n_rows, 1)) < rng.choice([0.03, 0.1, 0.4])).astype(float)


def _one_hot(rng, n_rows, blocks):
    n_categories = int(rng.integers(2, 6))
    dummies = np.eye(n_categories)[rng.integers(0, n_categories, n_rows)]
    return dummies[:, rng.integers(0, 2) :]


def _constant(rng, n_rows, blocks):
    return np.full((n_rows, 1), rng.choice([0.0, 1.0, 0.1]))


def _combination(rng, n_rows, blocks):
    if not blocks:
        return _continuous(rng, n_rows, blocks)
    X = np.hstack(blocks)
    return (X @ rng.integers(-2, 3, X.shape[1]))[:, None].astype(float)


COLUMNS = [
    _continuous,
    _far_from_zero,
    _small_integers,
    _rare_binary,
    _rare_binary,
    _one_hot,
    _one_hot,
    _constant,
    _combination,
]


def three_class_table():
    """A quasi-separated table: five binary columns, the class, and how many such rows there are."""
    table = "00001 1 7; 00010 0 1; 00100 1 6; 00101 1 1; 00101 2 5; 01000 1 5; 10000 2 3"
    X, y = [], []
    for line in table.split("; "):
        columns, label, count = line.split()
        X += [[float(digit) for digit in columns]] * int(count)
        y += [int(label)] * int(count)
    return np.array(X), np.array(y)
