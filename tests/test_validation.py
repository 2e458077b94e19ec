"""Checks of the input, against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.class_weight import compute_sample_weight

from bce_logistic.row_blocks import label_weights
from bce_logistic.validation import (
    FIRST_LABELS,
    check_sample_weight,
    check_sparse,
    check_two_classes,
    class_weighted,
    class_weights,
    encode_known_labels,
    encode_labels,
    explain_not_finite,
    stream_classes,
    unchanged_on_error,
)

from .common import weights

LABELS = {
    "str": np.array(["no", "yes", "no", "maybe"]),
    "object": np.array(["no", "yes", "no", "maybe"], dtype=object),
    "int": np.array([3, -1, 3, 7]),
    "uint8": np.array([0, 255, 0], dtype=np.uint8),
    "bool": np.array([True, False, True]),
    "float": np.array([-1.0, 2.0, -1.0]),
    "huge": np.array([2**62, 2**62 + 1, 2**62]),
}


@pytest.mark.parametrize("y", LABELS.values(), ids=LABELS)
def test_labels_are_encoded_as_numpy_does(y):
    classes, encoded = encode_labels(y)
    expected_classes, expected = np.unique(y, return_inverse=True)
    assert_array_equal(classes, expected_classes)
    assert classes.dtype == expected_classes.dtype
    assert_array_equal(encoded, expected)
    assert encoded.dtype.kind == ("f" if len(classes) == 2 else "i")


@given(
    labels=st.lists(st.integers(-3, 3), min_size=2, max_size=50).filter(lambda y: len(set(y)) > 1)
)
def test_labels_that_come_late_are_found(labels):
    # As if only three labels were looked at before the rest is compared with them.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bce_logistic.validation.FIRST_LABELS", 3)
        classes, encoded = encode_labels(np.array(labels))
    assert_array_equal(classes, np.unique(labels))
    assert_array_equal(classes[encoded.astype(int)], labels)


def test_one_rare_label_after_many():
    y = np.zeros(2 * FIRST_LABELS, dtype=int)
    y[-1], y[-2] = -5, 9
    classes, encoded = encode_labels(y)
    assert_array_equal(classes, [-5, 0, 9])
    assert_array_equal(encoded[-3:], [1, 2, 0])


@pytest.mark.parametrize(
    ("y", "error", "match"),
    [
        (np.array([1, 1, 1]), ValueError, "one class only: .*1"),
        (np.array([0.5, 1.0, 2.0]), ValueError, "continuous"),
        (np.array([1, "a"], dtype=object), TypeError, "not supported between"),
        (np.array([None, "a"], dtype=object), TypeError, "not supported between"),
        (np.array([1] * FIRST_LABELS + ["a"], dtype=object), TypeError, "not supported between"),
    ],
    ids=["one class", "continuous", "mixed", "none", "mixed late"],
)
def test_labels_that_are_no_classes(y, error, match):
    with pytest.raises(error, match=match):
        encode_labels(y)


def test_an_index_check_reads_what_is_used_and_no_more():
    X = scipy.sparse.csr_array(np.eye(3))
    check_sparse(X)
    X.indices = np.append(X.indices, [7])  # behind the last row
    check_sparse(X)
    X.indptr = np.array([0, 1, 2, 4])
    with pytest.raises(ValueError, match="corrupt"):
        check_sparse(X)
    for other in (np.eye(3), None, scipy.sparse.lil_array((3, 3)), scipy.sparse.csr_array((3, 0))):
        check_sparse(other)


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
    return y, weights(10, seed=1), *encode_labels(y)


def weighted(s, class_weight, classes, encoded):
    """Sample weights times class weights."""
    totals = label_weights(encoded, s, len(classes))
    return class_weighted(s, class_weights(class_weight, classes, totals), encoded)


@pytest.mark.parametrize("class_weight", [{"a": 2.0, "b": 0.5, "c": 3}, {"b": 4.0}, None])
def test_class_weights_are_those_of_scikit_learn(class_weight):
    y, s, classes, encoded = three_classes()
    expected = s if class_weight is None else s * compute_sample_weight(class_weight, y)
    assert_allclose(weighted(s, class_weight, classes, encoded), expected, rtol=1e-15)


def test_equal_class_weights_cost_nothing():
    _, s, _, encoded = three_classes()
    assert class_weighted(s, np.ones(3), encoded) is s


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
    ("totals", "match"), [([0.0, 2.0, 0.0], "one class only"), ([0.0, 0.0], "zero for every")]
)
def test_weights_of_one_class_only(totals, match):
    with pytest.raises(ValueError, match=f"thing leaves .*{match}"):
        check_two_classes(np.array(totals), "thing")
    check_two_classes(np.array([*totals, 1.0, 1.0]), "thing")


@pytest.mark.parametrize("labels", [["b", "a", "c"], [3, 1, 7], [0.0, 1.0, 2.0]], ids=str)
def test_known_labels_are_numbered_like_unknown_ones(labels):
    y = np.array(labels)[[0, 1, 2, 2, 0]]
    classes, encoded = encode_labels(y)
    found = encode_known_labels(y, classes)
    assert_array_equal(found, encoded)
    assert_array_equal(encode_known_labels(y[:1], classes), encoded[:1])


def test_two_known_labels_are_numbers_of_the_second():
    encoded = encode_known_labels(np.array(["b", "b"]), np.array(["a", "b"]))
    assert_array_equal(encoded, [1.0, 1.0])
    assert encoded.dtype == np.float64


@pytest.mark.parametrize(
    ("y", "match"),
    [([0, 2], "unseen labels.*2"), ([0.5, 1.0], "Unknown label type"), (["0", "1"], "<U1")],
    ids=["unknown", "continuous", "text"],
)
def test_labels_that_are_not_known(y, match):
    with pytest.raises(ValueError, match=match):
        encode_known_labels(np.array(y), np.array([0, 1]))


def test_classes_of_a_stream():
    assert_array_equal(stream_classes(None, ["b", "a", "b"]), ["a", "b"])
    known = np.array(["a", "b"])
    assert stream_classes(known, None) is known
    assert_array_equal(stream_classes(known, ["b", "a"]), known)


@pytest.mark.parametrize(
    ("known", "classes", "match"),
    [
        (None, None, "has to name all classes"),
        (None, ["a"], "at least two"),
        (np.array(["a", "b"]), ["a", "c"], "not those"),
        (np.array(["a", "b"]), ["a", "b", "c"], "not those"),
    ],
)
def test_classes_that_no_stream_has(known, classes, match):
    with pytest.raises(ValueError, match=match):
        stream_classes(known, classes)


@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_matrix], ids=["dense", "sparse"])
@pytest.mark.parametrize(
    ("bad", "match"), [(np.nan, "contains NaN"), (np.inf, "infinity"), (1e300, "StandardScaler")]
)
def test_the_culprit_is_named(layout, bad, match):
    X = np.eye(3)
    X[1, 1] = bad
    with pytest.raises(ValueError, match=match):
        explain_not_finite(layout(X), object())


class Thing:
    """Some attributes."""


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_attributes_come_back_after_an_error(error):
    thing = Thing()
    thing.kept, thing.changed, thing.removed = 1, 2, 3
    before = vars(thing).copy()

    def work():
        with unchanged_on_error(thing):
            thing.changed, thing.new = 20, 4
            del thing.removed
            raise error

    with pytest.raises(error):
        work()
    assert vars(thing) == before


def test_attributes_stay_after_success():
    thing = Thing()
    with unchanged_on_error(thing):
        thing.new = 1
    assert thing.new == 1
