"""What the user gives: never written to, and the dense answer in whatever layout it comes."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix
from sklearn.multiclass import OneVsRestClassifier

from bce_logistic import GDLogisticRegression, inference_table
from bce_logistic.validation.sparse import without_repeats

from ..common import problem, weights


def with_entries(kind, entries, shape):
    """A compressed matrix of the entries (values and positions) of each row or column."""
    values, positions = (np.concatenate([one[i] for one in entries]) for i in (0, 1))
    indptr = np.cumsum([0, *(len(one[0]) for one in entries)])
    return kind((values, positions.astype(np.int32), indptr.astype(np.int32)), shape=shape)


def entries(A):
    """Values and positions of the numbers in each row that are not zero."""
    return [(row[row != 0], np.flatnonzero(row)) for row in A]


def repeated(kind):
    """Each number as two halves, first all of the one and then all of the other."""

    def layout(A):
        rows = A if kind(np.eye(1)).format == "csr" else A.T
        halves = [(np.tile(v / 2, 2), np.tile(j, 2)) for v, j in entries(rows)]
        return with_entries(kind, halves, A.shape)

    return layout


def unsorted(kind):
    return lambda A: with_entries(kind, [(v[::-1], j[::-1]) for v, j in entries(A)], A.shape)


def explicit_zeros(A):
    X = csr_array(np.where(A == 0, 1.0, A))
    X.data[A.ravel() == 0] = 0.0
    return X


def long_indices(A):
    X = csr_array(A)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    return X


def longer_arrays(A):
    """A matrix whose arrays are longer than it says."""
    X = csr_array(A)
    X.data, X.indices = np.append(X.data, [7.0]), np.append(X.indices, [1 << 30]).astype(np.int32)
    return X


def outdated_flags(A):
    """A matrix that remembers to be canonical from before its arrays were set."""
    X, others = csr_array(A), repeated(csr_array)(A)
    assert X.has_canonical_format
    X.data, X.indices, X.indptr = others.data, others.indices, others.indptr
    return X


def repeated_coo(A):
    X = scipy.sparse.coo_array(A)
    row, col = np.tile(X.row, 2), np.tile(X.col, 2)
    return scipy.sparse.coo_matrix((np.tile(X.data / 2, 2), (row, col)), shape=A.shape)


def repeated_blocks(A):
    X = repeated(csr_array)(A)
    data = X.data.reshape(-1, 1, 1)
    return scipy.sparse.bsr_array((data, X.indices, X.indptr), shape=A.shape)


def diagonals(A):
    offsets = np.arange(1 - len(A), A.shape[1])
    data = np.full((len(offsets), A.shape[1]), np.nan)  # which is there outside of the matrix
    for diagonal, k in zip(data, offsets, strict=True):
        inside = np.diagonal(A, k)
        diagonal[max(k, 0) :][: len(inside)] = inside
    return scipy.sparse.dia_matrix((data, offsets), shape=A.shape)


def strided(A):
    wide = np.full((2 * len(A), 2 * A.shape[1]), np.nan)
    wide[::2, ::-2] = A
    return wide[::2, ::-2]


LAYOUTS = {
    "C order": np.ascontiguousarray,
    "Fortran order": np.asfortranarray,
    "strided": strided,
    "csr": csr_matrix,
    "csr, repeated": repeated(csr_matrix),
    "csr_array, repeated": repeated(csr_array),
    "csr, unsorted": unsorted(csr_matrix),
    "csr_array, unsorted": unsorted(csr_array),
    "csr, explicit zeros": explicit_zeros,
    "csr, 64-bit indices": long_indices,
    "csr, longer arrays": longer_arrays,
    "csr, outdated flags": outdated_flags,
    "csc, repeated": repeated(scipy.sparse.csc_matrix),
    "csc": scipy.sparse.csc_array,
    "coo, repeated": repeated_coo,
    "bsr": lambda A: scipy.sparse.bsr_array(A, blocksize=(2, 1)),
    "bsr, repeated": repeated_blocks,
    "dia": diagonals,
    "dok": scipy.sparse.dok_array,
    "lil": scipy.sparse.lil_matrix,
}
every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
COMPRESSED = {name: layout for name, layout in LAYOUTS.items() if name.startswith("csr")}

# The solvers, and what else reads rows in its own way; with the number of classes.
WAYS = {
    "preconditioned": ({"tol": 1e-13}, 2),
    "preconditioned, three classes": ({"tol": 1e-13}, 3),
    "gd": ({"solver": "gd", "max_iter": 30, "tol": 0.0}, 2),
    "mini-batches": ({"batch_size": 16, "max_iter": 5, "tol": 0.0}, 3),
    "early stopping": ({"solver": "gd", "early_stopping": True, "max_iter": 20}, 2),
}
every_way = pytest.mark.parametrize(("params", "n_classes"), WAYS.values(), ids=WAYS)


def arrays_of(data):
    """The arrays that hold some data."""
    if isinstance(data, np.ndarray):
        return [data]
    parts = [part if isinstance(part, tuple) else (part,) for part in vars(data).values()]
    return [array for part in parts for array in part if isinstance(array, np.ndarray)]


def read_only(data):
    for array in arrays_of(data):
        # SciPy itself cannot read lists of lists in read-only arrays.
        array.setflags(write=array.dtype == object)
    return data


class Untouched:
    """Data that must be the same at the end, bit by bit."""

    def __init__(self, *data):
        self.data = data

    def bits(self):
        return [  # the data alone: SciPy keeps flags beside them
            pickle.dumps(
                dict(one.items()) if getattr(one, "format", "") == "dok" else arrays_of(one)
            )
            for one in self.data
        ]

    def __enter__(self):
        self.before = self.bits()

    def __exit__(self, *_):
        assert self.bits() == self.before


def answers(model, X, y, s):
    """What every method of a fitted model says."""
    methods = ("decision_function", "predict", "predict_proba", "predict_log_proba")
    found = {name: getattr(model, name)(X) for name in methods}
    return found | {"score": model.score(X, y, s)}


def rows(n_samples, n_features, n_classes, seed=0):
    """Features that are eighths, of which a half is the same in any order of the sums."""
    X, y = problem(n_samples, n_features, n_classes, seed=seed, density=0.4)
    return np.round(X * 8) / 8, y


def same(found, expected):
    """Equal up to what an objective within 1e-13 of its minimum leaves open in the scores."""
    for name, numbers in expected.items():
        assert_allclose(found[name], numbers, rtol=1e-6, atol=1e-6, err_msg=name)


@every_layout
@every_way
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_any_layout_gives_the_dense_answer_and_stays_as_it_is(layout, params, n_classes):
    A, y = rows(200, 6, n_classes)
    s = weights(200)
    X, y, s = (read_only(data) for data in (layout(A), y, s))
    val = {}
    if "early_stopping" in params:
        A_val, y_val = rows(60, 6, n_classes, seed=1)
        val = {"X_val": read_only(layout(A_val)), "y_val": read_only(y_val)}
    dense = {**val, "X_val": A_val} if val else {}
    expected = GDLogisticRegression(**params).fit(A, y, s, **dense)
    with Untouched(X, y, s, *val.values()):
        model = GDLogisticRegression(**params).fit(X, y, s, **val)
        found = answers(model, X, y, s)
    same(vars(model), {name: vars(expected)[name] for name in ("coef_", "intercept_")})
    same(found, answers(expected, A, y, s))


@every_layout
@pytest.mark.parametrize("shape", [(1500, 3), (120, 330)], ids=["subsample", "heavy columns"])
def test_any_layout_on_the_other_ways_of_the_default_solver(layout, shape):
    A, y = rows(*shape, 2)
    X = read_only(layout(A))
    expected = GDLogisticRegression(tol=1e-13).fit(A, y)
    with Untouched(X):
        model = GDLogisticRegression(tol=1e-13).fit(X, y)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-5, atol=1e-7)


@every_layout
@pytest.mark.parametrize("batch_size", [None, 16])
def test_any_layout_in_a_stream(layout, batch_size):
    A, y = rows(200, 6, 3)
    s = weights(200)
    X, y, s = (read_only(data) for data in (layout(A), y, s))
    model, expected = (GDLogisticRegression(batch_size=batch_size) for _ in range(2))
    with Untouched(X, y, s):
        for _ in range(2):
            model.partial_fit(X, y, range(3), s)
    for _ in range(2):
        expected.partial_fit(A, y, range(3), s)
    assert_allclose(model.coef_, expected.coef_, rtol=1e-9)


@every_layout
def test_any_layout_in_a_table(layout):
    A, y = rows(200, 6, 2)
    s = weights(200)
    X, y, s = (read_only(data) for data in (layout(A), y, s))
    model = GDLogisticRegression(C=np.inf, tol=1e-13).fit(A, y, s)
    with Untouched(X, y, s):
        found = inference_table(model, X, y, s)
    expected = inference_table(model, A, y, s)
    for column in ("coef", "std_err", "p_value"):
        assert_allclose(found[column], expected[column], rtol=1e-9)


def test_threads_and_read_only_products_of_sparse_matrices():
    # joblib's workers map large arrays read-only, and a product has unsorted indices.
    A, y = rows(300, 6, 3)
    X = csr_matrix(A) @ csr_matrix(np.eye(6)[::-1] + np.eye(6))
    assert not X.has_sorted_indices
    model = OneVsRestClassifier(GDLogisticRegression(tol=1e-12)).fit(read_only(X), y)
    expected = OneVsRestClassifier(GDLogisticRegression(tol=1e-12)).fit(X.toarray(), y)
    assert_allclose(model.decision_function(X), expected.decision_function(X.toarray()), rtol=1e-6)


@st.composite
def compressed(draw):
    """Any CSR that SciPy calls valid: entries in any order, repeated, zero, or none."""
    n_rows, n_columns = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    entry = st.tuples(st.integers(-8, 8).map(lambda n: n / 8), st.integers(0, n_columns - 1))
    lists = draw(st.lists(st.lists(entry, max_size=8), min_size=n_rows, max_size=n_rows))
    by_row = [
        (np.array([v for v, _ in row]), np.array([j for _, j in row], dtype=np.int32))
        for row in lists
    ]
    kind = draw(st.sampled_from([csr_array, csr_matrix]))
    X = with_entries(kind, by_row, (n_rows, n_columns))
    X.indices = X.indices.astype(draw(st.sampled_from([np.int32, np.int64])))
    X.indptr = X.indptr.astype(X.indices.dtype)
    return X


@given(X=compressed())
def test_repeated_entries_are_added_up(X):
    with Untouched(read_only(X)):
        found = without_repeats(X)
        dense = X.toarray()
    for i in range(X.shape[0]):
        entries = found.indices[found.indptr[i] : found.indptr[i + 1]]
        assert len(np.unique(entries)) == len(entries)
    assert_array_equal(found.toarray(), dense)


@pytest.mark.parametrize(
    "layout", [csr_matrix, csr_array, long_indices, unsorted(csr_matrix), unsorted(csr_array)]
)
def test_rows_without_repeated_entries_are_not_copied(layout):
    X = layout(rows(50, 6, 2)[0])
    found = without_repeats(X)
    for name in ("data", "indices", "indptr"):
        assert np.shares_memory(getattr(found, name), getattr(X, name))
