"""Features, labels and weights: kinds that give one answer, and those that are refused."""

from __future__ import annotations

import itertools
import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.special
from numpy.testing import assert_allclose, assert_array_equal

from ..common import SOLVERS, every_solver, problem, weights
from .common import every_number_of_classes, fit, fitted, multiples, refuses, same_model


def with_indices(X, dtype):
    sparse = scipy.sparse.csr_array(X)
    sparse.indices, sparse.indptr = (a.astype(dtype) for a in (sparse.indices, sparse.indptr))
    return sparse


def with_room(X):
    """A CSR matrix that has room for more non-zeros, filled with nonsense."""
    sparse = scipy.sparse.csr_array(X)
    sparse.data = np.append(sparse.data, [99.0] * 5)
    sparse.indices = np.append(sparse.indices, [-7] * 5).astype(sparse.indices.dtype)
    return sparse


KINDS = {
    "list": lambda X: X.tolist(),
    "ints in lists": lambda X: X.astype(int).tolist(),
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "object": lambda X: X.astype(object),
    "no mask": np.ma.masked_array,
    "big-endian": lambda X: X.astype(">f8"),
    "big-endian float32": lambda X: X.astype(">f4"),
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr_array": scipy.sparse.csr_array,
    "csc": scipy.sparse.csc_array,
    "coo": scipy.sparse.coo_array,
    "lil": scipy.sparse.lil_array,
    "unsigned indices": lambda X: with_indices(X, np.uint32),
    "sparse ints": lambda X: scipy.sparse.csr_array(X.astype(np.int32)),
    "sparse with room to spare": with_room,
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


@every_kind
@every_solver
@every_number_of_classes
def test_kinds_of_features_give_one_answer(kind, solver, n_classes):
    X, y = multiples(n_classes)
    dense = fit(solver, X, y)
    model = fit(solver, kind(X), y)
    same_model(model, dense)
    assert model.coef_.dtype == np.float64
    assert_allclose(model.predict_proba(kind(X)), dense.predict_proba(X), rtol=1e-5)
    assert_allclose(dense.predict_proba(kind(X)), dense.predict_proba(X), rtol=1e-12)


@every_solver
@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int16, np.int64, np.float16, np.longdouble]
)
def test_other_numbers_become_double_precision(solver, dtype):
    X, y = multiples()
    X = np.abs(X)
    model = fit(solver, X.astype(dtype), y)
    same_model(model, fit(solver, X, y))
    assert model.coef_.dtype == np.float64


@every_solver
def test_boolean_features(solver):
    X, y = problem()
    X = X > 0
    same_model(fit(solver, X, y), fit(solver, X.astype(float), y))
    same_model(fit(solver, scipy.sparse.csr_array(X), y), fit(solver, X.astype(float), y))


@every_solver
@every_number_of_classes
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
def test_single_precision_stays(solver, n_classes, layout):
    X, y = multiples(n_classes)
    # The gradient of single-precision rows is known to about 1e-7 of its largest terms.
    tol = 1e-9 if solver["solver"] == "preconditioned" else 1e-6
    model = fit(solver, layout(X.astype(np.float32)), y, tol=tol)
    assert model.coef_.dtype == model.intercept_.dtype == np.float32
    same_model(model, fit(solver, X, y), rtol=1e-4)
    proba = model.predict_proba(layout(X.astype(np.float32)))
    assert proba.dtype == np.float32
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)


@every_solver
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize("format", ["csr", "csc", "coo"])
def test_sparse_index_types(solver, index, format):
    X, y = multiples()
    sparse = scipy.sparse.coo_array(X)
    sparse.row, sparse.col = (a.astype(index) for a in (sparse.row, sparse.col))
    sparse = sparse.asformat(format)
    if format != "coo":
        sparse.indices, sparse.indptr = (a.astype(index) for a in (sparse.indices, sparse.indptr))
    same_model(fit(solver, sparse, y), fit(solver, X, y))


@every_solver
def test_sparse_rows_with_entries_twice_and_out_of_order(solver):
    X, y = multiples()
    sparse = scipy.sparse.csr_array(X)
    order = np.concatenate(
        [np.arange(a, b)[::-1] for a, b in itertools.pairwise(sparse.indptr)]
    ).astype(int)
    data, indices = sparse.data[order] / 2, sparse.indices[order]
    twice = scipy.sparse.csr_array(
        (np.repeat(data, 2), np.repeat(indices, 2), sparse.indptr * 2), shape=X.shape
    )
    assert not twice.has_canonical_format
    same_model(fit(solver, twice, y), fit(solver, X, y))


