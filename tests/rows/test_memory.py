"""Rows cut into blocks: sums are those over all rows, in every layout, with any threads."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.rows.base import MANY_COLUMNS, Block
from bce_logistic.rows.memory import (
    MAX_PARTIAL_SUMS,
    PARTIAL_SUMS_SIZE,
    DenseRows,
    SparseRows,
    row_blocks,
)

from ..common import LAYOUTS, SMALL_BLOCKS, NumPyMemory, every_layout, threads, weights

every_dtype = pytest.mark.parametrize("dtype", [np.float64, np.float32])


def rows_of(X, run=map):
    n = X.shape[0]
    return row_blocks(X, np.arange(float(n)), weights(n), run)


def matrix(n_samples=500, n_features=3, seed=0, empty=0.3):
    """Dense rows with many zeros, some rows all zero: the first and the last among them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) * (rng.random((n_samples, n_features)) < 0.5)
    X[rng.random(n_samples) < empty] = 0
    X[0] = X[-1] = 0
    return X


def seen(rows):
    """Labels, weights and features in the order in which the blocks give them."""
    blocks = []

    def remember(block):
        X = block.X.toarray() if scipy.sparse.issparse(block.X) else block.X
        blocks.append((block.y, block.s, X))
        return (0.0,)

    rows.sum(remember, size=1)
    y, s, X = zip(*blocks, strict=True)
    return np.concatenate(y), np.concatenate(s), np.concatenate(X), len(blocks)


@every_layout
@pytest.mark.parametrize("n_samples", [1, 2, 63, 64, 65, 500])
@pytest.mark.usefixtures("small_blocks")
def test_every_row_is_in_one_block(layout, n_samples):
    X = matrix(n_samples)
    y, s, X_seen, n_blocks = seen(rows_of(layout(X)))
    assert_array_equal(y, np.arange(n_samples))
    assert_array_equal(s, weights(n_samples))
    assert_array_equal(X_seen, X)
    assert n_blocks > 1 or n_samples <= 64


