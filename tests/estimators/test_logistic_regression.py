"""The estimator: its optimum, what it accepts, what it refuses, and what it leaves behind."""

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
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression
from bce_logistic.objective.objective import Objective

from ..common import (
    every_configuration,
    every_solver,
    fitted_value,
    needs_scikit_learn,
    problem,
    value,
    weights,
)

every_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3])


def fit(solver, X, y, sample_weight=None, **params):
    return GDLogisticRegression(**{**solver, **params}).fit(X, y, sample_weight)


def same_model(model, other, rtol=1e-6):
    """Same coefficients; intercepts too, which for softmax count up to a common number."""
    scale = np.abs(other.coef_).max()
    assert_allclose(model.coef_, other.coef_, rtol=rtol, atol=rtol * scale)
    centred = [m.intercept_ - m.intercept_.mean() * (len(m.classes_) > 2) for m in (model, other)]
    assert_allclose(*centred, rtol=rtol, atol=rtol * scale)


# The optimum.


def logistic_regression(X, y, sample_weight=None, **params):
    """scikit-learn's optimum, to the last digits."""
    params = {"solver": "newton-cholesky", "tol": 1e-12, "max_iter": 1000, **params}
    return LogisticRegression(**params).fit(X, y, sample_weight)


PROBLEMS = {
    "plain": {},
    "no intercept": {"fit_intercept": False},
    "balanced": {"class_weight": "balanced"},
    "class weights": {"class_weight": {0: 0.3, 1: 2.0}},
}


