"""Input that scikit-learn's public helpers do not check: labels, weights, finiteness."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.preprocessing import LabelEncoder
from sklearn.utils import assert_all_finite, check_array
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels

Array = NDArray[np.float64]

TEXT = "US"  # kinds of arrays
# Enough labels to meet every class that is not rare.
FIRST_LABELS = 4096


def check_kind(data: Any, name: str) -> None:
    """Refuse what NumPy would turn into numbers without a word.

    Parameters
    ----------
    data : array-like, sparse matrix or data frame
        Features or weights.
    name : str
        What the message calls them.

    Raises
    ------
    ValueError
        If values are masked, or if they are text, dates, durations or records.
    """
    _check_mask(data, name)
    if hasattr(data, "columns"):  # a frame of one kind of columns becomes an array of that kind
        data = np.asarray(data.head(1))
    dtype = getattr(data, "dtype", None)
    if getattr(dtype, "kind", "O") in "USMmV":
        raise ValueError(
            f"{name} holds no numbers but {dtype}. Encode it, or convert it with astype(float)."
        )


def check_labels(y: Any) -> None:
    """Refuse labels that NumPy would turn into others without a word.

    Parameters
    ----------
    y : array-like
        Labels.

    Raises
    ------
    ValueError
        If a label is masked.
    TypeError
        If a list holds text and other labels: all would become text.
    """
    _check_mask(y, "y")
    if isinstance(y, (list, tuple)) and len({isinstance(label, str) for label in y}) > 1:
        raise TypeError("y mixes text and other labels. Convert them to one type.")


def _check_mask(data: Any, name: str) -> None:
    """Refuse masked values, which scikit-learn would use as if they were not masked."""
    if np.ma.is_masked(data):
        raise ValueError(
            f"{name} has masked values. Leave these samples out, or impute them: "
            "sklearn.impute.SimpleImputer takes NaN, which filled(np.nan) gives."
        )


def check_sparse(X: Any) -> None:
    """Refuse a sparse matrix whose indices lead out of it: SciPy would read foreign memory.

    It costs one read of the indices.

    Parameters
    ----------
    X : object
        Features; anything but a sparse matrix is passed over.

    Raises
    ------
    ValueError
        If an index or a bound is out of range, or if arrays do not belong together.
    """
    if not scipy.sparse.issparse(X) or len(X.shape) != 2:
        return
    if X.format == "coo":
        sound = all(map(_inside, (X.row, X.col), X.shape))
    elif X.format in ("csr", "csc"):
        n_rows, n_columns = X.shape if X.format == "csr" else X.shape[::-1]
        indptr = X.indptr
        sound = (
            len(indptr) == n_rows + 1
            and indptr[0] == 0
            and bool((indptr[:-1] <= indptr[1:]).all())
            and indptr[-1] <= min(len(X.indices), len(X.data))
            and _inside(X.indices[: indptr[-1]], n_columns)
        )
    else:
        return
    if not sound:
        raise ValueError(
            f"X is a corrupt {X.format} matrix: its indices lead out of its shape {X.shape} or "
            "are not in order. Make it anew from its data."
        )


def _inside(indices: NDArray, length: int) -> bool:
    """Whether all indices are integers in ``[0, length)``."""
    if indices.dtype.kind not in "iu" or indices.size == 0:
        return indices.size == 0
    # As numbers without a sign, negative ones are large: one read instead of two.
    unsigned = indices.view(indices.dtype.str.replace("i", "u"))
    return bool(unsigned.max() < length)


def check_features(X: Any, y: Any = None) -> None:
    """Refuse features, and labels with them, that others would silently take for something else.

    Parameters
    ----------
    X : array-like or sparse matrix
        Features.
    y : array-like, default=None
        Labels.

    Raises
    ------
    ValueError, TypeError
        As :func:`check_kind`, :func:`check_labels` and :func:`check_sparse` do.
    """
    check_kind(X, "X")
    check_labels(y)
    check_sparse(X)


def encode_labels(y: NDArray) -> tuple[NDArray, NDArray]:
    """Find the classes, and number every label by its class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels of any kind that can be sorted.

    Returns
    -------
    classes : ndarray of shape (n_classes,)
        The distinct labels, sorted.
    encoded : ndarray of shape (n_samples,)
        Position of every label among the classes; float64 for two classes (the probability of
        the second), integer for more.

    Raises
    ------
    ValueError
        If the labels are continuous, or all of one class.
    TypeError
        If labels of different types cannot be sorted.
    """
    # Sorting a few labels and comparing the rest with them is much faster than sorting all.
    classes = np.unique(y[:FIRST_LABELS])
    known = _among(y, classes)
    if not known.all():
        classes = np.unique(np.concatenate([classes, np.unique(y[~known])]))
    if classes.dtype.kind in "fcO":  # labels of any other kind are classes
        check_classification_targets(classes)
    if len(classes) < 2:
        raise ValueError(
            f"Logistic regression needs samples of at least two classes; y holds one class only: "
            f"{classes[0]!r}."
        )
    if len(classes) == 2:
        return classes, (y == classes[1]).astype(np.float64)
    return classes, np.searchsorted(classes, y)


def _among(y: NDArray, classes: NDArray) -> NDArray[np.bool_]:
    """Whether each label is one of the classes."""
    if len(classes) > 8:
        return np.isin(y, classes)
    return functools.reduce(np.logical_or, (y == label for label in classes))


def check_sample_weight(sample_weight: Any, n_samples: int) -> Array:
    """Sample weights as an array of numbers that are finite and not negative.

    Parameters
    ----------
    sample_weight : None, number or array-like of shape (n_samples,)
        None: one for every sample; a number: the same for every sample.
    n_samples : int
        Number of samples.

    Returns
    -------
    ndarray of shape (n_samples,)
        The weights in float64; equal weights are one number, repeated without memory.

    Raises
    ------
    ValueError
        If a weight is negative, NaN, infinite or no number, if their sum overflows, or if the
        shape is wrong.
    """
    if sample_weight is None:
        return np.broadcast_to(1.0, n_samples)
    check_kind(sample_weight, "sample_weight")
    equal = isinstance(sample_weight, Real)
    weights = np.ravel(sample_weight) if equal else sample_weight
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    if weights.ndim != 1:
        raise ValueError(f"sample_weight must be 1D, one weight a sample; got {weights.ndim}D.")
    if (weights < 0).any():
        raise ValueError("sample_weight holds a negative weight; weights count samples.")
    with np.errstate(over="ignore"):
        total = weights.sum() * (n_samples if equal else 1)
    if not np.isfinite(total):
        raise ValueError("sample_weight is so large that its sum overflows. Scale it.")
    if equal:
        return np.broadcast_to(weights, n_samples)
    if len(weights) != n_samples:
        raise ValueError(
            f"sample_weight.shape == {weights.shape}, expected {(n_samples,)}: one for a sample."
        )
    return weights


def encode_known_labels(y: NDArray, classes: NDArray) -> NDArray:
    """Number every label by its class, among classes that are known.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    classes : ndarray of shape (n_classes,)
        The classes, sorted.

    Returns
    -------
    ndarray of shape (n_samples,)
        Position of every label among the classes, as from :func:`encode_labels`.

    Raises
    ------
    ValueError
        If the labels are continuous, or one of them is not among the classes.
    """
    check_classification_targets(y)
    if {y.dtype.kind in TEXT, classes.dtype.kind in TEXT} == {True, False} and not (
        {y.dtype.kind, classes.dtype.kind} & {"O"}
    ):
        raise ValueError(f"y holds {y.dtype} labels, but the classes are {classes.dtype}.")
    encoder = LabelEncoder()
    encoder.classes_ = classes
    encoded = encoder.transform(y)
    return encoded.astype(np.float64) if len(classes) == 2 else encoded


def stream_classes(known: NDArray | None, classes: Any) -> NDArray:
    """Classes of a stream of samples, which its first batch has to name.

    Parameters
    ----------
    known : ndarray of shape (n_classes,) or None
        The classes of the batches before; None: this is the first.
    classes : None or array-like of shape (n_classes,)
        The classes named with this batch.

    Returns
    -------
    ndarray of shape (n_classes,)
        The classes, sorted.

    Raises
    ------
    ValueError
        If the first batch names no classes or one only, or a later one others.
    """
    if classes is None:
        if known is None:
            raise ValueError(
                "The first call of partial_fit has to name all classes, also those that come "
                "later: partial_fit(X, y, classes=[...])."
            )
        return known
    named: NDArray = unique_labels(classes)
    if known is not None and not np.array_equal(named, known):
        raise ValueError(f"classes={classes!r} are not those of the calls before: {known}.")
    if len(named) < 2:
        raise ValueError(f"Logistic regression needs at least two classes; got {named}.")
    return named


def check_two_classes(totals: Array, parameter: str) -> None:
    """Refuse weights that leave nothing to tell apart.

    Parameters
    ----------
    totals : ndarray of shape (n_classes,)
        Total weight of each class.
    parameter : str
        Name of the weights.

    Raises
    ------
    ValueError
        If no weight is left for more than one class.
    """
    if np.count_nonzero(totals) < 2:
        left = "one class only" if totals.any() else "no class: it is zero for every sample"
        raise ValueError(f"{parameter} leaves weight for samples of {left}.")


def class_weights(class_weight: Any, classes: NDArray, totals: Array) -> Array:
    """Weight of each class.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
        "balanced": every class gets the same total weight,
        ``sum(s) / (n_classes * sum(s of the class))``.
    classes : ndarray of shape (n_classes,)
        The classes.
    totals : ndarray of shape (n_classes,)
        Total weight of the samples of each class.

    Returns
    -------
    ndarray of shape (n_classes,)
        The weights.

    Raises
    ------
    ValueError
        If a class weight is negative, not finite, or names a label that does not occur.
    """
    if class_weight is None:
        return np.ones(len(classes))
    if isinstance(class_weight, str):
        balanced = totals.sum() / (len(classes) * totals[totals > 0])
        weights = np.zeros(len(classes))
        weights[totals > 0] = balanced
    else:
        weights = compute_class_weight(class_weight, classes=classes, y=classes)
    if not np.isfinite(weights).all() or (weights < 0).any():
        raise ValueError(f"class_weight must be finite and not negative; got {class_weight!r}.")
    return weights


def class_weighted(s: Array, weights: Array, encoded: NDArray) -> Array:
    """Sample weights times class weights.

    Parameters
    ----------
    s : ndarray of shape (n_samples,)
        Sample weights.
    weights : ndarray of shape (n_classes,)
        Class weights.
    encoded : ndarray of shape (n_samples,)
        Position of every label among the classes.

    Returns
    -------
    ndarray of shape (n_samples,)
        The products; the sample weights themselves if every class weight is one.
    """
    if (weights == 1).all():
        return s
    return s * weights[encoded.astype(np.intp, copy=False)]


def explain_not_finite(X: Any, estimator: Any) -> None:
    """Raise the error that names why the objective is not finite at the start of a fit.

    Parameters
    ----------
    X : ndarray or sparse matrix
        The features.
    estimator : object
        Whose name the message gives.

    Raises
    ------
    ValueError
        scikit-learn's own if the features hold NaN or infinity, else one that advises to scale.
    """
    assert_all_finite(X, estimator_name=type(estimator).__name__, input_name="X")
    raise ValueError(
        "The features are so large that the scores overflow. Scale them, for example with "
        "sklearn.preprocessing.StandardScaler."
    )


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator all its attributes back if what is done inside does not succeed."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
