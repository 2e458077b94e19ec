"""Arrays of other libraries: the model is that of NumPy, computed where the rows are."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import scipy
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from packaging.version import Version
from sklearn.exceptions import NotFittedError

from bce_logistic import (
    CollinearityWarning,
    GDLogisticRegression,
    LossCurveDisplay,
    SeparationWarning,
    check_separation,
    inference_table,
)
from bce_logistic.objective.certificate import duality_gap
from bce_logistic.objective.hessians import EXACT_EIGENVALUE_COLUMNS
from bce_logistic.objective.penalties import ElasticNet
from bce_logistic.objective.rounding import gradient_rounding, rounding_gap
from bce_logistic.objective.self_concordance import hessian_share
from bce_logistic.preconditioning.factors import sum_to_zero

from ..common import objective, probabilities, problem, weights

NEEDED = {np: "2.1", scipy: "1.14", sklearn: "1.9"}  # as in the extra "array-api"
if any(Version(package.__version__) < Version(oldest) for package, oldest in NEEDED.items()):
    pytest.skip("Older versions do not let all arrays in.", allow_module_level=True)
strict = pytest.importorskip("array_api_strict")
pytest.importorskip("array_api_compat")

from bce_logistic.rows.array_api import ArrayRows  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
EXACT = {"tol": 1e-13}
METHODS = ["decision_function", "predict_proba", "predict_log_proba", "predict"]


class Place(NamedTuple):
    """A library and one of its devices."""

    xp: Any
    device: Any

    def __call__(self, array, dtype=None):
        return self.xp.asarray(np.array(array, dtype), device=self.device)

    def has(self, array):
        """Whether an array is of this library and on this device."""
        return type(array) is type(self([1.0])) and array.device == self.device


def strict_place(device):
    return Place(strict, strict.Device(device))


def torch_place(device):
    torch = pytest.importorskip("torch")
    if device == "cuda" and not torch.cuda.is_available():
        pytest.skip("There is no CUDA device.")
    return Place(torch, torch.device(device, 0) if device == "cuda" else torch.device(device))


PLACES = {
    "strict": lambda: strict_place("CPU_DEVICE"),
    "strict, other device": lambda: strict_place("device1"),
    "torch": lambda: torch_place("cpu"),
    "torch, cuda": lambda: torch_place("cuda"),
}


@pytest.fixture(params=PLACES.values(), ids=PLACES)
def place(request):
    return request.param()


@pytest.fixture(autouse=True)
def dispatch(monkeypatch):
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")  # else scikit-learn refuses
    with sklearn.config_context(array_api_dispatch=True):
        yield


def host(array):
    return np.from_dlpack(array, device="cpu")


def same(model, other, rtol=1e-10):
    for name in ("coef_", "intercept_"):
        found, expected = host(getattr(model, name)), getattr(other, name)
        assert_allclose(found, expected, rtol=rtol, atol=rtol * np.abs(other.coef_).max())
        assert found.dtype == expected.dtype


def rows(place, X, y, s):
    return ArrayRows(place(X), place(y), place(s))


# The optimum.


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(
    "solver",
    [EXACT, {"solver": "gd", "nesterov": True, "max_iter": 30, "tol": 0.0}],
    ids=["preconditioned", "gd"],
)
@pytest.mark.parametrize(
    "params",
    [
        {},
        {"class_weight": "balanced"},
        {"class_weight": {0: 0.3}, "fit_intercept": False, "C": 0.1},
    ],
    ids=["plain", "balanced", "class weights"],
)
def test_the_model_is_that_of_numpy(place, n_classes, solver, params):
    X, y = problem(n_samples=300, n_classes=n_classes)
    s = weights(len(y))
    model = GDLogisticRegression(**solver, **params).fit(place(X), place(y), place(s))
    same(model, GDLogisticRegression(**solver, **params).fit(X, y, s))
    for name in ("coef_", "intercept_", "classes_", "loss_curve_", "gradient_norm_curve_"):
        assert place.has(getattr(model, name))
    assert_array_equal(host(model.classes_), range(n_classes))
    assert model.n_features_in_ == 4


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("offset", [0.0, 1e4])
@pytest.mark.parametrize("max_model", [4000, 0], ids=["model", "orthant"])
def test_a_sparse_model_is_that_of_numpy(place, n_classes, offset, max_model, monkeypatch):
    monkeypatch.setattr("bce_logistic.solvers.proximal.MAX_MODEL", max_model)
    X, y = problem(n_samples=300, n_features=12, n_classes=n_classes)
    s = weights(len(y))
    params = {"C": 0.1, "l1_ratio": 0.9, "tol": 1e-12}
    far = X + offset * np.arange(12)
    model = GDLogisticRegression(**params).fit(place(far), place(y), place(s))
    other = GDLogisticRegression(**params).fit(X, y, s)
    assert model.converged_
    assert place.has(model.coef_)
    coef = host(model.coef_)
    assert_allclose(coef, other.coef_, rtol=1e-4, atol=1e-6)
    assert_array_equal(coef == 0, other.coef_ == 0)
    assert 0 < np.count_nonzero(coef) < coef.size
    b, expected = host(model.intercept_) + coef @ (offset * np.arange(12)), other.intercept_
    if n_classes > 2:  # a common shift changes nothing
        b, expected = b - b.mean(), expected - expected.mean()
    assert_allclose(b, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("n_classes", "absent"), [(2, [0]), (3, [1]), (4, [0, 2]), (4, [1, 2, 3])])
def test_classes_without_weight(place, n_classes, absent):
    X, y = problem(n_samples=300, n_classes=n_classes)
    s = np.where(np.isin(y, absent), 0.0, weights(len(y)))
    with pytest.warns(UserWarning, match="have no weight"):
        model = GDLogisticRegression(**EXACT).fit(place(X), place(y), place(s))
    with pytest.warns(UserWarning, match="have no weight"):
        same(model, GDLogisticRegression(**EXACT).fit(X, y, s))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_fit_that_starts_from_a_subsample(place, n_classes):
    X, y = problem(n_samples=20_000, n_classes=n_classes)
    model = GDLogisticRegression(**EXACT).fit(place(X), place(y))
    other = GDLogisticRegression(**EXACT).fit(X, y)
    on_host = "cpu" in str(place.device).lower()
    # An accelerator needs no subsample; within 1e-13 of the minimum, 1e-7 is left open.
    same(model, other, rtol=1e-10 if on_host else 1e-6)
    assert place.has(model.n_iter_)
    if on_host:
        assert_array_equal(host(model.n_iter_), other.n_iter_)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_single_precision_stays(place, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    X = X.astype(np.float32)
    model = GDLogisticRegression().fit(place(X), place(y))
    other = GDLogisticRegression().fit(X, y)
    same(model, other, rtol=1e-4)
    assert host(model.predict_proba(place(X))).dtype == np.float32
    # Coefficients in double precision make the scores so, as in NumPy.
    double = GDLogisticRegression(**EXACT).fit(place(X, np.float64), place(y))
    assert host(double.decision_function(place(X))).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int16, bool])
def test_other_numbers_become_double_precision(place, dtype):
    X, y = problem(n_samples=300)
    X = (X > 0).astype(dtype)
    model = GDLogisticRegression(**EXACT).fit(place(X), place(y))
    other = GDLogisticRegression(**EXACT).fit(X, y)
    same(model, other)
    assert_array_equal(host(model.predict(place(X))), other.predict(X))


def test_complex_numbers_are_refused(place):
    X, y = problem()
    with pytest.raises(ValueError, match="Complex data not supported"):
        GDLogisticRegression().fit(place(X + 1j), place(y))


# The sums.


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("block_bytes", [1, 1 << 26], ids=["a block a row", "one block"])
def test_sums_over_rows_are_those_of_numpy(
    place, n_classes, fit_intercept, block_bytes, monkeypatch
):
    monkeypatch.setattr("bce_logistic.rows.array_api.BLOCK_BYTES", block_bytes)
    X, y = problem(n_classes=n_classes)
    s = weights(len(y))
    numpys = objective(X, y, s, 0.5, fit_intercept)
    ours = replace(numpys, rows=rows(place, X, y, s))
    w = np.random.default_rng(0).normal(size=numpys.shape)
    point, expected = ours.at(w), numpys.at(w)
    assert_allclose(point.value, expected.value, rtol=1e-13)
    assert_allclose(point.gradient, expected.gradient, rtol=1e-11)
    assert type(point.gradient) is np.ndarray
    for name in ("hessian", "hessian_diagonal", "class_hessians"):
        assert_allclose(getattr(ours, name)(w), getattr(numpys, name)(w), rtol=1e-11, atol=1e-11)
    assert_allclose(gradient_rounding(ours, w), gradient_rounding(numpys, w), rtol=1e-11)
    assert_allclose(duality_gap(ours, point), duality_gap(numpys, expected), rtol=1e-9)
    columns = np.array([0, 3])
    assert_allclose(
        ours.class_hessians(w, columns), numpys.class_hessians(w, columns), rtol=1e-11, atol=1e-11
    )
    assert_allclose(ours.smoothness(), numpys.smoothness(), rtol=1e-12)
    assert_allclose(ours.intercept_alone(), numpys.intercept_alone(), rtol=1e-12)
    assert_allclose(ours.smallest_weight, numpys.smallest_weight, rtol=1e-15)
    assert_allclose(ours.total_weight, numpys.total_weight, rtol=1e-14)


def test_largest_curvature_of_many_columns(place):
    X, y = problem(n_samples=100, n_features=EXACT_EIGENVALUE_COLUMNS + 10)
    numpys = objective(X, y)
    ours = replace(numpys, rows=rows(place, X, y, np.ones(100)))
    assert_allclose(ours.smoothness(), numpys.smoothness(), rtol=1e-10)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("n_samples", [200, 5000])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_probabilities_of_the_classes(place, n_classes, n_samples, class_weight):
    X, y = problem(n_samples, n_classes=n_classes)
    Y = 0.7 * np.eye(n_classes)[y] + 0.3 * probabilities(n_samples, n_classes)
    s = weights(n_samples)
    params = {**EXACT, "class_weight": class_weight}
    expected = GDLogisticRegression(**params).fit(X, Y, s)
    model = GDLogisticRegression(**params).fit(place(X), place(Y), place(s))
    same(model, expected, rtol=1e-6)
    assert place.has(model.classes_)
    # From NumPy, and in single precision.
    same(GDLogisticRegression(**params).fit(place(X), Y, s), expected, rtol=1e-6)
    single = GDLogisticRegression(**params).fit(place(X), place(Y, np.float32), place(s))
    same(single, expected, rtol=1e-3)


def test_what_is_no_probabilities_is_refused(place):
    X, y = problem(n_classes=3)
    Y = np.eye(3)[y]
    with pytest.raises(ValueError, match=r"y\[0\] sums to 2"):
        GDLogisticRegression().fit(place(X), place(2 * Y))
    Y[5, 1] = -1
    with pytest.raises(ValueError, match=r"y\[5, 1\] is -1"):
        GDLogisticRegression().fit(place(X), place(Y))
    one_hot = np.eye(3, dtype=np.int64)[y]
    model = GDLogisticRegression(**EXACT).fit(place(X), place(one_hot))
    same(model, GDLogisticRegression(**EXACT).fit(X, y), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rows_of_a_label_are_found(place, dtype):
    X, y = problem(n_samples=200, n_classes=3)
    X, s = X.astype(dtype), weights(200)
    label = np.array([2, 0, 0, 1, 2])
    position = np.array([1, 7, 0, 3, 9])
    found = rows(place, X, y, s).take_by_class(label, position)
    expected = objective(X, y, s).rows.take_by_class(label, position)
    for array, expected_array in zip(found, expected, strict=True):
        assert_array_equal(array, expected_array)
    assert found[0].dtype == found[2].dtype == np.float64


@pytest.mark.parametrize(("n_samples", "allowed"), [(500, 48), (20_000, 8000)])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_only_sums_and_a_subsample_become_numpys(n_samples, allowed, n_classes, monkeypatch):
    X, y = problem(n_samples=n_samples, n_classes=n_classes)
    place = strict_place("CPU_DEVICE")
    given = place(X), place(y), place(weights(n_samples))
    Array = type(given[0])
    sizes = []

    def recorded(name):
        method = getattr(Array, name)

        def record(array, *args, **kwargs):
            sizes.append(array.size)
            return method(array, *args, **kwargs)

        return record

    for name in ("__array__", "__buffer__", "__dlpack__"):
        monkeypatch.setattr(Array, name, recorded(name))
    model = GDLogisticRegression(class_weight="balanced").fit(*given)
    for method in METHODS:
        getattr(model, method)(given[0])
    assert len(sizes) > 10
    assert max(sizes) <= allowed


@pytest.mark.parametrize("n_classes", [2, 3])
def test_every_sum_over_the_rows_is_numpys(place, n_classes):
    X, y = problem(200, 6, n_classes)
    s = weights(200)
    F = objective(X, y, s)
    G = replace(F, rows=rows(place, X, y, s))
    w = np.random.default_rng(0).normal(size=F.shape) / 4
    w = sum_to_zero(w)
    some = np.array([0, 2, 5])
    sums = {
        "point": lambda F: [part for part in replace(F, certifies=True).at(w) if part is not None],
        "diagonal": lambda F: F.hessian_diagonal(w),
        "centred diagonal": lambda F: F.centred_diagonal(w),
        "by class": lambda F: F.class_hessians(w, some),
        "mean over classes": lambda F: F.mean_class_hessian(w, some),
        "Hessian": lambda F: F.hessian(w, some),
        "product": lambda F: F.hessian_product(w)(w),
        "intercept step": lambda F: F.intercept_step(F.at(w)),
        "smoothness": lambda F: F.smoothness(),
        "share": lambda F: hessian_share(F, w),
        "rounding": lambda F: rounding_gap(F, w, 1.0),
        "gap": lambda F: duality_gap(F, F.at(w)),
        "gap with L1": lambda F: duality_gap(with_l1(F), with_l1(F).at(w)),
    }

    def with_l1(F):
        l1 = np.append(np.full(6, 3.0), 0)
        return replace(F, penalty=ElasticNet(F.penalty.curvature, l1))

    for name, sum_over in sums.items():
        found, expected = sum_over(G), sum_over(F)
        parts = (
            zip(found, expected, strict=True)
            if isinstance(found, (tuple, list))
            else [(found, expected)]
        )
        for part, other in parts:
            assert isinstance(part, (float, np.ndarray, np.floating)), name
            assert_allclose(part, other, rtol=1e-9, atol=1e-11, err_msg=name)


# Predictions.


@pytest.mark.parametrize("n_classes", [2, 3])
def test_predictions_are_those_of_numpy(place, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    s = weights(len(y))
    model = GDLogisticRegression(**EXACT).fit(place(X), place(y))
    other = GDLogisticRegression(**EXACT).fit(X, y)
    for method in METHODS:
        predicted = getattr(model, method)(place(X))
        assert place.has(predicted)
        assert_allclose(host(predicted), getattr(other, method)(X), rtol=1e-9, atol=1e-11)
    # scikit-learn takes the mean of hits in the default precision of the library.
    assert_allclose(model.score(place(X), place(y)), other.score(X, y), rtol=1e-7)
    score = model.score(place(X), place(y), place(s))
    assert type(score) is float
    assert_allclose(score, other.score(X, y, s), rtol=1e-7)


@pytest.mark.parametrize("method", [*METHODS, "score"])
def test_features_have_to_be_where_the_coefficients_are(place, method):
    X, y = problem()
    model = GDLogisticRegression().fit(place(X), place(y))
    labels = (y,) if method == "score" else ()
    numpys = GDLogisticRegression().fit(X, y)
    match = rf"{method.replace('score', 'predict')}\(\) must use the same namespace"
    with pytest.raises(ValueError, match=match):
        getattr(model, method)(X, *labels)
    with pytest.raises(ValueError, match=match):
        getattr(numpys, method)(place(X), *labels)
    if place == strict_place("CPU_DEVICE"):
        with pytest.raises(ValueError, match=match):
            getattr(model, method)(strict_place("device1")(X), *labels)
    with sklearn.config_context(array_api_dispatch=False), pytest.raises(ValueError, match=match):
        getattr(model, method)(X, *labels)
    with pytest.raises(NotFittedError):
        getattr(GDLogisticRegression(), method)(place(X), *labels)


# Labels and weights.


@pytest.mark.parametrize(
    "labels",
    [
        lambda y: y.astype(np.int8),
        lambda y: y > 0,
        lambda y: y + 0.0,
        lambda y: 5 - 3 * y,
    ],
    ids=["int8", "bool", "float", "falling"],
)
def test_labels_of_any_type(place, labels):
    X, y = problem(n_samples=300)
    y = labels(y)
    model, other = GDLogisticRegression(), GDLogisticRegression().fit(X, y)
    predicted = model.fit(place(X), place(y)).predict(place(X))
    assert_array_equal(host(predicted), other.predict(X))
    assert host(predicted).dtype == y.dtype
    assert_array_equal(host(model.classes_), other.classes_)
    same(model, other, rtol=1e-8)


def test_a_library_may_find_the_labels_in_any_order(monkeypatch):
    X, y = problem(n_samples=300, n_classes=3)
    place, unique_inverse = strict_place("device1"), strict.unique_inverse

    def backwards(y):
        labels, inverse = unique_inverse(y)
        return labels[::-1], labels.shape[0] - 1 - inverse

    monkeypatch.setattr(strict, "unique_inverse", backwards)
    model, other = GDLogisticRegression(), GDLogisticRegression().fit(X, y)
    same(model.fit(place(X), place(y)), other, rtol=1e-8)
    assert_array_equal(host(model.classes_), other.classes_)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels_that_are_text_stay_numpys(place, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    y = np.array(["no", "yes", "perhaps"])[y]
    model, other = GDLogisticRegression(), GDLogisticRegression().fit(X, y)
    predicted = model.fit(place(X), y).predict(place(X))
    assert_array_equal(predicted, other.predict(X))
    assert_array_equal(model.classes_, other.classes_)
    assert_allclose(model.score(place(X), y), other.score(X, y), rtol=1e-14)


def test_more_labels_than_a_byte_has(place):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(600, 2)), np.arange(600) % 300
    model = GDLogisticRegression(solver="gd", max_iter=2, tol=0.0)
    same(model.fit(place(X), place(y)), GDLogisticRegression(**model.get_params()).fit(X, y))


@pytest.mark.parametrize("sample_weight", [None, 2, 0.5, "list", "ndarray", "elsewhere"])
def test_labels_and_weights_follow_the_features(place, sample_weight):
    X, y = problem(n_samples=300)
    s = weights(len(y))
    given = {"list": list(s), "ndarray": s, "elsewhere": strict_place("device1")(s)}
    model = GDLogisticRegression(**EXACT).fit(place(X), y, given.get(sample_weight, sample_weight))
    s = s if sample_weight in given else sample_weight
    same(model, GDLogisticRegression(**EXACT).fit(X, y, s))
    assert place.has(model.coef_)
    assert place.has(model.classes_)


def test_labels_and_weights_follow_features_in_numpy(place):
    X, y = problem(n_samples=300)
    s = weights(len(y))
    model = GDLogisticRegression().fit(X, place(y), place(s))
    assert type(model.coef_) is np.ndarray
    same(model, GDLogisticRegression().fit(X, y, s))
    stream = GDLogisticRegression().partial_fit(X, place(y), [0, 1], place(s))
    same(stream, GDLogisticRegression().partial_fit(X, y, [0, 1], s))


# Bad input.


@pytest.mark.parametrize(("bad", "what"), [(np.nan, "NaN"), (np.inf, "infinity")])
@pytest.mark.parametrize("solver", [{}, {"nesterov": True}], ids=["preconditioned", "gd"])
def test_numbers_that_are_not_finite(place, bad, what, solver):
    X, y = problem()
    model = GDLogisticRegression(**solver).fit(place(X), place(y))
    X[7, 1] = bad
    before = host(model.coef_).copy()
    with pytest.raises(ValueError, match=f"Input X contains {what}"):
        model.fit(place(X), place(y))
    assert_array_equal(host(model.coef_), before)
    with pytest.raises(ValueError, match=f"Input X contains {what}"):
        model.predict(place(X))
    with pytest.raises(ValueError, match="Input y contains NaN"):
        model.fit(place(np.ones_like(X)), place(np.where(y, np.nan, 0.0)))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda X, y, s: (X, y * 0, s), "one class only"),
        (lambda X, y, s: (X, y + 0.5 * X[:, 0], s), "continuous"),
        (lambda X, y, s: (X, y[:-1], s), "inconsistent numbers of samples"),
        (lambda X, y, s: (X[:, 0], y, s), "Expected 2D array"),
        (lambda X, y, s: (X, y, -s), "negative weight"),
        (lambda X, y, s: (X, y, s * np.nan), "Input sample_weight contains NaN"),
        (lambda X, y, s: (X, y, s * 2e307), "so large that its sum overflows"),
        (lambda X, y, s: (X, y, s[:-1]), "one for each sample"),
        (lambda X, y, s: (X, y, s[:, None]), "must be 1D"),
        (lambda X, y, s: (X, y, s * 0), "sample_weight leaves no weight"),
    ],
)
def test_errors_are_those_of_numpy(place, change, match):
    X, y = problem()
    bad = change(X, y, weights(len(y)))
    for given in (bad, [place(array) for array in bad]):
        with pytest.raises(ValueError, match=match):
            GDLogisticRegression().fit(*given)


def test_what_is_not_supported_is_refused(place):
    X, y = problem()
    for params in ({"batch_size": 8}, {"early_stopping": True}):
        with pytest.raises(ValueError, match="batch_size=None and early_stopping=False"):
            GDLogisticRegression(**params).fit(place(X), place(y))
    with pytest.raises(ValueError, match="partial_fit learns from NumPy arrays"):
        GDLogisticRegression().partial_fit(place(X), place(y), classes=[0, 1])
    model = GDLogisticRegression(C=np.inf, tol=1e-12).fit(place(X), place(y))
    with pytest.raises(TypeError, match="computes with NumPy"):
        inference_table(model, place(X), place(y))
    assert len(inference_table(model, X, y)) == 5


def test_collinear_columns_and_separation(place):
    X, y = problem(n_samples=300)
    X[:, 3] = X[:, 0]
    with pytest.warns(CollinearityWarning, match="Leave out x3:"):
        model = GDLogisticRegression(C=np.inf, **EXACT).fit(place(X), place(y))
    with pytest.warns(CollinearityWarning):
        same(model, GDLogisticRegression(C=np.inf, **EXACT).fit(X, y), rtol=1e-8)
    X[:, 3] = np.arange(300) < 20
    y[:20] = 1
    with pytest.warns(SeparationWarning, match="by x3:"):
        GDLogisticRegression(C=np.inf).fit(place(X), place(y))
    with pytest.raises(TypeError, match="in memory"):
        check_separation(place(X), place(y))


# Everything else.


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_warm_start_goes_on(place, n_classes):
    X, y = problem(n_samples=300, n_classes=n_classes)
    params = {"solver": "gd", "momentum": 0.5, "tol": 0.0, "warm_start": True}
    model = GDLogisticRegression(max_iter=10, **params)
    model.fit(place(X), place(y)).fit(place(X), place(y))
    same(model, GDLogisticRegression(max_iter=20, **params).fit(X, y), rtol=1e-9)
    with pytest.raises(ValueError, match="continues a fit of 4 features"):
        model.fit(place(X[:, :3]), place(y))


def test_a_fit_that_does_not_converge_says_so(place):
    X, y = problem()
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="largest component"):
        GDLogisticRegression(solver="gd", max_iter=1).fit(place(X), place(y))


def test_a_curve_is_drawn(place):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    X, y = problem()
    model = GDLogisticRegression().fit(place(X), place(y))
    display = LossCurveDisplay.from_estimator(model)
    assert_array_equal(display.line_.get_ydata(), host(model.loss_curve_))
    matplotlib.pyplot.close("all")


def test_without_dispatch_arrays_become_numpys():
    X, y = problem()
    place = strict_place("CPU_DEVICE")
    with sklearn.config_context(array_api_dispatch=False):
        model = GDLogisticRegression().fit(place(X), place(y))
        assert type(model.coef_) is np.ndarray
        assert type(model.predict(place(X))) is np.ndarray
    same(model, GDLogisticRegression().fit(X, y), rtol=1e-15)


def test_what_is_missing_is_named(monkeypatch):
    X, y = problem()
    monkeypatch.setitem(sys.modules, "array_api_compat", None)
    monkeypatch.delitem(sys.modules, "bce_logistic.rows.array_api")
    with pytest.raises(ImportError, match="pip install array-api-compat"):
        GDLogisticRegression().fit(strict_place("device1")(X), y)
    GDLogisticRegression().fit(X, y)


CHECKS = """
import warnings
from unittest import SkipTest

from sklearn.utils.estimator_checks import estimator_checks_generator

from bce_logistic import GDLogisticRegression
from tests.common import CHECKED

warnings.simplefilter("ignore")
done = set()
for params in CHECKED:
    for estimator, check in estimator_checks_generator(GDLogisticRegression(**params)):
        if "array_api" in check.func.__name__:
            try:
                check(estimator)
            except SkipTest:
                continue
            done.add((check.func.__name__, check.keywords.get("array_namespace")))
print(*sorted(map(str, done)), sep="\\n")
"""


def test_checks_of_scikit_learn():
    # SciPy looks at the variable when it is imported.
    environment = os.environ | {"SCIPY_ARRAY_API": "1", "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", CHECKS], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    for name, namespace in [
        ("check_array_api_input", "numpy"),
        ("check_array_api_input", "array_api_strict"),
        ("check_array_api_same_namespace", "array_api_strict"),
    ]:
        assert str((name, namespace)) in result.stdout
