"""Standardised rows, sorted by the cells of the folds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.rows import cells
from bce_logistic.rows.cells import KeptCellRows, Scaling, StreamedCellRows
from bce_logistic.rows.memory import is_mapped, row_blocks

from ..common import problem, threads, weights

KINDS = {
    "kept": lambda rows, scaling: KeptCellRows(rows, scaling),
    "with pairs": lambda rows, scaling: KeptCellRows(rows, scaling, pairs=True),
    "streamed": lambda rows, scaling: StreamedCellRows(rows, scaling, 1),
}
every_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)


def scaled(X, dtype=np.float64, fit_intercept=True):
    return Scaling(X.mean(axis=0), 1 / X.std(axis=0), fit_intercept, np.dtype(dtype))


@every_kind
@pytest.mark.parametrize("min_cell_rows", [1, 1000], ids=["cell by cell", "together"])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_the_rows(make, min_cell_rows, weighted, monkeypatch, small_blocks):
    monkeypatch.setattr(cells, "MIN_CELL_ROWS", min_cell_rows)
    monkeypatch.setattr(cells, "BLOCK_NUMBERS", 40)
    X, y = problem(200, 3)
    s = weights(200) if weighted else np.ones(200)
    cell = np.random.default_rng(0).integers(0, 4, 200).astype(np.uint8)
    scaling = scaled(X)
    with threads(2) as pool:
        rows = make(row_blocks(X, y, s, pool.map).with_cells(cell), scaling)

        def by_cell(block):
            weight = np.ones(len(block.A)) if block.s is None else block.s
            where = np.full(len(block.A), block.cell)
            if block.pairs is not None:
                i, j = np.triu_indices(4)
                assert_allclose(block.pairs, block.A[:, i] * block.A[:, j])
            return (
                np.stack([(weight * (where == c)) @ block.A for c in range(4)]),
                np.stack([(weight * block.y * (where == c)).sum() for c in range(4)]),
            )

        sums, labels = rows.sum(by_cell)
        totals = rows.cell_sums(4)
    A = np.c_[(X - X.mean(axis=0)) / X.std(axis=0), np.ones(200)]
    for c in range(4):
        here = cell == c
        assert_allclose(sums[c], s[here] @ A[here], rtol=1e-10, atol=1e-10)
        assert_allclose(labels[c], s[here] @ (y[here] - 0.5), rtol=1e-10)
        assert_allclose(totals[c, :-1], (s * (y - 0.5))[here] @ A[here], rtol=1e-9, atol=1e-10)
        assert_allclose(totals[c, -1], s[here] @ s[here], rtol=1e-10)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_coefficients_go_back_to_the_features(fit_intercept):
    X, _ = problem(50, 3)
    center = X.mean(axis=0) * fit_intercept
    scaling = Scaling(center, 1 / X.std(axis=0), fit_intercept, np.dtype(float))
    W = np.random.default_rng(0).normal(size=(2, 5, 3 + fit_intercept))
    w = scaling.coefficients(W)
    z = (
        X @ np.moveaxis(w[..., :3], -1, -2) + (w[..., 3:] if fit_intercept else 0).swapaxes(-1, -2)
        if fit_intercept
        else X @ np.moveaxis(w, -1, -2)
    )
    assert_allclose(z, scaling(X) @ np.moveaxis(W, -1, -2), rtol=1e-10, atol=1e-12)
    # The penalty is the same number.
    strength = scaling.strength(np.array([0.1, 10.0]))
    assert_allclose(strength[1] @ W[0, 0] ** 2, (w[0, 0, :3] ** 2).sum() / 10, rtol=1e-12)


def test_single_precision_is_centred_before_it_is_rounded():
    X = np.array([[1e9, 1.0], [1e9 + 1, 3.0]])
    A = Scaling(X.mean(axis=0), np.ones(2), True, np.dtype(np.float32))(X)
    assert A.dtype == np.float32
    assert_array_equal(A, [[-0.5, -1, 1], [0.5, 1, 1]])


def test_which_arrays_are_mapped(tmp_path):
    np.save(tmp_path / "X.npy", np.zeros((4, 2)))
    X = np.load(tmp_path / "X.npy", mmap_mode="r")
    assert is_mapped(X)
    assert is_mapped(np.asarray(X)[1:])
    assert not is_mapped(np.array(X))
