"""Checks of the input, against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight

from bce_logistic import GDLogisticRegression
from bce_logistic.estimators.fitted_state import rollback_on_error
from bce_logistic.rows.label_index import label_weights
from bce_logistic.rows.memory import row_blocks
from bce_logistic.validation.labels import fit_encode
from bce_logistic.validation.weights import check_sample_weight, weigh_classes

from ..common import weights


@pytest.mark.parametrize("given", [None, 1, 2.5, np.float32(2)])
def test_one_number_is_the_weight_of_every_sample(given):
    s = check_sample_weight(given, 5)
    assert_array_equal(s, np.full(5, 1.0 if given is None else given))
    assert s.dtype == np.float64


@pytest.mark.parametrize(
    "given",
    [[1, 2, 0], np.array([1.0, 2.0, 0.0], dtype=np.float32), (True, True, False)],
    ids=["list", "float32", "bool"],
)
def test_weights_become_floats(given):
    s = check_sample_weight(given, 3)
    assert_array_equal(s, np.asarray(given, dtype=float))
    assert s.dtype == np.float64


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ([1, -1, 1], "negative"),
        (-1.0, "negative"),
        ([1, np.nan, 1], "NaN"),
        (np.nan, "NaN"),
        ([1, np.inf, 1], "infinity"),
        ([1, 1], r"\(2,\).*\(3,\)"),
        ([[1], [1], [1]], "1D"),
        (np.ones((3, 2)), "1D"),
        ("heavy", "convert string"),
        (np.array([1j, 1, 1]), "Complex"),
    ],
)
def test_weights_that_are_none(given, match):
    with pytest.raises(ValueError, match=match):
        check_sample_weight(given, 3)


def three_classes():
    y = np.array(["a"] * 5 + ["b"] * 3 + ["c"] * 2)
    return y, weights(10, seed=1), *fit_encode(y)


def weighted(s, class_weight, classes, encoded):
    """Sample weights times class weights."""
    totals = label_weights(encoded, s, len(classes))
    model = GDLogisticRegression(class_weight=class_weight)
    return weigh_classes(model, classes, totals).coded(encoded, s)[1]


@pytest.mark.parametrize("class_weight", [{"a": 2.0, "b": 0.5, "c": 3}, {"b": 4.0}, None])
def test_class_weights_are_those_of_scikit_learn(class_weight):
    y, s, classes, encoded = three_classes()
    expected = s if class_weight is None else s * compute_sample_weight(class_weight, y)
    assert_allclose(weighted(s, class_weight, classes, encoded), expected, rtol=1e-15)


def test_balanced_classes_weigh_the_same():
    y, s, classes, encoded = three_classes()
    ones = np.ones(10)
    expected = compute_sample_weight("balanced", y)
    assert_allclose(weighted(ones, "balanced", classes, encoded), expected, rtol=1e-15)
    balanced = weighted(s, "balanced", classes, encoded)
    totals = [balanced[y == label].sum() for label in classes]
    assert_allclose(totals, s.sum() / 3, rtol=1e-14)


def test_a_class_without_weight_is_not_balanced():
    _, s, classes, encoded = three_classes()
    s = np.where(encoded == 2, 0.0, s)
    balanced = weighted(s, "balanced", classes, encoded)
    assert np.isfinite(balanced).all()
    assert_array_equal(balanced[encoded == 2], 0)
    assert_allclose(balanced[encoded == 0].sum(), balanced[encoded == 1].sum(), rtol=1e-14)


@pytest.mark.parametrize(
    ("class_weight", "match"),
    [
        ({"a": -1.0}, "not negative"),
        ({"a": np.nan}, "finite"),
        ({"a": np.inf}, "finite"),
        ({"d": 1.0}, "class_weight"),
    ],
)
def test_class_weights_that_are_none(class_weight, match):
    _, s, classes, encoded = three_classes()
    with pytest.raises(ValueError, match=match):
        weighted(s, class_weight, classes, encoded)


@pytest.mark.parametrize(
    ("totals", "class_weight", "fit_intercept", "stream", "weighted", "scored"),
    [
        ([1.0, 2.0, 3.0], None, True, False, [1, 1, 1], [1, 1, 1]),
        ([1.0, 0.0, 3.0], None, True, False, [1, 0, 1], [1, 0, 1]),
        ([1.0, 2.0, 3.0], {1: 0.0}, True, False, [1, 0, 1], [1, 0, 1]),
        ([0.0, 0.0, 3.0], None, True, False, [0, 0, 1], [1, 1, 1]),
        ([1.0, 0.0, 3.0], None, False, False, [1, 0, 1], [1, 1, 1]),
        ([1.0, 0.0, 3.0], None, True, True, [1, 0, 1], [1, 1, 1]),
        ([0.0, 0.0, 0.0], None, True, True, [0, 0, 0], [1, 1, 1]),
        ([0.0, 2.0], "balanced", True, False, [0, 1], [1, 1]),
    ],
)
def test_classes_that_are_learnt(totals, class_weight, fit_intercept, stream, weighted, scored):
    model = GDLogisticRegression(class_weight=class_weight, fit_intercept=fit_intercept)
    found = weigh_classes(model, np.arange(len(totals)), np.array(totals), stream=stream)
    assert_array_equal(found.weighted, weighted)
    assert_array_equal(found.scored, scored)


@pytest.mark.parametrize(
    ("totals", "class_weight", "match"),
    [([0.0, 0.0], None, "sample_weight leaves"), ([1.0, 0.0], {0: 0.0}, "class_weight leaves")],
)
def test_weights_of_no_class(totals, class_weight, match):
    model = GDLogisticRegression(class_weight=class_weight)
    with pytest.raises(ValueError, match=match):
        weigh_classes(model, np.arange(2), np.array(totals))


@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    ("bad", "match"),
    [
        (np.nan, r"contains NaN(.|\n)*The first is X\[1, 1\]"),
        (np.inf, r"infinity(.|\n)*The first is X\[1, 1\]"),
        (1e300, "StandardScaler"),
    ],
)
def test_the_culprit_is_named(layout, bad, match):
    X = np.eye(3)
    X[1, 1] = bad
    rows = row_blocks(layout(X), np.zeros(3), np.ones(3))
    with pytest.raises(ValueError, match=match):
        rows.check_finite(GDLogisticRegression())


class Thing:
    """Some attributes."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_attributes_come_back_after_an_error(error):
    thing = Thing()
    thing.kept, thing.changed, thing.removed = 1, 2, 3
    before = vars(thing).copy()

    def work():
        with rollback_on_error(thing):
            thing.changed, thing.new = 20, 4
            del thing.removed
            raise error

    with pytest.raises(error):
        work()
    assert vars(thing) == before


def test_attributes_stay_after_success():
    thing = Thing()
    with rollback_on_error(thing):
        thing.new = 1
    assert thing.new == 1