@given(lengths=st.lists(st.integers(0, 40), min_size=1, max_size=200), per_block=st.integers(1, 99))
def test_sparse_blocks_share_the_non_zeros_alike(lengths, per_block):
    n_features = 40
    indptr = np.cumsum([0, *lengths])
    indices = np.concatenate([np.arange(n) for n in lengths]).astype(int)
    X = scipy.sparse.csr_array(
        (np.ones(len(indices)), indices, indptr), shape=(len(lengths), n_features)
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bce_logistic.rows.memory.SPARSE_BLOCK_NON_ZEROS", per_block)
        blocks = []
        rows = row_blocks(X, np.arange(float(len(lengths))), np.ones(len(lengths)))
        rows.sum(lambda block: blocks.append(block) or (0.0,), size=1)
    assert_array_equal(np.concatenate([block.y for block in blocks]), np.arange(len(lengths)))
    assert len(blocks) <= MAX_PARTIAL_SUMS
    # A cut falls on the border of a row, so that a block is off by less than two rows' worth.
    assert max(block.X.nnz for block in blocks) <= X.nnz / len(blocks) + 2 * n_features


def test_dense_blocks_are_as_large_as_wanted(monkeypatch):
    monkeypatch.setattr("bce_logistic.rows.memory.DENSE_BLOCK_BYTES", 100 * 8 * 5)
    sizes = []
    rows_of(np.ones((1050, 5))).sum(lambda block: sizes.append(len(block.y)) or (0.0,), size=1)
    assert sizes == [100] * 10 + [50]


@every_layout
@every_dtype
@pytest.mark.usefixtures("small_blocks")
def test_blocks_are_views(layout, dtype):
    X = layout(matrix().astype(dtype))
    memory = X.data if scipy.sparse.issparse(X) else X
    shared = []

    def inspect(block):
        values = block.X.data if scipy.sparse.issparse(block.X) else block.X
        shared.append(len(values) == 0 or np.shares_memory(values, memory))
        assert block.X.dtype == dtype
        return (0.0,)

    rows_of(X).sum(inspect, size=1)
    assert len(shared) > 1
    assert all(shared)


@every_layout
@every_dtype
@pytest.mark.parametrize("shape", [(), (1,), (4,)], ids=["one", "column", "four"])
def test_products_of_a_block(layout, dtype, shape):
    rng = np.random.default_rng(0)
    X = matrix(50, 6).astype(dtype)
    w, residual = rng.normal(size=(6, *shape)), rng.normal(size=(50, *shape))
    block = Block(layout(X), layout(X).T, np.zeros(50), np.ones(50))
    rtol = 1e-13 if dtype == np.float64 else 1e-5
    scores, weighted_sum = block.matvec(w), block.rmatvec(residual)
    assert_allclose(scores, X.astype(float) @ w, rtol=rtol, atol=rtol)
    assert_allclose(weighted_sum, X.T.astype(float) @ residual, rtol=rtol, atol=rtol)
    assert scores.dtype == weighted_sum.dtype == np.float64
    assert scores.flags.f_contiguous


@every_layout
@every_dtype
@pytest.mark.parametrize("n_used", [0, 60, 70])
@pytest.mark.parametrize("shape", [(), (3,)], ids=["one", "three"])
def test_zero_coefficients_change_no_product(layout, dtype, n_used, shape):
    X = matrix(5, MANY_COLUMNS).astype(dtype)
    used = np.random.default_rng(0).permutation(MANY_COLUMNS)[:n_used]
    w = np.zeros((MANY_COLUMNS, *shape))
    w[used] = np.random.default_rng(1).normal(size=(n_used, *shape))
    scores = Block(layout(X), layout(X).T, np.zeros(5), np.ones(5)).matvec(w)
    rtol = 1e-13 if dtype == np.float64 else 1e-5
    expected = X.astype(float)[:, used] @ w[used]
    assert_allclose(scores, expected, rtol=rtol, atol=10 * rtol)
    assert scores.shape == (5, *shape)
    assert scores.dtype == np.float64
    assert scores.flags.f_contiguous


@every_layout
@every_dtype
def test_gram_of_a_block(layout, dtype):
    X = matrix(50, 6).astype(dtype)
    d = weights(50)
    gram = Block(layout(X), layout(X).T, np.zeros(50), np.ones(50)).sandwich(d)
    rtol = 1e-13 if dtype == np.float64 else 1e-5
    X = X.astype(float)
    assert_allclose(gram, X.T @ np.diag(d) @ X, rtol=rtol, atol=rtol)
    assert type(gram) is np.ndarray
    assert gram.dtype == np.float64


def sums(block):
    return block.y @ block.s, block.rmatvec(block.s), block.s


@every_layout
@pytest.mark.usefixtures("small_blocks")
def test_sum_over_blocks_is_the_sum_over_rows(layout):
    X = matrix(2000)
    rows = rows_of(layout(X))
    number, vector = rows.sum(lambda block: sums(block)[:2], size=4)
    assert_allclose(number, rows.y @ rows.s, rtol=1e-13)
    assert_allclose(vector, X.T @ rows.s, rtol=1e-12)


@every_layout
@pytest.mark.usefixtures("small_blocks")
def test_threads_do_not_change_a_bit(layout):
    X = layout(matrix(20_000))
    alone = rows_of(X).sum(lambda block: sums(block)[:2], size=4)
    for n_threads in (1, 2, 3, 8):
        with threads(n_threads) as pool:
            together = rows_of(X, pool.map).sum(lambda block: sums(block)[:2], size=4)
        assert_array_equal(alone[0], together[0])
        assert_array_equal(alone[1], together[1])


@every_layout
@pytest.mark.parametrize(("size", "most"), [(1, MAX_PARTIAL_SUMS), (PARTIAL_SUMS_SIZE, 2)])
@pytest.mark.usefixtures("small_blocks")
def test_few_partial_sums_wait_to_be_added(layout, size, most):
    parts = []

    def run(function, items):
        results = list(map(function, items))
        parts.append(len(results))
        return results

    rows_of(layout(matrix(20_000)), run).sum(lambda block: (block.s.sum(),), size)
    assert parts == [most]


@every_layout
@pytest.mark.usefixtures("small_blocks")
def test_what_is_not_finite_is_in_the_sum_without_a_warning(layout):
    X = matrix(300)
    X[200, 0], X[0, 1], X[1, 1] = np.nan, 1e308, 1e308
    with np.errstate(all="raise"), threads(2) as pool:
        for run in (map, pool.map):
            rows = row_blocks(layout(X), np.zeros(300), np.ones(300), run)
            (total,) = rows.sum(lambda block: (block.rmatvec(block.s * 4),), size=3)
            assert np.isnan(total[0])
            assert np.isposinf(total[1])
            assert np.isfinite(total[2])


def test_error_in_a_thread_arrives():
    with threads(2) as pool:
        rows = rows_of(matrix(), pool.map)
        with pytest.raises(ZeroDivisionError):
            rows.sum(lambda block: (1 / 0,), size=1)


@every_layout
def test_shape_weight_and_passes(layout):
    rows = rows_of(layout(matrix(70, 5)))
    assert isinstance(rows, DenseRows if layout is LAYOUTS["dense"] else SparseRows)
    assert (rows.n_samples, rows.n_features) == (70, 5)
    assert_allclose(rows.total_weight, weights(70).sum(), rtol=1e-15)
    assert rows.passes == 0
    for _ in range(3):
        rows.sum(lambda block: (0.0,), size=1)
    assert rows.passes == 3


@every_layout
def test_subset_stands_for_all(layout):
    X = matrix(70)
    chosen = np.array([5, 3, 69, 12])
    y, s, X_seen, _ = seen(rows_of(layout(X)).subset(chosen, 70 / 4))
    assert_array_equal(y, chosen)
    assert_allclose(s, weights(70)[chosen] * 70 / 4, rtol=1e-15)
    assert_array_equal(X_seen, X[chosen])


def many_models(X, run=map):
    """One set of rows with the labels and weights of four models, and separate rows of each."""
    n = X.shape[0]
    data = [(np.arange(n) % (k + 2), weights(n, seed=k)) for k in range(4)]
    first = row_blocks(X, *data[0], run)
    assert first.smallest_weight > 0  # cached, for this model
    shared = [first, *(first.reweighted(s, y) for y, s in data[1:])]
    return list(zip(shared, [row_blocks(X, y, s, run) for y, s in data], strict=True))


@every_layout
@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.usefixtures("small_blocks")
def test_many_models_sum_over_one_set_of_rows(layout, n_threads):
    with threads(n_threads) as pool:
        for shared, own in many_models(layout(matrix(2000)), pool.map):
            for size in (1, own.n_stored // 3):
                found, expected = (rows.sum(lambda b: sums(b)[:2], size) for rows in (shared, own))
                assert_array_equal(found[0], expected[0])
                assert_array_equal(found[1], expected[1])
            assert (shared.total_weight, shared.passes) == (own.total_weight, 2)
            assert shared.smallest_weight == own.s[own.s > 0].min()
            assert_array_equal(shared.label_weights(5), own.label_weights(5))
    again = shared.reweighted(own.s)
    assert again.y is shared.y
    assert again.passes == 0


@every_layout
@pytest.mark.usefixtures("small_blocks")
def test_kept_values_are_those_of_the_model(layout):
    for shared, own in many_models(layout(matrix(2000))):
        for size in (1, own.n_stored // 3):
            calls = []
            twice = shared.keep(lambda block, calls=calls: calls.append(0) or 2 * block.s, size)
            for _ in range(2):
                (found,) = shared.sum(lambda block, f=twice: (block.rmatvec(f(block)),), size)
                assert_allclose(found, 2 * own.X.T @ own.s, rtol=1e-12)
            assert len(calls) == len(shared.blocks(size))


@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_other_weights_copy_no_features(layout):
    n = 100_000
    rows = rows_of(layout(np.ones((n, 30))))
    y, s = np.zeros(n), np.ones(n)
    with NumPyMemory() as memory:
        other = rows.reweighted(s, y)
    assert memory.peak < n  # bytes
    for mine, theirs in zip(rows.blocks(1), other.blocks(1), strict=True):
        assert mine.X is theirs.X
        assert mine.XT is theirs.XT
        assert np.shares_memory(theirs.s, s)


def test_wide_rows_are_not_cut_smaller_than_worthwhile():
    # Every sparse block leaves a sum of n_features numbers behind.
    n_features = 100_000
    X = scipy.sparse.csr_array(np.ones((600, 1000)))
    X.resize((600, n_features))
    blocks = []
    rows_of(X).sum(lambda block: blocks.append(block.X.nnz) or (0.0,), size=n_features)
    assert len(blocks) == 1
    assert SMALL_BLOCKS["SPARSE_BLOCK_NON_ZEROS"] < X.nnz < 4 * n_features * 2


@every_dtype
@pytest.mark.usefixtures("small_blocks")
def test_products_of_all_rows(dtype):
    X = matrix(200, n_features=130).astype(dtype)
    rng = np.random.default_rng(1)
    w, residual, scale = rng.normal(size=130), rng.normal(size=200), rng.random(130)
    center = X.mean(axis=0)
    rtol = 1e-12 if dtype == np.float64 else 1e-5
    expected = [X @ w, X.T @ residual, ((X - center) * scale) @ (X - center).T]
    for n_threads in (1, 2):
        with threads(n_threads) as run:
            rows = rows_of(X, run.map)
            found = [rows.product(w), rows.rmatvec(residual), rows.weighted_gram(scale, center)]
        for product, right in zip(found, expected, strict=True):
            assert product.dtype == np.float64
            assert_allclose(product, right, rtol=rtol, atol=rtol * np.abs(right).max())
        assert rows.passes == 2


@every_layout
def test_blocks_are_joined_where_they_are_smaller_than_their_sum(layout, monkeypatch):
    monkeypatch.setattr("bce_logistic.rows.memory.DENSE_BLOCK_BYTES", 64 * 8 * 3)
    monkeypatch.setattr("bce_logistic.rows.memory.SPARSE_BLOCK_NON_ZEROS", 20)
    monkeypatch.setattr("bce_logistic.rows.memory.BLOCK_NON_ZEROS_PER_FEATURE", 1)
    rows = rows_of(layout(matrix(1000)))
    counts = {}
    for size in (1, rows.n_stored // 4, rows.n_stored, 100 * rows.n_stored):
        blocks = rows.blocks(size)
        counts[size] = len(blocks)
        assert_array_equal(np.concatenate([block.y for block in blocks]), rows.y)
    assert list(counts.values()) == [len(rows.blocks(1)), 4, 2, 2]
    assert counts[1] > 4
