"""Soft labels: what counts as probabilities of the classes, and the names of their columns."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

from bce_logistic.validation.labels import check_and_encode, fit_encode
from bce_logistic.validation.probabilities import SUM_TOLERANCE, ClassColumns

from ..common import probabilities


def soft_labels(y):
    return ClassColumns.of(y).soft_labels(np.asarray(y))


@pytest.mark.parametrize(
    "y",
    [
        [0, 1],
        ["ab", "cd"],
        [],
        None,
        3,
        np.zeros(4),
        np.zeros((4, 1)),
        np.zeros((4, 2, 2)),
        [[1], [0]],
    ],
    ids=repr,
)
def test_labels_have_no_columns_of_classes(y):
    assert ClassColumns.of(y) is None


@pytest.mark.parametrize(
    ("kind", "expected"),
    [(bool, float), (np.int8, float), (object, float), (np.float16, float), (np.float32,) * 2],
)
def test_every_kind_of_numbers_can_be_probabilities(kind, expected):
    one_hot = np.eye(3)[[0, 2, 1, 1]]
    found = soft_labels(one_hot.astype(kind))
    assert_array_equal(found.probabilities, one_hot)
    assert found.probabilities.dtype == expected
    assert_array_equal(found.classes, [0, 1, 2])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floating_point_numbers_are_not_copied(kind):
    y = probabilities(50, 3).astype(kind)
    assert soft_labels(y).probabilities is y


def test_lists_are_arrays():
    assert_array_equal(soft_labels([[0.25, 0.75]]).probabilities, [[0.25, 0.75]])
    assert_array_equal(soft_labels(([1, 0], [0, 1])).probabilities, np.eye(2))


def test_sums_may_be_rounded():
    y = probabilities(100, 3)
    soft_labels(y.astype(np.float32))
    soft_labels(y * (1 + 0.9 * SUM_TOLERANCE))
    with pytest.raises(ValueError, match=r"y\[0\] sums to 1.0000011"):
        soft_labels(y * (1 + 1.1 * SUM_TOLERANCE))
    with pytest.raises(ValueError, match=r"y\[0\] sums to 0.9999989"):
        soft_labels(y * (1 - 1.1 * SUM_TOLERANCE))


def spoilt(i, j, value):
    y = probabilities(40_000, 3)
    y[i, j] = value
    return y


REFUSED = {
    "negative": (spoilt(7, 1, -0.25), r"y\[7, 1\] is -0.25\. .*no number negative"),
    "far down": (spoilt(39_999, 2, -1e-300), r"y\[39999, 2\] is -1e-300"),
    "NaN": (spoilt(0, 0, np.nan), r"y\[0, 0\] is nan"),
    "infinite": (spoilt(3, 0, np.inf), r"y\[3\] sums to inf"),
    "several labels": (np.array([[1, 0], [1, 1]]), r"y\[1\] sums to 2\. .*MultiOutputClassifier"),
    "no label": (np.array([[1, 0], [0, 0]]), r"y\[1\] sums to 0"),
    "counts": (np.array([[3, 1], [2, 2]]), r"y\[0\] sums to 4\. .*y / y.sum\(axis=1, keepdims"),
    "text": (np.array([["a", "b"]]), "y holds <U1. .*with one dimension"),
    "text as objects": (np.array([["a", 1]], dtype=object), "could not convert.*with one dim"),
    "complex": (np.ones((2, 2)) + 1j, "y holds complex128"),
    "dates": (np.zeros((2, 2), "M8[D]"), "y holds datetime64"),
    "sparse": (scipy.sparse.csr_array(np.eye(3)), r"sparse matrix.*y\.toarray\(\)"),
    "masked": (np.ma.masked_array(np.eye(2), mask=np.eye(2)), "masked values"),
}


@pytest.mark.parametrize(("y", "match"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_probabilities_is_refused(y, match):
    with pytest.raises(ValueError, match=match):
        soft_labels(y)


# Names of the columns.


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_are_sorted_by_their_names(library):
    frames = pytest.importorskip(library)
    y = probabilities(5, 3)
    frame = frames.DataFrame({"cat": y[:, 0], "ant": y[:, 1], "bee": y[:, 2]})
    found = soft_labels(frame)
    assert_array_equal(found.classes, ["ant", "bee", "cat"])
    assert_array_equal(found.probabilities, y[:, [1, 2, 0]])


def test_columns_may_be_numbers():
    pd = pytest.importorskip("pandas")
    found = soft_labels(pd.DataFrame(np.eye(3), columns=[7, 3, 5]))
    assert_array_equal(found.classes, [3, 5, 7])
    assert_array_equal(found.probabilities, np.eye(3)[:, [1, 2, 0]])


@pytest.mark.parametrize(
    ("columns", "error", "match"),
    [
        (["a", "a"], ValueError, "each once"),
        (["a", 1], TypeError, "mixes text"),
        ([0.5, 1.0], ValueError, "Unknown label type"),
        ([("a", "b"), ("a", "c")], ValueError, "each once"),
    ],
    ids=["twice", "mixed", "continuous", "pairs"],
)
def test_columns_that_name_no_classes(columns, error, match):
    pd = pytest.importorskip("pandas")
    with pytest.raises(error, match=match):
        soft_labels(pd.DataFrame(np.eye(2), columns=columns))


def test_soft_labels_are_encoded_as_they_are():
    soft = soft_labels(probabilities(5, 3))
    classes, encoded = fit_encode(soft)
    assert_array_equal(classes, [0, 1, 2])
    assert encoded is soft.probabilities
    # Columns without names stand for any three classes, in their order.
    assert check_and_encode(soft, np.array(["a", "b", "c"])) is soft.probabilities


def test_columns_of_other_classes_are_refused():
    pd = pytest.importorskip("pandas")
    named = soft_labels(pd.DataFrame(np.eye(2), columns=["a", "b"]))
    assert check_and_encode(named, np.array(["a", "b"])) is named.probabilities
    with pytest.raises(ValueError, match=r"stand for the classes \['a' 'b'\].*\['a' 'c'\]"):
        check_and_encode(named, np.array(["a", "c"]))
    with pytest.raises(ValueError, match=r"stand for the classes \[0 1\].*\[0 1 2\]"):
        check_and_encode(soft_labels(np.eye(2)), np.arange(3))