@every_configuration
@every_number_of_classes
@pytest.mark.parametrize("C", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("params", PROBLEMS.values(), ids=PROBLEMS)
@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_optimum_is_that_of_scikit_learn(solver, n_classes, C, params, weighted):
    if weighted and params.get("class_weight") == "balanced":
        needs_scikit_learn("1.7", "balanced classes were balanced by their number of samples")
    X, y = problem(n_samples=150, n_classes=n_classes)
    s = weights(len(y)) if weighted else None
    model = fit(solver, X, y, s, C=C, **params)
    same_model(model, logistic_regression(X, y, s, C=C, **params), rtol=1e-5)


@every_configuration
@every_number_of_classes
def test_optimum_without_a_penalty(solver, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    model = fit(solver, X, y, C=np.inf)
    scores = (X @ model.coef_.T + model.intercept_).reshape(len(y), -1)
    proba = scipy.special.expit(scores) if n_classes == 2 else scipy.special.softmax(scores, 1)
    residual = proba - (y[:, None] if n_classes == 2 else np.eye(n_classes)[y])
    # At the optimum the model reproduces the mean of every feature in every class.
    assert_allclose(residual.sum(axis=0), 0, atol=1e-6)
    assert_allclose(X.T @ residual, 0, atol=1e-6)


@every_solver
@every_number_of_classes
def test_optimum_is_that_of_a_general_minimiser(solver, n_classes):
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    model = fit(solver, X, y, s, C=0.5)
    shape = (5,) if n_classes == 2 else (5, n_classes)
    found = scipy.optimize.minimize(
        lambda w: value(w.reshape(shape), X, y, s, 0.5, True), np.zeros(np.prod(shape)), tol=1e-9
    )
    assert_allclose(fitted_value(model, X, y, s), found.fun, rtol=1e-10)
    w = found.x.reshape(5, -1)
    assert_allclose(model.coef_, w[:4].T, rtol=1e-3, atol=1e-4)


@every_solver
def test_two_classes_by_softmax_are_two_by_sigmoid(solver):
    # Softmax has twice the coefficients and shares the penalty between them: half of it each.
    X, y = problem()
    model = fit(solver, X, y, C=1.0)
    half = model.coef_[0] / 2
    scores = np.column_stack([-(X @ half), X @ half + model.intercept_])
    proba = scipy.special.softmax(scores, axis=1)
    assert_allclose(model.predict_proba(X), proba, rtol=1e-12)


@every_configuration
@every_number_of_classes
def test_weight_is_repetition(solver, n_classes):
    X, y = problem(n_classes=n_classes)
    times = np.random.default_rng(1).integers(0, 4, size=len(y))
    weighted = fit(solver, X, y, times)
    repeated = fit(solver, np.repeat(X, times, axis=0), np.repeat(y, times))
    same_model(weighted, repeated)
    assert_allclose(weighted.loss_curve_[-1], repeated.loss_curve_[-1], rtol=1e-10)


@every_configuration
@every_number_of_classes
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_zero_weight_is_absence(solver, n_classes, class_weight):
    X, y = problem(n_classes=n_classes)
    s = np.where(np.arange(len(y)) % 3 == 0, 0.0, weights(len(y)) + 0.1)
    zero = fit(solver, X, y, s, class_weight=class_weight)
    kept = s > 0
    same_model(zero, fit(solver, X[kept], y[kept], s[kept], class_weight=class_weight))


@every_solver
def test_equal_weights_are_a_weaker_penalty(solver):
    X, y = problem()
    heavy = fit(solver, X, y, 5.0, C=0.1)
    same_model(heavy, fit(solver, X, y, C=0.5))
    same_model(heavy, fit(solver, X, y, np.full(len(y), 5), C=0.1))


@every_solver
def test_class_weight_is_sample_weight(solver):
    X, y = problem(n_classes=3)
    s = weights(len(y))
    by_class = fit(solver, X, y, s, class_weight={0: 2.0, 2: 0.5})
    same_model(by_class, fit(solver, X, y, s * np.array([2.0, 1.0, 0.5])[y]))


@every_solver
def test_order_of_samples_features_and_classes(solver):
    X, y = problem(n_classes=3)
    model = fit(solver, X, y)
    rng = np.random.default_rng(0)
    rows, columns = rng.permutation(len(y)), rng.permutation(X.shape[1])
    other = fit(solver, X[rows][:, columns], 2 - y[rows])
    assert_allclose(other.coef_[::-1], model.coef_[:, columns], rtol=1e-6, atol=1e-7)


@every_solver
def test_constant_and_equal_features(solver):
    X, y = problem()
    X = np.column_stack([X, X[:, 0], np.zeros(len(y)), np.full(len(y), 3.0)])
    model = fit(solver, X, y, C=0.1)
    assert_allclose(model.coef_[0, 4], model.coef_[0, 0], rtol=1e-6)
    assert_allclose(model.coef_[0, 5], 0, atol=1e-12)
    assert_allclose(model.coef_[0, 6], 0, atol=1e-6)  # the intercept is free, it is not


# Kinds of data.

KINDS = {
    "list": lambda X: X.tolist(),
    "Fortran": np.asfortranarray,
    "strided": lambda X: np.repeat(np.repeat(X, 2, axis=0), 2, axis=1)[::2, ::2],
    "reversed": lambda X: np.ascontiguousarray(X[::-1])[::-1],
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "object": lambda X: X.astype(object),
    "csr_matrix": scipy.sparse.csr_matrix,
    "csr_array": scipy.sparse.csr_array,
    "csc": scipy.sparse.csc_array,
    "coo": scipy.sparse.coo_array,
    "lil": scipy.sparse.lil_array,
}
every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def multiples(n_classes=2):
    """Features that float16, float32 and small integers hold exactly; a third are zero."""
    X, y = problem(n_samples=90, n_classes=n_classes, density=0.7)
    return np.round(X * 4), y


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
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64, np.float16, np.longdouble])
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
def test_boolean_labels(solver):
    X, y = problem()
    model = fit(solver, X, y == 1)
    assert_array_equal(model.classes_, [False, True])
    assert model.predict(X).dtype == bool
    same_model(model, fit(solver, X, y))


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


# Predictions.