@every_solver
def test_sparse_features_are_never_made_dense(solver, monkeypatch):
    X, y = problem(n_samples=200, n_features=40, density=0.1)

    def refuse(self, *args, **kwargs):
        if self.shape[0] > 1 and self.shape[0] != self.shape[1]:  # a Gram matrix may be dense
            raise AssertionError("made dense")
        return dense_again(self, *args, **kwargs)

    for kind in ("csr", "csc", "coo"):
        for suffix in ("array", "matrix"):
            cls = getattr(scipy.sparse, f"{kind}_{suffix}")
            dense_again = cls.toarray
            monkeypatch.setattr(cls, "toarray", refuse)
            monkeypatch.setattr(cls, "todense", refuse)
            model = fit(solver, cls(X), y, max_iter=20, tol=0.0)
            model.predict_proba(cls(X))
            monkeypatch.undo()


@pytest.mark.parametrize("params", [{}, {"learning_rate": 0.1}, {"nesterov": True}], ids=str)
def test_more_features_than_a_dense_matrix_could_hold(params):
    # Dense, these rows would be 40 GB.
    n_samples, n_features, per_row = 10_000, 500_000, 10
    rng = np.random.default_rng(0)
    indices = rng.integers(n_features, size=n_samples * per_row, dtype=np.int32)
    X = scipy.sparse.csr_array(
        (np.ones(len(indices)), indices, np.arange(0, len(indices) + 1, per_row)),
        shape=(n_samples, n_features),
    )
    y = rng.integers(2, size=n_samples)
    tracemalloc.start()
    model = fit({"solver": "gd"}, X, y, max_iter=2, tol=0.0, **params)
    assert model.loss_curve_[-1] < model.loss_curve_[0]
    assert model.predict_proba(X).shape == (n_samples, 2)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50 * 8 * n_features  # of vectors as long as the coefficients, a few dozen


FRAMES = ["pandas", "polars"]


@pytest.mark.parametrize("library", FRAMES)
@every_solver
def test_frames_and_their_names(library, solver):
    frames = pytest.importorskip(library)
    X, y = problem(n_features=3)
    names = ["age", "height", "weight"]
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate(names)})
    labels = frames.Series(["yes" if y_i else "no" for y_i in y])
    model = fit(solver, frame, labels, frames.Series(np.ones(len(y))))
    assert_array_equal(model.feature_names_in_, names)
    assert model.n_features_in_ == 3
    assert_array_equal(model.classes_, ["no", "yes"])
    same_model(model, fit(solver, X, y))
    assert_array_equal(model.predict(frame) == "yes", fit(solver, X, y).predict(X) == 1)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["height", "age", "weight"]])
    model.fit(X, y)
    assert not hasattr(model, "feature_names_in_")


LABELS = {
    "str": np.array(["a", "b", "c"]),
    "object": np.array(["a", "b", "c"], dtype=object),
    "int": np.array([1, 2, 3]),
    "negative": np.array([-7, -1, 100]),
    "float integers": np.array([-1.0, 0.0, 5.0]),
    "int8": np.array([-128, 0, 127], dtype=np.int8),
}


@pytest.mark.parametrize("labels", LABELS.values(), ids=LABELS)
@every_number_of_classes
@every_solver
def test_labels_of_any_kind(labels, n_classes, solver):
    X, y = problem(n_classes=n_classes)
    model, reference = fit(solver, X, labels[y]), fit(solver, X, y)
    assert_array_equal(model.classes_, labels[:n_classes])
    assert model.classes_.dtype == labels.dtype
    same_model(model, reference)
    assert_array_equal(model.predict(X), labels[reference.predict(X)])
    assert model.predict(X).dtype == labels.dtype
    assert_allclose(model.score(X, labels[y]), np.mean(reference.predict(X) == y), rtol=1e-15)
    same_model(fit(solver, X, labels[y].tolist()), reference)


@every_solver
def test_class_weights_of_named_labels(solver):
    X, y = problem()
    named = fit(solver, X, np.array(["no", "yes"])[y], class_weight={"yes": 3.0})
    same_model(named, fit(solver, X, y, class_weight={1: 3.0}))


@every_solver
@pytest.mark.parametrize("kind", [*KINDS.values(), np.float32], ids=[*KINDS, "float32"])
def test_input_is_not_modified(kind, solver):
    X, y = problem(density=0.5)
    data = kind(X), y, weights(len(y))
    before = [pickle.dumps(part) for part in data]
    model = fit(solver, *data, class_weight="balanced", max_iter=20, tol=0.0)
    model.predict_log_proba(data[0])
    assert [pickle.dumps(part) for part in data] == before


