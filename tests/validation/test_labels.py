"""Labels against NumPy's own functions, with batches so short that there are many."""

from __future__ import annotations

import re
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.multiclass import check_classification_targets

from bce_logistic.rows.label_index import label_counts, label_weights, rows_by_class
from bce_logistic.validation.labels import (
    FIRST_LABELS,
    LABEL_BATCH,
    check_and_encode,
    check_partial_fit_classes,
    fit_encode,
)

from ..common import weights


@pytest.fixture(autouse=True)
def short_batches(monkeypatch):
    monkeypatch.setattr("bce_logistic.validation.labels.LABEL_BATCH", 7)


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
    classes, encoded = fit_encode(y)
    expected_classes, expected = np.unique(y, return_inverse=True)
    assert_array_equal(classes, expected_classes)
    assert classes.dtype == expected_classes.dtype
    assert_array_equal(encoded, expected)
    assert encoded.dtype == np.uint8


@given(
    labels=st.lists(st.integers(-3, 3), min_size=2, max_size=50).filter(lambda y: len(set(y)) > 1)
)
def test_labels_that_come_late_are_found(labels):
    # As if only three labels were looked at before the rest is compared with them.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bce_logistic.validation.labels.FIRST_LABELS", 3)
        classes, encoded = fit_encode(np.array(labels))
    assert_array_equal(classes, np.unique(labels))
    assert_array_equal(classes[encoded.astype(int)], labels)


def test_one_rare_label_after_many():
    y = np.zeros(2 * FIRST_LABELS, dtype=int)
    y[-1], y[-2] = -5, 9
    classes, encoded = fit_encode(y)
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
        fit_encode(y)


@pytest.mark.parametrize(("n_classes", "n_bytes"), [(2, 1), (3, 1), (256, 1), (257, 2)])
def test_numbers_of_labels_take_few_bytes(n_classes, n_bytes):
    y = np.arange(1000) % n_classes
    _, encoded = fit_encode(y)
    assert encoded.itemsize == n_bytes
    assert_array_equal(encoded, y)


@pytest.mark.parametrize("n_labels", [2, 3, 10])
def test_counts_and_weights(n_labels):
    y = np.random.default_rng(0).integers(0, n_labels - 1, 100).astype(np.uint8)
    s = weights(100)
    assert_array_equal(label_counts(y, n_labels), np.bincount(y, minlength=n_labels))
    totals = [s[y == k].sum() for k in range(n_labels)]
    assert_allclose(label_weights(y, s, n_labels), totals, rtol=1e-14)


def test_weight_of_labels_between_two():
    share, s = np.linspace(0, 1, 50), weights(50)
    assert_allclose(label_weights(share, s, 2), [s @ (1 - share), s @ share], rtol=1e-14)


@pytest.mark.parametrize("n_samples", [1, 6, 7, 8, 100])
def test_members_are_found(n_samples):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, n_samples)
    rows = rng.permutation(n_samples)[:40]
    rank = np.array([(y[:row] == y[row]).sum() for row in rows])
    assert_array_equal(rows_by_class(y, y[rows], rank), rows)


@pytest.mark.parametrize("kind", [np.int64, np.float32, "U3"])
def test_little_memory_beyond_a_byte_a_label(kind, monkeypatch):
    monkeypatch.setattr("bce_logistic.validation.labels.LABEL_BATCH", LABEL_BATCH)
    n_samples = 2_000_000
    y = (np.arange(n_samples) % 3 == 0).astype(np.int8).astype(kind)
    s = np.broadcast_to(1.0, n_samples)
    rank = np.arange(1000)
    tracemalloc.start()
    _, encoded = fit_encode(y)
    assert_allclose(label_weights(encoded, s, 2), label_counts(encoded, 2), rtol=1e-15)
    assert_array_equal(rows_by_class(encoded, np.ones(1000), rank), 3 * rank)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < n_samples + 100 * LABEL_BATCH


@pytest.mark.parametrize("labels", [["b", "a", "c"], [3, 1, 7], [0.0, 1.0, 2.0]], ids=str)
def test_known_labels_are_numbered_like_unknown_ones(labels):
    y = np.array(labels)[[0, 1, 2, 2, 0]]
    classes, encoded = fit_encode(y)
    found = check_and_encode(y, classes)
    assert_array_equal(found, encoded)
    assert_array_equal(check_and_encode(y[:1], classes), encoded[:1])


@pytest.mark.parametrize(
    ("y", "match"),
    [([0, 2], r"unseen labels.*2"), ([0.5, 1.0], "Unknown label type"), (["0", "1"], "<U1 labels")],
    ids=["unknown", "continuous", "text"],
)
def test_labels_that_are_not_known(y, match):
    with pytest.raises(ValueError, match=match):
        check_and_encode(np.array(y), np.array([0, 1]))


@pytest.mark.parametrize("kind", [float, np.float32, object, "U2"], ids=str)
def test_many_classes_are_no_reason_to_warn(kind):
    # Warnings are errors here. Of 26 labels, more than half are there once.
    labels = np.array([chr(65 + k) for k in range(26)] if kind in (object, "U2") else range(26))
    labels = labels.astype(kind)
    classes, _ = fit_encode(labels[np.arange(2000) % 26])
    assert_array_equal(classes, labels)
    assert_array_equal(check_and_encode(labels[:25], classes), np.arange(25))
    assert_array_equal(check_partial_fit_classes(None, labels), labels)


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@given(
    labels=st.lists(
        st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0**53, 2.0**63, -(2.0**63), 1e300, np.inf]),
        min_size=2,
    ).filter(lambda y: len(set(y)) > 1)
)
def test_float_labels_are_refused_where_scikit_learn_refuses_them(labels):
    y = np.array(labels)
    try:
        check_classification_targets(y)
    except ValueError as error:
        with pytest.raises(ValueError, match=re.escape(str(error).split(":")[0])):
            fit_encode(y)
    else:
        assert_array_equal(fit_encode(y)[0], np.unique(y))


def test_objects_that_are_no_text_are_refused_with_a_remedy():
    y = np.array([0, 1, 0], dtype=object)
    with pytest.raises(ValueError, match=r"Unknown label type.*np.array\(y.tolist\(\)\)"):
        fit_encode(y)
    assert_array_equal(fit_encode(np.array(y.tolist()))[1], [0, 1, 0])


def test_classes_of_a_stream():
    assert_array_equal(check_partial_fit_classes(None, ["b", "a", "b"]), ["a", "b"])
    known = np.array(["a", "b"])
    assert check_partial_fit_classes(known, None) is known
    assert_array_equal(check_partial_fit_classes(known, ["b", "a"]), known)


@pytest.mark.parametrize(
    ("known", "classes", "match"),
    [
        (None, None, "has to name all classes"),
        (None, ["a"], "at least two"),
        (np.array(["a", "b"]), ["a", "c"], "not those"),
        (np.array(["a", "b"]), ["a", "b", "c"], "not those"),
        (None, [0, None], "classes has a missing label.*position 1"),
    ],
)
def test_classes_that_no_stream_has(known, classes, match):
    with pytest.raises(ValueError, match=match):
        check_partial_fit_classes(known, classes)