@pytest.mark.parametrize("size", [0.0, 37.0, 1e3, 1e20, 1e300])
@every_number_of_classes
def test_predictions_of_extreme_scores(size, n_classes):
    X, y = problem(n_classes=n_classes)
    model = fit({"solver": "gd"}, X, y, max_iter=100, tol=0.0)
    with np.errstate(all="raise"):
        proba, log_proba = model.predict_proba(X * size), model.predict_log_proba(X * size)
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-15)
    assert (proba >= 0).all()
    assert np.isfinite(log_proba).all()
    scores = model.decision_function(X * size)
    scores = np.column_stack([np.zeros(len(y)), scores]) if n_classes == 2 else scores
    assert_allclose(log_proba, scipy.special.log_softmax(scores, 1), rtol=1e-12, atol=1e-15)
    assert_allclose(proba, scipy.special.softmax(scores, 1), rtol=1e-12, atol=1e-300)
    assert_array_equal(model.predict(X * size), scores.argmax(axis=1))


@every_number_of_classes
def test_predictions_are_those_of_scikit_learn(n_classes):
    X, y = problem(n_classes=n_classes)
    model = fit({"solver": "gd"}, X, y, max_iter=100, tol=0.0)
    twin = LogisticRegression().fit(X, y)
    twin.coef_, twin.intercept_ = model.coef_, model.intercept_
    assert_allclose(model.decision_function(X), twin.decision_function(X), rtol=1e-12)
    assert_allclose(model.predict_proba(X), twin.predict_proba(X), rtol=1e-12)
    assert_allclose(model.predict_log_proba(X), twin.predict_log_proba(X), rtol=1e-11)
    assert_array_equal(model.predict(X), twin.predict(X))


def test_a_score_of_zero_is_the_first_class():
    X, y = problem()
    model = fit({"solver": "gd"}, X, y, max_iter=0, tol=0.0)
    assert_array_equal(model.predict(X), 0)


@pytest.mark.parametrize(
    "layout",
    [np.asarray, scipy.sparse.csr_array, scipy.sparse.csr_matrix, scipy.sparse.csc_matrix],
)
@every_number_of_classes
def test_sparse_coefficients_predict_the_same(layout, n_classes):
    X, y = problem(n_classes=n_classes)
    model = fit({"solver": "gd"}, X, y, max_iter=100, tol=0.0)
    scores, coef = model.decision_function(X), model.coef_
    assert model.sparsify() is model
    assert scipy.sparse.issparse(model.coef_)
    assert type(model.decision_function(layout(X))) is np.ndarray
    assert_allclose(model.decision_function(layout(X)), scores, rtol=1e-12)
    assert_allclose(model.predict_proba(layout(X)).sum(axis=1), 1, rtol=1e-14)
    assert model.sparsify().densify() is model
    assert_array_equal(model.densify().coef_, coef)


def test_warm_start_from_sparse_coefficients():
    X, y = problem()
    params = {"max_iter": 50, "tol": 0.0, "warm_start": True}
    dense = fit({"solver": "gd"}, X, y, **params).fit(X, y)
    sparse = fit({"solver": "gd"}, X, y, **params).sparsify().fit(X, y)
    assert_array_equal(sparse.coef_, dense.coef_)


@pytest.mark.parametrize(
    "method",
    ["decision_function", "predict", "predict_proba", "predict_log_proba", "sparsify", "densify"],
)
def test_before_the_fit(method):
    X, _ = problem()
    arguments = () if method.endswith("sify") else (X,)
    with pytest.raises(NotFittedError):
        getattr(GDLogisticRegression(), method)(*arguments)


# What a fit leaves behind.


def fitted_attributes(model):
    return {name: v for name, v in vars(model).items() if name not in model.get_params()}


def snapshot(model):
    """Everything the model holds, to compare bit by bit."""
    return {name: pickle.dumps(v) for name, v in vars(model).items()}