# Each evaluates other quantities first.
RULES = {**SOLVERS, "fixed": {"solver": "gd", "learning_rate": 0.1}}
every_rule = pytest.mark.parametrize("solver", RULES.values(), ids=RULES)
SOME_SPARSE = [np.array, scipy.sparse.csr_array, scipy.sparse.csc_matrix]


@every_rule
@pytest.mark.parametrize("layout", SOME_SPARSE, ids=["dense", "csr", "csc"])
@pytest.mark.parametrize(("bad", "match"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("warm_start", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("weight", [1.0, 0.0])
def test_features_that_are_not_finite(solver, layout, bad, match, warm_start, weight, data):
    X, y = data
    X[17, 2] = bad
    s = np.ones(len(y))
    s[17] = weight
    refuses(fitted(solver, warm_start), layout(X), y, s, match=match)


@every_solver
@pytest.mark.parametrize("layout", SOME_SPARSE, ids=["dense", "csr", "csc"])
@pytest.mark.parametrize(("bad", "match"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_many_features_that_are_not_finite(solver, layout, bad, match):
    X, y = problem(n_features=510)
    model = fit(solver, X, y, max_iter=2, tol=0.0)
    X[17, 2] = bad
    refuses(model, layout(X), y, match=match)


@every_solver
@pytest.mark.parametrize("layout", SOME_SPARSE, ids=["dense", "csr", "csc"])
@pytest.mark.parametrize("n_features", [4, 510])
def test_features_so_large_that_nothing_can_be_learnt(solver, layout, n_features):
    X, y = problem(n_features=n_features)
    model = fit(solver, X, y, max_iter=2, tol=0.0)
    refuses(model, layout(X * 1e300), y, match="StandardScaler")


@pytest.mark.parametrize("layout", SOME_SPARSE, ids=["dense", "csr", "csc"])
@pytest.mark.parametrize(("dtype", "scale"), [(np.float32, 1e30), (np.float64, 1e200)])
@every_solver
def test_large_features_are_learnt_from_or_refused(solver, layout, dtype, scale, data):
    # Their squares overflow: an error or a fit, but no model that has learnt nothing.
    X, y = data
    try:
        model = fit(solver, layout((X * scale).astype(dtype)), y, max_iter=20, tol=0.0)
    except ValueError as error:
        assert "StandardScaler" in str(error)  # noqa: PT017
    else:
        assert model.loss_curve_[-1] < model.loss_curve_[0]


def test_large_features_are_learnt_from(data):
    # Far from the limit a scale is only a scale.
    X, y = data
    small = fit({"solver": "gd"}, X, y, C=np.inf, fit_intercept=False, max_iter=50, tol=0.0)
    for scale in (1e-100, 1e-10, 1e10, 1e100):
        large = fit(
            {"solver": "gd"}, X * scale, y, C=np.inf, fit_intercept=False, max_iter=50, tol=0.0
        )
        assert_allclose(large.coef_ * scale, small.coef_, rtol=1e-9)


BAD_LABELS = {
    "NaN": (lambda y: np.where(y == 1, np.nan, 0.0), ValueError, "NaN"),
    "continuous": (lambda y: y + 0.5, ValueError, "continuous"),
    "infinite": (lambda y: np.where(y == 1, np.inf, 0.0), ValueError, "infinity"),
    "NaN among text": (
        lambda y: np.array([np.nan, *np.where(y, "a", "b")[1:]], dtype=object),
        ValueError,
        "NaN",
    ),
    "None among text": (
        lambda y: np.array([None, *np.where(y, "a", "b")[1:]], dtype=object),
        ValueError,
        "missing label.*position 0",
    ),
    "mixed in a list": (lambda y: [1 if i else "a" for i in y], TypeError, "mixes text"),
    "masked": (lambda y: np.ma.masked_array(y, mask=np.arange(len(y)) == 3), ValueError, "masked"),
    "complex": (lambda y: y + 1j, ValueError, "Complex"),
    "ragged": (lambda y: [[1, 2] if i else [1] for i in y], ValueError, "inhomogeneous"),
    "one class": (np.zeros_like, ValueError, "one class"),
    "mixed": (lambda y: np.array([1 if i else "a" for i in y], dtype=object), TypeError, "'<'"),
    "two columns": (lambda y: np.column_stack([y, y]), ValueError, "sums to"),
    "three dimensions": (lambda y: y[:, None, None], ValueError, "dim"),
    "too short": (lambda y: y[:-1], ValueError, "inconsistent numbers of samples"),
    "nothing": (lambda y: None, ValueError, "requires y"),
}


@every_solver
@pytest.mark.parametrize(("spoil", "error", "match"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels_that_are_refused(solver, spoil, error, match, data):
    X, y = data
    refuses(fitted(solver), X, spoil(y), error=error, match=match)


BAD_WEIGHTS = {
    "infinite number": (lambda y: np.inf, "infinity"),
    "negative number": (lambda y: -1, "negative"),
    "text": (lambda y: np.full(len(y), "1"), "not numbers"),
    "text in a list": (lambda y: ["heavy"] * len(y), "could not convert"),
    "dates": (lambda y: np.full(len(y), np.datetime64("2020-01-01")), "not numbers"),
    "complex": (lambda y: y + 1j, "Complex"),
    "masked": (lambda y: np.ma.masked_array(np.ones(len(y)), mask=y == 1), "masked"),
    "missing": (lambda y: [None] * len(y), "NaN"),
    "nothing": (lambda y: [], "0 sample"),
    "without a finite sum": (lambda y: np.full(len(y), 1e308), "sum overflows"),
    "a number without a finite sum": (lambda y: 1e308, "sum overflows"),
    "sparse": (lambda y: scipy.sparse.csr_array(np.ones((1, len(y)))), "dense"),
    "sparse column": (lambda y: scipy.sparse.csr_array(np.ones((len(y), 1))), "dense"),
    "no array": (lambda y: {}, "float"),
    "negative": (lambda y: np.where(y == 1, -1.0, 1.0), "negative"),
    "NaN": (lambda y: np.where(y == 1, np.nan, 1.0), "NaN"),
    "infinite": (lambda y: np.where(y == 1, np.inf, 1.0), "infinity"),
    "zero": (lambda y: np.zeros(len(y)), "zero for every sample"),
    "too short": (lambda y: np.ones(len(y) - 1), "sample_weight.shape"),
    "two-dimensional": (lambda y: np.ones((len(y), 1)), "1D"),
}


@every_solver
@pytest.mark.parametrize(("spoil", "match"), BAD_WEIGHTS.values(), ids=BAD_WEIGHTS)
def test_weights_that_are_refused(solver, spoil, match, data):
    X, y = data
    refuses(fitted(solver), X, y, spoil(y), error=(ValueError, TypeError), match=match)


def masked(X):
    return np.ma.masked_array(X, mask=np.arange(X.size).reshape(X.shape) == 5)


BAD_FEATURES = {
    "one-dimensional": (lambda X: X[:, 0], "2D array"),
    "three-dimensional": (lambda X: X[:, :, None], "dim 3"),
    "a number": (lambda X: 1.0, "2D array"),
    "nothing": (lambda X: None, "2D array"),
    "no array": (lambda X: {"a": 1}, "float"),
    "no samples": (lambda X: X[:0], "0 sample"),
    "no samples, sparse": (lambda X: scipy.sparse.csr_array(X[:0]), "0 sample"),
    "no features": (lambda X: X[:, :0], "0 feature"),
    "no features, sparse": (lambda X: scipy.sparse.csr_array(X[:, :0]), "0 feature"),
    "ragged": (lambda X: [[1.0, 2.0]] + [[1.0]] * (len(X) - 1), "inhomogeneous"),
    "text": (lambda X: X.astype(str).astype(object) + "x", "could not convert"),
    "text in lists": (lambda X: [["a", "b"]] * len(X), "could not convert"),
    "numbers as text": (lambda X: X.astype(str), "not numbers"),
    "bytes": (lambda X: X.astype("S"), "not numbers"),
    "objects": (lambda X: np.full(X.shape, object()), "float"),
    "missing objects": (lambda X: np.full(X.shape, None), "NaN"),
    "complex": (lambda X: X + 1j, "Complex"),
    "complex, sparse": (lambda X: scipy.sparse.csr_array(X + 1j), "Complex"),
    "dates": (lambda X: np.full(X.shape, np.datetime64("2020-01-01")), "not numbers"),
    "durations": (lambda X: np.full(X.shape, np.timedelta64(1, "D")), "not numbers"),
    "records": (lambda X: np.zeros(X.shape, dtype=[("a", float)]), "not numbers"),
    "matrix": (np.matrix, "np.matrix"),
    "masked": (masked, "masked"),
    "float32 that overflowed": (lambda X: (X * 1e39).astype(np.float32), "infinity"),
}


@every_solver
@pytest.mark.parametrize(("spoil", "match"), BAD_FEATURES.values(), ids=BAD_FEATURES)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_features_that_are_refused(solver, spoil, match, data):
    X, y = data
    X = spoil(X)
    n_samples = X.shape[0] if hasattr(X, "shape") else len(y)
    refuses(fitted(solver), X, y[:n_samples], error=(ValueError, TypeError), match=match)


@every_solver
def test_one_class_or_one_sample(solver, data):
    X, y = data
    for kept in (y == 0, y == 1, np.arange(len(y)) == 0):
        refuses(fitted(solver), X[kept], y[kept], match="one class")


@every_solver
@pytest.mark.parametrize(("bad", "match"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_memory_mapped_features_that_are_not_finite(solver, bad, match, data, tmp_path):
    X, y = data
    X[17, 2] = bad
    np.save(tmp_path / "X.npy", X)
    refuses(fitted(solver), np.load(tmp_path / "X.npy", mmap_mode="r"), y, match=match)


@pytest.mark.parametrize("library", FRAMES)
@every_solver
def test_frames_that_are_refused(library, solver, data):
    frames = pytest.importorskip(library)
    _, y = data
    days = np.full(len(y), np.datetime64("2020-01-01", "us"))
    for column, match in (
        (days, "not numbers"),
        (np.where(y, "a", "b"), "could not convert|no num"),
    ):
        refuses(fitted(solver), frames.DataFrame({"a": column}), y, match=match)
    missing = frames.DataFrame({"a": [None if i else 1.0 for i in y]})
    refuses(fitted(solver), missing, y, match="NaN")


def corrupt(format, array, position, number):
    def spoil(X):
        sparse = scipy.sparse.csr_array(X).asformat(format)
        numbers = getattr(sparse, array).copy()
        numbers[position] = number
        setattr(sparse, array, numbers)
        return sparse

    return spoil


def shortened(array):
    def spoil(X):
        sparse = scipy.sparse.csr_array(X)
        setattr(sparse, array, getattr(sparse, array)[:-1])
        return sparse

    return spoil


def with_float_indices(X):
    sparse = scipy.sparse.csr_array(X)
    sparse.indices = sparse.indices.astype(float)
    return sparse


CORRUPT = {
    "column too large": corrupt("csr", "indices", 7, 4),
    "column far too large": corrupt("csr", "indices", 7, 10**9),
    "column negative": corrupt("csr", "indices", -1, -1),
    "rows not in order": corrupt("csr", "indptr", 5, 0),
    "first row not at zero": corrupt("csr", "indptr", 0, 1),
    "last row beyond the end": corrupt("csr", "indptr", -1, 10_000),
    "too few numbers": shortened("data"),
    "too few columns": shortened("indices"),
    "too few rows": shortened("indptr"),
    "columns no integers": with_float_indices,
    "csc, row too large": corrupt("csc", "indices", 7, 80),
    "coo, row too large": corrupt("coo", "row", 7, 80),
    "coo, column negative": corrupt("coo", "col", 7, -1),
}


@every_solver
@pytest.mark.parametrize("spoil", CORRUPT.values(), ids=CORRUPT)
def test_corrupt_sparse_features(solver, spoil, data):
    X, y = data
    X = spoil(X)
    model = fitted(solver)
    refuses(model, X, y, match="corrupt")
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(ValueError, match="corrupt"):
            getattr(model, method)(X)


@every_solver
def test_subnormal_and_tiny_features(solver, data):
    X, y = data
    reference = fit(solver, X, y)
    for tiny in (5e-324, 1e-310, 1e-200):
        model = fit(solver, np.column_stack([X, np.full(len(y), tiny)]), y)
        assert_allclose(model.coef_[:, :-1], reference.coef_, rtol=1e-5)


@every_solver
def test_unusual_labels_and_weights(solver, data):
    X, y = data
    reference = fit(solver, X, y)
    boolean = fit(solver, X, y == 1)
    assert_array_equal(boolean.classes_, [False, True])
    assert boolean.predict(X).dtype == bool
    for labels in (y == 1, np.ma.masked_array(y)):
        same_model(fit(solver, X, labels), reference)
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    same_model(fit(solver, X, days[y]), reference)
    for s in (1, 1.0, np.float32(1), True, np.ones(len(y), dtype=bool), [1] * len(y)):
        same_model(fit(solver, X, y, s), reference)
    # Weights of any size, with a penalty that keeps its share.
    for size in (1e-100, 1e100):
        same_model(fit(solver, X, y, np.full(len(y), size), C=1 / size), reference)
