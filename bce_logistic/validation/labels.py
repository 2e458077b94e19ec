"""Labels: found, numbered, counted, and looked up by their number.

All of it goes over the labels a stretch at a time. Data too large for memory then need no array
as long as they are, but for the numbers of their labels: one byte a row up to 256 classes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from ..arrays import NUMBERS
from .features import check_labels

# Enough labels to meet every class that is not rare.
FIRST_LABELS = 4096
# Samples in a stretch.
LABEL_CHUNK = 1 << 15


def fit_encode(y: NDArray) -> tuple[NDArray, NDArray]:
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
        What :func:`encode` gives.

    Raises
    ------
    ValueError
        If the labels are continuous, or all of one class.
    TypeError
        If labels of different types cannot be sorted.
    """
    classes = check_classes(distinct_labels(y))
    return classes, encode(y, classes)


def distinct_labels(y: NDArray) -> NDArray:
    """Distinct labels, sorted.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels of any kind that can be sorted.

    Returns
    -------
    ndarray
        Each label once.

    Raises
    ------
    TypeError
        If labels of different types cannot be sorted.
    """
    # Sorting a few labels and comparing the rest with them is much faster than sorting all.
    first = np.unique(y[:FIRST_LABELS])
    others = [first]
    for rows in label_chunks(len(y)):
        known = _isin_few(y[rows], first)
        if not known.all():
            others.append(np.unique(y[rows][~known]))
    return np.unique(np.concatenate(others)) if len(others) > 1 else first


def check_classes(classes: NDArray) -> NDArray:
    """Distinct labels, if they are those of a classification.

    Parameters
    ----------
    classes : ndarray
        Distinct labels, sorted.

    Returns
    -------
    ndarray
        The same.

    Raises
    ------
    ValueError
        If the labels are continuous, or all of one class.
    """
    _check_discrete(classes)
    if len(classes) < 2:
        raise ValueError(
            f"Logistic regression needs samples of at least two classes; y holds one class only: "
            f"{classes[0]!r}."
        )
    return classes


def encode(y: NDArray, classes: NDArray) -> NDArray:
    """Number every label by its class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels.
    classes : ndarray of shape (n_classes,)
        All distinct labels, sorted.

    Returns
    -------
    ndarray of shape (n_samples,)
        Position of every label among the classes, in as few bytes as hold it.
    """
    encoded = np.empty(len(y), np.min_scalar_type(len(classes) - 1))
    for rows in label_chunks(len(y)):
        if len(classes) == 2:
            encoded[rows] = y[rows] == classes[1]
        else:
            encoded[rows] = np.searchsorted(classes, y[rows])
    return encoded


def check_and_encode(y: NDArray, classes: NDArray) -> NDArray:
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
        What :func:`encode` gives.

    Raises
    ------
    ValueError
        If the labels are continuous, or one of them is not among the classes.
    """
    _check_discrete(distinct_labels(y))
    if (y.dtype.kind in NUMBERS) != (classes.dtype.kind in NUMBERS) and y.dtype.kind != "O":
        raise ValueError(f"y holds {y.dtype} labels, but the classes are {classes.dtype}.")
    known = _isin_few(y, classes)
    if not known.all():
        unseen = np.unique(y[~known])
        raise ValueError(f"y holds unseen labels, {unseen}; the classes are {classes}.")
    return encode(y, classes)


def check_partial_fit_classes(known: NDArray | None, classes: Any) -> NDArray:
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
        If the first batch names no classes, one only or a missing one, or a later one others.
    """
    if classes is None:
        if known is None:
            raise ValueError(
                "The first call of partial_fit has to name all classes, also those that come "
                "later: partial_fit(X, y, classes=[...])."
            )
        return known
    check_labels(classes, "classes")
    named: NDArray = unique_labels(classes)
    if known is not None and not np.array_equal(named, known):
        raise ValueError(f"classes={classes!r} are not those of the calls before: {known}.")
    if len(named) < 2:
        raise ValueError(f"Logistic regression needs at least two classes; got {named}.")
    return named


def label_chunks(n_samples: int) -> Iterator[slice]:
    """Slices that cover so many labels or weights, a few at a time."""
    for start in range(0, n_samples, LABEL_CHUNK):
        yield slice(start, min(start + LABEL_CHUNK, n_samples))


def _check_discrete(classes: NDArray) -> None:
    """Raise scikit-learn's error if distinct labels are not those of a classification."""
    if classes.dtype.kind not in "fcO":  # labels of any other kind are classes
        return
    try:
        # Each twice: of many labels, scikit-learn warns if most of them are there once.
        check_classification_targets(np.repeat(classes, 2))
    except ValueError as error:
        if classes.dtype.kind != "O":
            raise
        raise ValueError(
            f"{error} y holds objects that are no text. Convert it to one type, for example with "
            "np.array(y.tolist())."
        ) from error


def _isin_few(y: NDArray, classes: NDArray) -> NDArray[np.bool_]:
    """Whether each label is one of the classes."""
    if len(classes) > 8:
        return np.isin(y, classes)
    return functools.reduce(np.logical_or, (y == label for label in classes))