@every_configuration
@pytest.mark.parametrize(("n_classes", "n_rows"), [(2, 1), (3, 3), (5, 5)])
def test_fitted_attributes(solver, n_classes, n_rows):
    X, y = problem(n_samples=200, n_classes=n_classes)
    model = GDLogisticRegression(**solver)
    assert model.fit(X, y) is model
    assert_array_equal(model.classes_, np.arange(n_classes))
    assert model.coef_.shape == (n_rows, 4)
    assert model.coef_.T.flags.c_contiguous  # as a product with sparse rows wants it
    assert model.intercept_.shape == (n_rows,)
    assert model.n_features_in_ == 4
    assert not hasattr(model, "feature_names_in_")
    assert (model.n_iter_.shape, model.n_iter_.dtype) == ((1,), np.int32)
    assert 0 < model.n_iter_[0] <= model.max_iter
    assert model.n_iter_[0] == len(model.loss_curve_) - 1
    assert model.loss_curve_.ndim == 1
    assert model.loss_curve_[-1] == pytest.approx(fitted_value(model, X, y) / len(y), rel=1e-10)
    assert model.converged_ is True
    assert model.stop_reason_ == "tol"
    assert model.solver_ == solver["solver"]
    public = {name for name in fitted_attributes(model) if not name.startswith("_")}
    assert public == {
        "classes_",
        "coef_",
        "converged_",
        "gap_",
        "gradient_norm_curve_",
        "intercept_",
        "loss_curve_",
        "n_features_in_",
        "n_iter_",
        "solver_",
        "stop_reason_",
    }


@every_solver
def test_no_intercept_is_zero(solver):
    X, y = problem()
    assert_array_equal(fit(solver, X, y, fit_intercept=False).intercept_, np.zeros(1))
    X, y = problem(n_classes=3)
    assert_array_equal(fit(solver, X, y, fit_intercept=False).intercept_, np.zeros(3))


@every_solver
def test_too_few_iterations_are_warned_of(solver):
    X, y = problem()
    with pytest.warns(ConvergenceWarning, match="max_iter=1 iterations"):
        model = fit(solver, X, y, max_iter=1)
    assert (model.converged_, model.stop_reason_) == (False, "max_iter")


@every_solver
@pytest.mark.parametrize("shape", [(80, 4), (4000, 4), (40, 600)], ids=str)
@pytest.mark.parametrize("max_iter", [0, 1, 2, 3])
def test_without_tol_every_iteration_is_made_and_not_one_more(solver, shape, max_iter):
    X, y = problem(*shape)
    model = fit(solver, X, y, max_iter=max_iter, tol=0.0, warm_start=True)
    for _ in range(2):  # a warm fit counts its own
        assert (model.converged_, model.stop_reason_) == (False, "max_iter")
        assert_array_equal(model.n_iter_, [max_iter])
        assert len(model.loss_curve_) == max_iter + 1
        model.fit(X, y)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "sparse"])
def test_max_iter_bounds_iterations_through_changes_of_the_metric(n_classes, layout):
    X, y = problem(600, n_features=1500, n_classes=n_classes, density=0.05)
    for max_iter in range(0, 20, 4):
        model = GDLogisticRegression(C=1e3, max_iter=max_iter, tol=0.0).fit(layout(X), y)
        assert model.n_iter_[0] == len(model.loss_curve_) - 1 <= max_iter


@every_solver
def test_parameters_are_left_alone(solver):
    X, y = problem()
    model = GDLogisticRegression(**solver, class_weight={0: 1.0, 1: 2.0}, random_state=0)
    before = pickle.dumps(model.get_params())
    model.fit(X, y)
    assert pickle.dumps(model.get_params()) == before


@every_configuration
def test_a_second_fit_forgets_the_first(solver):
    X, y = problem()
    other_X, other_y = problem(n_features=6, n_classes=3, seed=5)
    fresh = fit(solver, X, y)
    again = fit(solver, other_X, other_y).fit(X, y)
    assert fitted_attributes(again).keys() == fitted_attributes(fresh).keys()
    assert snapshot(again) == snapshot(fresh)


@every_solver
def test_the_same_fit_twice_is_the_same(solver):
    X, y = problem(n_classes=3)
    assert snapshot(fit(solver, X, y)) == snapshot(fit(solver, X, y))


@every_configuration
def test_warm_start_at_the_optimum_is_done_at_once(solver):
    X, y = problem()
    model = fit(solver, X, y, warm_start=True)
    first = model.n_iter_[0]
    model.fit(X, y)
    assert model.converged_
    assert model.n_iter_[0] < max(2, first / 2)


