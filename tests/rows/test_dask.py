"""Dask collections: the model is that of the same rows in memory, whatever befalls a worker."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic import GDLogisticRegression

from ..common import probabilities, problem, weights

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")
dd = pytest.importorskip("dask.dataframe")
cloudpickle = pytest.importorskip("cloudpickle")
pd = pytest.importorskip("pandas")

from bce_logistic.estimators.fitted_state import set_fitted_attributes  # noqa: E402
from bce_logistic.rows.dask import DaskRows, DenseChunk, dask_rows  # noqa: E402
from bce_logistic.rows.memory import row_blocks  # noqa: E402
from bce_logistic.rows.training_data import weigh  # noqa: E402

N_SAMPLES, CHUNK = 2000, 300
NAMES = ["age", "height", "weight", "income"]
EXACT = {"tol": 1e-13}


@pytest.fixture(autouse=True)
def one_thread():
    with dask.config.set(scheduler="synchronous"):
        yield


def lazy(array, chunk=CHUNK):
    return da.from_array(array, chunks=(chunk, *array.shape[1:]))


def forget_lengths(array):
    """The same, as if the lengths of its chunks were not known."""
    copied = array.map_blocks(np.copy)
    copied._chunks = (tuple(np.nan for _ in array.chunks[0]), *array.chunks[1:])
    return copied


def unknown(array):
    return forget_lengths(lazy(array))


def frame(X):
    return dd.from_pandas(pd.DataFrame(X, columns=NAMES), npartitions=6)


def series(y):
    return dd.from_pandas(pd.Series(y), npartitions=6)


LAYOUTS = {
    "dense": (lazy, lazy),
    "columns in two chunks": (lambda X: da.from_array(X, chunks=(500, 3)), lazy),
    "one chunk": (lambda X: lazy(X, N_SAMPLES), lazy),
    "csr_matrix": (lambda X: lazy(X).map_blocks(scipy.sparse.csr_matrix), lazy),
    "csr_array": (lambda X: lazy(X).map_blocks(scipy.sparse.csr_array), lazy),
    "unknown lengths": (unknown, unknown),
    "frame": (frame, series),
}
every_layout = pytest.mark.parametrize(("features", "labels"), LAYOUTS.values(), ids=LAYOUTS)


def data(n_classes=2, dtype=np.float64):
    X, y = problem(n_samples=N_SAMPLES, n_classes=n_classes, density=0.7)
    return X.astype(dtype), y


def same(model, other, rtol=1e-10):
    scale = np.abs(other.coef_).max()
    assert_array_equal(model.classes_, other.classes_)
    assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=rtol * scale)
    assert_allclose(model.intercept_, other.intercept_, rtol=rtol, atol=rtol * scale)
    assert model.coef_.dtype == other.coef_.dtype


# The optimum.


@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"class_weight": "balanced"},
        {"class_weight": {0: 0.3}, "fit_intercept": False, "C": 0.1},
    ],
    ids=["plain", "balanced", "class weights"],
)
def test_the_model_is_that_of_the_rows_in_memory(features, labels, n_classes, params):
    X, y = data(n_classes)
    s = weights(N_SAMPLES)
    model = GDLogisticRegression(**EXACT, **params).fit(features(X), labels(y), labels(s))
    same(model, GDLogisticRegression(**EXACT, **params).fit(X, y, s))
    assert model.n_features_in_ == 4


@every_layout
def test_single_precision_stays(features, labels):
    X, y = data(dtype=np.float32)
    model = GDLogisticRegression(tol=1e-9).fit(features(X), labels(y))
    assert model.coef_.dtype == np.float32
    same(model, GDLogisticRegression(tol=1e-9).fit(X, y), rtol=1e-4)
    assert model.predict_proba(features(X)).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.int16, bool])
def test_other_numbers_become_double_precision(dtype):
    X, y = data()
    X = (X > 0).astype(dtype)
    same(
        GDLogisticRegression(**EXACT).fit(lazy(X), lazy(y)), GDLogisticRegression(**EXACT).fit(X, y)
    )


@every_layout
def test_textbook_descent(features, labels):
    X, y = data()
    params = {"solver": "gd", "nesterov": True, "max_iter": 30, "tol": 0.0}
    model = GDLogisticRegression(**params).fit(features(X), labels(y))
    same(model, GDLogisticRegression(**params).fit(X, y))
    assert model.n_iter_[0] == 30


@pytest.mark.parametrize("n_features", [400, 1200], ids=["one factor", "heavy columns"])
def test_wide_sparse_rows(n_features):
    X, y = problem(n_samples=3000, n_features=n_features, density=0.01)
    rows = lazy(X, 1000).map_blocks(scipy.sparse.csr_array)
    model = GDLogisticRegression(tol=1e-14).fit(rows, lazy(y, 1000))
    same(model, GDLogisticRegression(tol=1e-14).fit(scipy.sparse.csr_array(X), y), rtol=1e-6)


def test_sparse_chunks_with_repeated_entries():
    X, y = problem(n_samples=3000, n_features=400, density=0.01)

    def halves(part):
        # Each number is there twice, as a half.
        A = scipy.sparse.csr_array(part)
        indices, data = np.repeat(A.indices, 2), np.repeat(A.data / 2, 2)
        return scipy.sparse.csr_array((data, indices, A.indptr * 2), shape=A.shape)

    rows = lazy(X, 1000).map_blocks(halves).persist()
    stored = [part.compute().nnz for part in rows.to_delayed().ravel()]
    model = GDLogisticRegression(tol=1e-14).fit(rows, lazy(y, 1000))
    same(model, GDLogisticRegression(tol=1e-14).fit(X, y), rtol=1e-6)
    assert [part.compute().nnz for part in rows.to_delayed().ravel()] == stored
    assert sum(stored) == 2 * np.count_nonzero(X)


@pytest.mark.parametrize("sample_weight", [None, 2, 0.5])
def test_one_weight_for_all(sample_weight):
    X, y = data()
    model = GDLogisticRegression(**EXACT).fit(lazy(X), lazy(y), sample_weight)
    same(model, GDLogisticRegression(**EXACT).fit(X, y, sample_weight))


@pytest.mark.parametrize("labels", [["no", "yes"], [-1, 7], [False, True], [2.0, 3.0]])
def test_labels_of_any_kind(labels):
    X, y = data()
    y = np.array(labels)[y]
    model = GDLogisticRegression().fit(lazy(X), lazy(y))
    same(model, GDLogisticRegression().fit(X, y))
    assert_array_equal(model.predict(lazy(X)).compute(), model.predict(X))


@pytest.mark.parametrize("dtype", [object, "str", "category", "Int64"])
def test_labels_of_a_series(dtype):
    X, y = data()
    names = pd.DataFrame(X, columns=NAMES)
    y = pd.Series(y if dtype == "Int64" else np.array(["no", "yes"])[y]).astype(dtype)
    model = GDLogisticRegression().fit(frame(X), dd.from_pandas(y, npartitions=6))
    same(model, GDLogisticRegression().fit(names, y))
    assert_array_equal(model.predict(frame(X)).compute(), model.predict(names))


def test_classes_that_are_not_in_every_chunk():
    X, y = data(3)
    order = np.argsort(y, kind="stable")
    X, y = X[order], y[order]
    model = GDLogisticRegression(**EXACT).fit(lazy(X), lazy(y), lazy(weights(N_SAMPLES)))
    same(model, GDLogisticRegression(**EXACT).fit(X, y, weights(N_SAMPLES)))


def test_no_penalty_and_separated_classes():
    X, y = data()
    X[:, 0] = np.where(y == 1, 1.0, -1.0)
    with pytest.warns(UserWarning, match="separated perfectly, by"):
        model = GDLogisticRegression(C=np.inf).fit(lazy(X), lazy(y), lazy(weights(N_SAMPLES)))
    assert model.stop_reason_ == "separated"


def test_some_samples_separated():
    X, y = data()
    X[:, 0] = np.arange(N_SAMPLES) % 20 == 0
    y[X[:, 0] == 1] = 1
    with pytest.warns(UserWarning, match="separated perfectly, by x0:"):
        model = GDLogisticRegression(C=np.inf).fit(lazy(X), lazy(y), lazy(weights(N_SAMPLES)))
    assert model.stop_reason_ == "separated"


def with_empty_chunks(array):
    """Twenty chunks that are empty, then some that are not, and empty ones between."""
    lengths = (*[0] * 20, 700, 0, len(array) - 700, 0)
    assert array.shape[0] == sum(lengths)
    return da.from_array(array, chunks=(lengths, *((n,) for n in array.shape[1:])))


@pytest.mark.parametrize("known", [True, False])
def test_empty_chunks(known):
    X, y = data()
    X_lazy, y_lazy, s_lazy = map(with_empty_chunks, (X, y, weights(N_SAMPLES)))
    assert X_lazy.npartitions == 24
    if not known:
        X_lazy, y_lazy, s_lazy = map(forget_lengths, (X_lazy, y_lazy, s_lazy))
    model = GDLogisticRegression(**EXACT).fit(X_lazy, y_lazy, s_lazy)
    same(model, GDLogisticRegression(**EXACT).fit(X, y, weights(N_SAMPLES)))
    assert_allclose(model.predict_proba(X_lazy).compute(), model.predict_proba(X), rtol=1e-12)
    assert_allclose(model.score(X_lazy, y_lazy), model.score(X, y), rtol=1e-12)


@pytest.mark.parametrize(("n_classes", "absent"), [(2, [0]), (3, [1]), (4, [0, 2]), (4, [1, 2, 3])])
@pytest.mark.parametrize("n_samples", [N_SAMPLES, 20_000])
def test_classes_without_weight(n_classes, absent, n_samples):
    X, y = problem(n_samples=n_samples, n_classes=n_classes)
    s = np.where(np.isin(y, absent), 0.0, weights(n_samples))
    with pytest.warns(UserWarning, match="have no weight"):
        model = GDLogisticRegression(**EXACT).fit(lazy(X), lazy(y), lazy(s))
    with pytest.warns(UserWarning, match="have no weight"):
        same(model, GDLogisticRegression(**EXACT).fit(X, y, s))


def test_warm_start():
    X, y = data()
    model = GDLogisticRegression(warm_start=True).fit(lazy(X), lazy(y))
    again = model.n_iter_[0]
    assert model.fit(lazy(X), lazy(y)).n_iter_[0] <= again


# Passes, and what travels.


def test_every_read_of_a_chunk_is_a_pass(monkeypatch):
    reads, passes = Counter(), set()

    def counted(estimator, solver, objective, *rest):
        passes.add(objective.rows.passes)
        set_fitted_attributes(estimator, solver, objective, *rest)

    module = "bce_logistic.estimators.logistic_regression"
    monkeypatch.setattr(f"{module}.set_fitted_attributes", counted)

    def load(i):
        reads[i] += 1
        return np.random.default_rng(i).normal(size=(5000, 9))

    table = da.concatenate(
        [da.from_delayed(dask.delayed(load)(i), (5000, 9), float) for i in range(4)]
    )
    X, y = table[:, :8], (table[:, :4].sum(axis=1) + table[:, 8] > 0.3).astype(int)
    model = GDLogisticRegression().fit(X, y)
    # The first chunk is read once more, to find out whether the data are sparse.
    (passes,) = passes
    assert reads == {0: passes + 1, 1: passes, 2: passes, 3: passes}
    # One for each iterate and the start; one each for labels and subsample; two for the gap.
    assert model.n_iter_[0] < passes <= model.n_iter_[0] + 5


def test_the_data_stay_where_they_are(monkeypatch):
    X, y = problem(n_samples=20_000, n_features=20)
    sizes = []
    total = DaskRows.sum

    def measured(self, function, size):
        sizes.append(len(cloudpickle.dumps(function)))
        return total(self, function, size)

    monkeypatch.setattr(DaskRows, "sum", measured)
    for params in ({}, {"solver": "gd", "max_iter": 3, "tol": 0.0}):
        GDLogisticRegression(**params).fit(lazy(X, 5000), lazy(y, 5000))
    assert len(sizes) > 5
    assert max(sizes) < 10_000


def test_dask_is_not_imported_for_arrays():
    code = (
        "import sys, numpy as np; from bce_logistic import GDLogisticRegression as Model;"
        "X = np.eye(4); Model().fit(X, [0, 1, 0, 1]).score(X, [0, 1, 0, 1]);"
        "sys.exit('dask' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# Predictions.


@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_are_lazy(features, labels, n_classes):
    X, y = data(n_classes)
    model = GDLogisticRegression().fit(X, np.array(["a", "b", "c"])[y])
    X_lazy = features(X)
    if features is frame:
        model.fit(pd.DataFrame(X, columns=NAMES), np.array(["a", "b", "c"])[y])
        X = pd.DataFrame(X, columns=NAMES)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        expected, found = getattr(model, method)(X), getattr(model, method)(X_lazy)
        assert isinstance(found, da.Array)
        assert found.dtype == found._meta.dtype == expected.dtype
        assert found.ndim == found._meta.ndim == expected.ndim
        assert found.shape[1:] == expected.shape[1:]
        assert_array_equal(found.chunks[0], getattr(X_lazy, "chunks", [[np.nan] * 6])[0])
        if expected.dtype.kind == "f":
            assert_allclose(found.compute(), expected, rtol=1e-9, atol=1e-12)
        else:
            assert_array_equal(found.compute(), expected)


def test_a_prediction_is_that_of_the_model_as_it_was():
    X, y = data()
    model = GDLogisticRegression().fit(X, y)
    expected, found = model.decision_function(X), model.decision_function(lazy(X))
    model.fit(-X, y)
    assert_allclose(found.compute(), expected, rtol=1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@every_layout
def test_score(features, labels, weighted):
    X, y = data()
    s = weights(N_SAMPLES) if weighted else None
    model = GDLogisticRegression().fit(X, y)
    if features is frame:
        model.fit(frame(X), series(y))
        X = pd.DataFrame(X, columns=NAMES)
    found = model.score(features(X), labels(y), None if s is None else labels(s))
    assert isinstance(found, float)
    assert_allclose(found, model.score(X, y, s), rtol=1e-12)


def test_names_of_features():
    X, y = data()
    model = GDLogisticRegression().fit(frame(X), series(y))
    assert_array_equal(model.feature_names_in_, NAMES)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame(X)[NAMES[::-1]])
    with pytest.warns(UserWarning, match="valid feature names"):
        model.predict(lazy(X)).compute()
    model.fit(lazy(X), lazy(y))
    assert not hasattr(model, "feature_names_in_")


def test_predicting_needs_a_fit_and_the_same_number_of_features():
    X, y = data()
    with pytest.raises(ValueError, match="not fitted"):
        GDLogisticRegression().predict(lazy(X))
    with pytest.raises(ValueError, match="not fitted"):
        GDLogisticRegression().score(lazy(X), lazy(y))
    with pytest.raises(ValueError, match="3 features"):
        GDLogisticRegression().fit(X, y).predict(lazy(X[:, :3]))


def test_many_classes_in_a_chunk_are_no_reason_to_warn():
    X, _ = data()
    y = np.arange(N_SAMPLES) % 26.0  # of a chunk of 30 rows, most labels are there once
    model = GDLogisticRegression(max_iter=2, tol=0.0).fit(lazy(X, 30), lazy(y, 30))
    assert_allclose(model.score(lazy(X, 30), lazy(y, 30)), model.score(X, y), rtol=1e-12)


def test_a_model_can_be_pickled():
    X, y = data()
    model = GDLogisticRegression().fit(lazy(X), lazy(y))
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))


# Input that is refused, with the words that are used for data in memory.


def message(model, X, y, s=None):
    with pytest.raises((ValueError, TypeError)) as caught:
        model.fit(X, y, s)
    return type(caught.value), str(caught.value)


def spoilt(array, value):
    array = array.astype(float)
    array[-5] = value
    return array


BAD = {
    "NaN in X": lambda X, y, s: (spoilt(X, np.nan), y, s),
    "infinity in X": lambda X, y, s: (spoilt(X, np.inf), y, s),
    "features that overflow": lambda X, y, s: (X * 1e300, y, s),
    "continuous labels": lambda X, y, s: (X, spoilt(y, 0.5), s),
    "one class": lambda X, y, s: (X, np.zeros_like(y), s),
    "negative weight": lambda X, y, s: (X, y, spoilt(s, -1)),
    "NaN in the weights": lambda X, y, s: (X, y, spoilt(s, np.nan)),
    "no weight": lambda X, y, s: (X, y, 0 * s),
    "no samples": lambda X, y, s: (X[:0], y[:0], s[:0]),
}


def test_a_missing_label_is_found_in_its_chunk():
    X, y = data()
    with pytest.raises(ValueError, match=r"A chunk of y has a missing label.*position 195: .*nan"):
        GDLogisticRegression().fit(lazy(X), lazy(spoilt(y, np.nan)))


def test_a_column_that_holds_no_numbers():
    X, y = data()
    days = np.datetime64("2024-01-01") + np.arange(N_SAMPLES)
    for column, match in ((days, "dates"), (np.where(y, "a", "b"), "text, for example")):
        table = dd.from_pandas(pd.DataFrame({"a": X[:, 0], "d": column}), npartitions=6)
        for some in (table, table[["d"]]):
            with pytest.raises(ValueError, match=rf"^X\['d'\] holds .*{match}"):
                GDLogisticRegression().fit(some, series(y))


@pytest.mark.parametrize("spoil", BAD.values(), ids=BAD)
def test_errors_are_those_of_data_in_memory(spoil):
    X, y, s = spoil(*data(), weights(N_SAMPLES))
    model = GDLogisticRegression().fit(*data())
    before = pickle.dumps(model)
    expected = message(model, X, y, s)
    assert message(model, lazy(X), lazy(y), lazy(s)) == expected
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced", {"b": 3.0}], ids=str)
@pytest.mark.parametrize("chunk", [CHUNK, 700])
def test_probabilities_of_the_classes(n_classes, class_weight, chunk):
    X, y = data(n_classes)
    Y = 0.7 * np.eye(n_classes)[y] + 0.3 * probabilities(N_SAMPLES, n_classes)
    s, names = weights(N_SAMPLES), ["c", "b", "a"][:n_classes]
    named = pd.DataFrame(Y, columns=names)
    params = {**EXACT, "class_weight": class_weight}
    expected = GDLogisticRegression(**params).fit(X, named, s)
    lazy_frame = dd.from_pandas(named, npartitions=6)
    model = GDLogisticRegression(**params).fit(frame(X), lazy_frame, series(s))
    same(model, expected, rtol=1e-6)
    if class_weight != {"b": 3.0}:  # columns without names
        Y = Y[:, ::-1]
        in_columns = da.from_array(Y, chunks=(chunk, 1))
        model = GDLogisticRegression(**params).fit(lazy(X), in_columns, lazy(s))
        assert_array_equal(model.classes_, np.arange(n_classes))
        assert_allclose(model.coef_, expected.coef_, rtol=1e-6)


def test_rows_with_probabilities_know_what_rows_in_memory_know():
    X, _ = data(3)
    Y = probabilities(N_SAMPLES, 3)
    estimator = GDLogisticRegression(class_weight={1: 5.0})
    _, ours, _ = dask_rows(estimator, lazy(X), lazy(Y), lazy(weights(N_SAMPLES)))
    _, y, s, _ = weigh(estimator, np.arange(3), Y, weights(N_SAMPLES))
    numpys = row_blocks(X, y, s)
    assert_allclose(ours.smallest_weight, numpys.smallest_weight, rtol=1e-12)
    assert_allclose(ours.label_weights(3), numpys.label_weights(3), rtol=1e-12)
    counts = ours.label_counts(3)
    assert_array_equal(counts, np.bincount(Y.argmax(axis=1)))
    label = np.repeat(np.arange(3), counts)
    position = np.concatenate([np.arange(count) for count in counts])
    found = ours.take_by_class(label, position)
    order = np.argsort(Y.argmax(axis=1), kind="stable")
    for array, expected in zip(found, (X, y, s), strict=True):
        assert_allclose(array, expected[order], rtol=1e-15)


def test_missing_labels():
    X, _ = data()
    assert message(GDLogisticRegression(), lazy(X), None) == message(
        GDLogisticRegression(), X, None
    )


def test_chunks_of_other_lengths_are_cut_alike():
    X, y = data()
    s = weights(N_SAMPLES)
    model = GDLogisticRegression(**EXACT).fit(lazy(X, 300), lazy(y, 123), lazy(s, 777))
    same(model, GDLogisticRegression(**EXACT).fit(X, y, s))
    assert_allclose(model.score(lazy(X, 300), lazy(y, 123)), model.score(X, y), rtol=1e-12)


MISFITS = {
    "too few": (lambda X, y: (lazy(X), lazy(y[:-1])), "inconsistent numbers of samples"),
    "too few weights": (
        lambda X, y: (lazy(X), lazy(y), lazy(weights(7))),
        "in X and sample_weight",
    ),
    "two dimensions": (
        lambda X, y: (lazy(X), lazy(np.stack([y, y], axis=1))),
        "A chunk of y.*sums to",
    ),
    "three dimensions": (lambda X, y: (lazy(X), lazy(y[:, None, None])), "1d array"),
    "complex": (lambda X, y: (lazy(X + 1j), lazy(y)), "Complex data not supported"),
    "one dimension": (lambda X, y: (lazy(y), lazy(y)), "2D array"),
    "no features": (lambda X, y: (lazy(X[:, :0]), lazy(y)), "0 feature"),
    "other chunks, unknown": (
        lambda X, y: (forget_lengths(lazy(X)), forget_lengths(lazy(y, 400))),
        "7 chunks and y has 5",
    ),
    "other lengths, unknown": (
        lambda X, y: (forget_lengths(lazy(X, 500)), forget_lengths(lazy(y[:-1], 500))),
        "Cut X and y alike",
    ),
    "weights of other lengths, unknown": (
        lambda X, y: (lazy(X), lazy(y), forget_lengths(lazy(weights(N_SAMPLES - 1)))),
        "sample_weight.shape",
    ),
    "labels in memory": (lambda X, y: (lazy(X), y), "but y is ndarray"),
    "weights in memory": (
        lambda X, y: (lazy(X), lazy(y), weights(N_SAMPLES)),
        "but sample_weight is ndarray",
    ),
    "another collection": (lambda X, y: (dask.delayed(X), lazy(y)), "Dask array or DataFrame"),
}


@pytest.mark.parametrize(("misfit", "match"), MISFITS.values(), ids=MISFITS)
def test_what_does_not_fit_together_is_refused(misfit, match):
    model = GDLogisticRegression().fit(*data())
    before = pickle.dumps(model)
    with pytest.raises((ValueError, TypeError), match=match):
        model.fit(*misfit(*data()))
    assert pickle.dumps(model) == before


# Schedulers and faults.

N_GENERATED = 2000


def block(i, folder=None):
    """Rows made anew by every task; one task that finds the file kills the process it runs in."""
    if folder and i == 2 and os.path.exists(f"{folder}/armed"):
        os.remove(f"{folder}/armed")
        os.kill(os.getpid(), signal.SIGKILL)
    return np.random.default_rng(i).normal(size=(N_GENERATED, 9))


def generated(**params):
    tasks = [dask.delayed(block)(i, **params) for i in range(4)]
    table = da.concatenate([da.from_delayed(task, (N_GENERATED, 9), float) for task in tasks])
    return table[:, :8], (table[:, :4].sum(axis=1) + table[:, 8] > 0.3).astype(int)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda X: np.pad(X, [(0, 0), (0, 1)])[:, :-1]]
)
def test_bits_do_not_depend_on_the_layout_of_a_chunk(layout):
    # A chunk that travels from one worker to another arrives in C order.
    X, y = dask.compute(*generated())
    models = [
        GDLogisticRegression().fit(lazy(X).map_blocks(how), lazy(y))
        for how in (np.ascontiguousarray, layout)
    ]
    assert_array_equal(models[0].coef_, models[1].coef_)
    assert_array_equal(models[0].loss_curve_, models[1].loss_curve_)


@contextlib.contextmanager
def computed_by(scheduler, cluster):
    there = cluster.as_current() if scheduler == "distributed" else contextlib.nullcontext()
    with dask.config.set(scheduler=scheduler), there:
        yield


def test_all_schedulers_give_the_same_bits(cluster):
    X, y = generated()
    models = {}
    for scheduler in ("synchronous", "threads", "distributed"):
        with computed_by(scheduler, cluster):
            models[scheduler] = GDLogisticRegression().fit(X, y)
            assert_array_equal(models[scheduler].coef_, models["synchronous"].coef_)
            assert_array_equal(models[scheduler].loss_curve_, models["synchronous"].loss_curve_)
            prediction = models[scheduler].predict(X).compute()
    with computed_by("distributed", cluster):
        kept_X, kept_y = dask.persist(X, y)
        model = GDLogisticRegression().fit(kept_X, kept_y)
        assert_array_equal(model.coef_, models["synchronous"].coef_)
    X, y = dask.compute(X, y)
    same(model, GDLogisticRegression().fit(X, y))
    assert_array_equal(prediction, model.predict(X))


def processes(cluster):
    return set(cluster.run(os.getpid).values())


def test_a_worker_that_dies_changes_nothing(cluster, tmp_path, monkeypatch):
    X, y = generated(folder=str(tmp_path))
    with computed_by("synchronous", cluster):
        expected = GDLogisticRegression().fit(X, y)
    armed, died, total = tmp_path / "armed", [], DaskRows.sum
    before = processes(cluster)

    def deadly(self, function, size):
        if self.passes == 3:
            armed.touch()
        result = total(self, function, size)
        died.append(self.passes == 4 and not armed.exists())
        return result

    monkeypatch.setattr(DaskRows, "sum", deadly)
    with computed_by("distributed", cluster):
        model = GDLogisticRegression().fit(X, y)
    # It fell into the fit: in one of its passes, and others followed.
    assert died.count(True) == 1
    assert not died[-1]
    cluster.wait_for_workers(2, timeout=30)
    assert len(before - processes(cluster)) == 1
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.loss_curve_, expected.loss_curve_)
    assert model.n_iter_ == expected.n_iter_


def broken(i):
    if i == 1:
        raise OSError("disk 7 is gone")
    return block(i)


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "distributed"])
def test_an_error_of_a_chunk_reaches_the_user(cluster, scheduler):
    X, y = generated()
    tasks = [dask.delayed(broken)(i) for i in range(4)]
    bad = da.concatenate([da.from_delayed(task, (N_GENERATED, 9), float) for task in tasks])[:, :8]
    with computed_by(scheduler, cluster):
        model = GDLogisticRegression().fit(X, y)
        before = pickle.dumps(model)
        with pytest.raises(OSError, match="disk 7 is gone"):
            model.fit(bad, y)
        assert pickle.dumps(model) == before


@pytest.mark.parametrize("scheduler", ["threads", "distributed"])
def test_what_is_not_finite_is_explained(cluster, scheduler):
    X, y = generated()
    with computed_by(scheduler, cluster), pytest.raises(ValueError, match="X contains NaN"):
        GDLogisticRegression().fit(da.where(X > 3.5, np.nan, X), y)


@pytest.mark.parametrize(
    "params", [{"batch_size": 10}, {"early_stopping": True}], ids=["batches", "held out"]
)
def test_what_needs_rows_in_memory_is_refused(params):
    X, y = problem()
    X, y = da.from_array(X, (20, -1)), da.from_array(y, 20)
    with pytest.raises(ValueError, match="dask_ml"):
        GDLogisticRegression(**params).fit(X, y)
    with pytest.raises(ValueError, match="rows in memory"):
        GDLogisticRegression(solver="gd").partial_fit(X, y, classes=[0, 1])


def unaligned(X):
    memory = bytearray(X.nbytes + 1)
    view = np.frombuffer(memory, dtype=X.dtype, offset=1).reshape(X.shape)
    view[...] = X
    assert not view.flags.aligned
    return view


@pytest.mark.parametrize(
    "given",
    [unaligned, np.asfortranarray, lambda X: np.column_stack([X, X])[:, : X.shape[1]]],
    ids=["odd address", "columns", "part"],
)
def test_blocks_of_a_chunk_are_aligned_and_in_c_order(given, monkeypatch):
    monkeypatch.setattr(DenseChunk, "max_block_rows", 30)
    X, y = problem()
    rows = DenseChunk(given(X), y, np.ones(80))

    def look(block):
        assert block.X.flags.c_contiguous
        assert block.X.flags.aligned
        return (block.rmatvec(block.matvec(np.ones(4))),)

    expected = DenseChunk(X, y, np.ones(80)).sum(look, size=4)
    assert_array_equal(rows.sum(look, size=4)[0], expected[0])
    assert_allclose(expected[0], X.T @ (X @ np.ones(4)), rtol=1e-13)