@every_solver
@pytest.mark.parametrize("changed", ["features", "classes", "labels"])
def test_warm_start_with_another_problem(solver, changed):
    X, y = problem()
    model = fit(solver, X, y, warm_start=True)
    before = snapshot(model)
    other_X, other_y = {
        "features": (X[:, :3], y),
        "classes": (X, np.arange(len(y)) % 3),
        "labels": (X, y + 1),
    }[changed]
    with pytest.raises(ValueError, match="warm_start=False") as error:
        model.fit(other_X, other_y)
    assert "4 features" in str(error.value)
    assert snapshot(model) == before


@every_configuration
def test_extra_precision_of_a_warm_start_is_not_needed_to_go_on(solver):
    X, y = problem()
    single = X.astype(np.float32)
    max_iter = 2 if solver["solver"] == "preconditioned" else 5  # not yet at the optimum
    model = fit(solver, single, y, warm_start=True, max_iter=max_iter, tol=0.0)
    start = fitted_value(model, X, y)
    model.fit(single, y)
    assert model.coef_.dtype == np.float32
    assert fitted_value(model, X, y) < start


# What is refused: an error, before any work, and the previous fit as it was.


def refuses(model, X, y, sample_weight=None, *, error=ValueError, match=None):
    """Check that a fit fails without work, and leaves the model as it was."""
    before = snapshot(model)
    with pytest.MonkeyPatch.context() as patch:
        updates = []
        at = Objective.at
        patch.setattr(Objective, "at", lambda self, w: updates.append(0) or at(self, w))
        with pytest.raises(error, match=match):
            model.fit(X, y, sample_weight)
    assert len(updates) <= 1  # the first evaluation is what sees that X is not finite
    assert snapshot(model) == before


@pytest.fixture
def data():
    return problem()


def fitted(solver, warm_start=False):
    """A model that has something to lose."""
    X, y = problem(n_features=4)
    return fit(solver, X, y, max_iter=20, tol=0.0, warm_start=warm_start)


SOME_SPARSE = [np.array, scipy.sparse.csr_array, scipy.sparse.csc_matrix]


@every_solver
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


@pytest.mark.parametrize("layout", SOME_SPARSE, ids=["dense", "csr", "csc"])
@pytest.mark.parametrize(("bad", "match"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("warm_start", [False, True], ids=["cold", "warm"])
@pytest.mark.parametrize("params", [{"learning_rate": 0.1}, {"nesterov": True}], ids=str)
def test_features_that_are_not_finite_under_any_rule(layout, bad, match, warm_start, params, data):
    X, y = data
    model = fitted({"solver": "gd", **params}, warm_start)
    X[17, 2] = bad
    refuses(model, layout(X), y, match=match)


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
    # Their squares overflow. Either way is fine, but not a model that has learnt nothing.
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
    "two columns": (lambda y: np.column_stack([y, y]), ValueError, "1d array"),
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
    "text": (lambda y: np.full(len(y), "1"), "no numbers"),
    "text in a list": (lambda y: ["heavy"] * len(y), "could not convert"),
    "dates": (lambda y: np.full(len(y), np.datetime64("2020-01-01")), "no numbers"),
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
    "numbers as text": (lambda X: X.astype(str), "no numbers"),
    "bytes": (lambda X: X.astype("S"), "no numbers"),
    "objects": (lambda X: np.full(X.shape, object()), "float"),
    "missing objects": (lambda X: np.full(X.shape, None), "NaN"),
    "complex": (lambda X: X + 1j, "Complex"),
    "complex, sparse": (lambda X: scipy.sparse.csr_array(X + 1j), "Complex"),
    "dates": (lambda X: np.full(X.shape, np.datetime64("2020-01-01")), "no numbers"),
    "durations": (lambda X: np.full(X.shape, np.timedelta64(1, "D")), "no numbers"),
    "records": (lambda X: np.zeros(X.shape, dtype=[("a", float)]), "no numbers"),
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
        (days, "no numbers"),
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


# What is unusual but welcome: the same answer as for clean double precision.

UNUSUAL = {
    "big-endian": lambda X: X.astype(">f8"),
    "big-endian float32": lambda X: X.astype(">f4"),
    "int8": lambda X: X.astype(np.int8),
    "int16": lambda X: X.astype(np.int16),
    "longdouble": lambda X: X.astype(np.longdouble),
    "negative strides": lambda X: np.ascontiguousarray(X[::-1, ::-1])[::-1, ::-1],
    "Fortran order": np.asfortranarray,
    "no mask": np.ma.masked_array,
    "ints in lists": lambda X: X.astype(int).tolist(),
    "64-bit sparse": lambda X: with_indices(X, np.int64),
    "unsigned sparse": lambda X: with_indices(X, np.uint32),
    "sparse ints": lambda X: scipy.sparse.csr_array(X.astype(np.int32)),
    "sparse with room to spare": lambda X: with_room(X),
}


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


@every_solver
@pytest.mark.parametrize("kind", UNUSUAL.values(), ids=UNUSUAL)
def test_unusual_features_give_the_same_answer(kind, solver):
    X, y = multiples()
    reference = fit(solver, X, y)
    model = fit(solver, kind(X), y)
    same_model(model, reference, rtol=1e-5)
    assert_allclose(model.predict_proba(kind(X)), reference.predict_proba(X), rtol=1e-5)


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
    for labels in (y == 1, np.ma.masked_array(y)):
        same_model(fit(solver, X, labels), reference)
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    same_model(fit(solver, X, days[y]), reference)
    for s in (1, 1.0, np.float32(1), True, np.ones(len(y), dtype=bool), [1] * len(y)):
        same_model(fit(solver, X, y, s), reference)
    # Weights of any size, with a penalty that keeps its share.
    for size in (1e-100, 1e100):
        same_model(fit(solver, X, y, np.full(len(y), size), C=1 / size), reference)


BAD_PARAMETERS = {
    "C": [0, -1.0, np.nan, "1", None, 5e-324, 1e-309, np.float32(0), np.float16(0), True],
    "fit_intercept": ["yes", None],
    "class_weight": ["unbalanced", 1.0, {0: -1.0}, {7: 1.0}, {0: np.nan}],
    "solver": ["lbfgs", None, 0],
    "learning_rate": [0, -0.1, np.inf, np.nan, "constant", None, True, np.False_],
    "power_t": [-0.1, np.nan, np.inf, None, True, np.False_],
    "momentum": [-0.1, 1.1, np.nan, None, True, np.False_],
    "nesterov": ["yes", None],
    "reduction": ["none", None],
    "batch_size": [0, -1, 1.5, "all", True, np.False_],
    "average": [-1, 0.5, "yes", None],
    "early_stopping": ["yes", None],
    "validation_fraction": [0, 1, -0.1, np.nan, None, True, np.False_],
    "n_iter_no_change": [0, 1.5, None, True, np.False_],
    "shuffle": ["yes", None],
    "max_iter": [-1, 1.5, None, np.inf, True, np.False_],
    "tol": [-1e-9, np.nan, np.inf, None, True, np.False_],
    "warm_start": ["yes", None],
    "random_state": [-1, 1.5, "seed", True, np.False_],
    "verbose": [-1, 0.5, None],
    "n_jobs": [0, 0.5, "all", True, np.False_],
}
ALL_BAD = [(name, bad) for name, values in BAD_PARAMETERS.items() for bad in values]


@pytest.mark.parametrize(("name", "bad"), ALL_BAD, ids=[f"{n}={b}" for n, b in ALL_BAD])
def test_parameters_out_of_range(name, bad, data):
    model = fitted({"solver": "gd"}).set_params(**{name: bad})
    refuses(model, *data, match=name)


def test_every_parameter_has_its_bad_values():
    assert set(BAD_PARAMETERS) == set(GDLogisticRegression().get_params())


KNOBS = {
    "learning_rate": 0.1,
    "power_t": 0.5,
    "momentum": 0.9,
    "nesterov": True,
    "reduction": "sum",
    "batch_size": 8,
    "average": True,
}


@pytest.mark.parametrize(("knob", "setting"), KNOBS.items(), ids=KNOBS)
def test_a_textbook_knob_means_textbook_descent(knob, setting, data):
    model = GDLogisticRegression(**{knob: setting}, max_iter=5, tol=0.0).fit(*data)
    assert model.solver_ == "gd"
    explicit = clone(model).set_params(solver="gd").fit(*data)
    assert_array_equal(model.coef_, explicit.coef_)
    refuses(model.set_params(solver="preconditioned"), *data, match=knob)


def test_the_default_is_the_fast_solver(data):
    model = GDLogisticRegression().fit(*data)
    assert model.solver_ == "preconditioned"
    assert_array_equal(model.coef_, GDLogisticRegression(solver="preconditioned").fit(*data).coef_)
    same_model(model, logistic_regression(*data), rtol=1e-3)


def test_nesterov_with_a_fixed_rate_needs_momentum(data):
    model = fitted({"solver": "gd"}).set_params(nesterov=True, learning_rate=0.1)
    refuses(model, *data, match="momentum > 0")
    model.set_params(momentum=0.5).fit(*data)
    model.set_params(momentum=0.0, learning_rate="auto").fit(*data)
    refuses(model.set_params(batch_size=8), *data, match="momentum > 0")


def test_divergence_leaves_the_previous_fit_whole(data):
    X, y = data
    model = fitted({"solver": "gd"}).set_params(learning_rate=1e3, max_iter=100)
    before = snapshot(model)
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(X * 100, y)
    assert snapshot(model) == before


@every_configuration
def test_an_interrupted_fit_leaves_the_previous_one_whole(solver, data, monkeypatch):
    model = fitted(solver)
    before = snapshot(model)
    calls = itertools.count()
    at = Objective.at

    def interrupted(self, w):
        if next(calls) == 5:
            raise KeyboardInterrupt
        return at(self, w)

    monkeypatch.setattr(Objective, "at", interrupted)
    X, y = data
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:, :3], y + 1)
    assert snapshot(model) == before


def test_a_failed_first_fit_leaves_nothing():
    X, y = problem()
    model = GDLogisticRegression(solver="gd", learning_rate=1e3)
    before = snapshot(model)
    with pytest.raises(ValueError, match="learning_rate"):
        model.fit(X * 1000, y)
    assert snapshot(model) == before
    with pytest.raises(NotFittedError):
        model.predict(X)


@every_solver
def test_predicting_checks_the_features(solver, data):
    X, _ = data
    model = fitted(solver)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        with pytest.raises(ValueError, match="3 features"):
            getattr(model, method)(X[:, :3])
        with pytest.raises(ValueError, match="NaN"):
            getattr(model, method)(np.full_like(X, np.nan))


@every_solver
def test_no_warning_of_numpy_escapes(solver):
    # Not even where every floating-point warning is an error.
    X, y = load_breast_cancer(return_X_y=True)
    with np.errstate(all="raise"):
        model = fit(solver, X, y, max_iter=20, tol=0.0, n_jobs=1)
        model.predict_proba(X)
        model.predict_log_proba(X * 1e20)
        X, y = problem(n_classes=3)
        fit(solver, X * 1e-160, y, max_iter=20, tol=0.0, n_jobs=1).predict_proba(X)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_same_model_as_scikit_learns(n_classes, names, intercept):
    pandas = pytest.importorskip("pandas")
    X, y = problem(n_classes=n_classes)
    y = np.array(["a", "b", "c"])[y]
    X = pandas.DataFrame(X, columns=list("abcd")) if names else X
    model = GDLogisticRegression(C=3.0, fit_intercept=intercept, class_weight="balanced").fit(X, y)
    theirs = model.to_sklearn()
    assert type(theirs) is LogisticRegression
    assert_allclose(theirs.predict_proba(X), model.predict_proba(X), rtol=1e-13)
    assert_array_equal(theirs.predict(X), model.predict(X))
    assert theirs.C == 3.0
    assert theirs.class_weight == "balanced"
    assert_array_equal(theirs.n_iter_, model.n_iter_)
    assert theirs.n_iter_ is not model.n_iter_
    assert hasattr(theirs, "feature_names_in_") == names
    theirs.coef_[:] = 0
    assert model.coef_.any()
    theirs.fit(X, y)
