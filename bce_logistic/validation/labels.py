"""Labels: refuse missing ones, find the classes, and encode labels by class.

Labels are processed in batches, so that data too large for memory need no temporary array of
n_samples elements except the encoded labels: one byte each for up to 256 classes.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from sklearn.utils import gen_batches
from sklearn.utils.multiclass import check_classification_targets, unique_labels

from ..arrays import NUMBERS, is_non_numpy
from .numeric import is_masked, is_missing

# Labels that are sorted to find the classes; the others are compared with these.
FIRST_LABELS = 4096
# Samples in a batch.
LABEL_BATCH = 1 << 15
# Classes up to which comparing with each is faster than np.isin.
FEW_CLASSES = 8


def batches(n: int, size: int) -> Iterable[slice]:
    """Slices of ``size`` elements, the last perhaps shorter, that cover ``n`` elements."""
    # gen_batches takes 20 microseconds, a hundredth of a small fit, and refuses n=0.
    return gen_batches(n, size) if n > size else [slice(0, n)][:n]


def label_batches(n_samples: int) -> Iterable[slice]:
    """Slices in which labels and weights are processed."""
    return batches(n_samples, LABEL_BATCH)


def check_labels(y: Any, name: str = "y") -> None:
    """Refuse masked or missing labels (ValueError), and lists of text and other labels (TypeError).

    NumPy would ignore a mask, and turn all labels of such a list into text. ``name`` stands
    for the labels in the message.
    """
    if is_masked(y):
        raise ValueError(
            f"{name} has masked values. Leave these samples out: fit(X[known], y[known]), where "
            "known = ~np.ma.getmaskarray(y)."
        )
    if y is None or scipy.sparse.issparse(y) or is_non_numpy(y):
        return
    is_list = isinstance(y, (list, tuple))
    labels = np.asarray(y, dtype=object) if is_list else np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        return
    position = _first_missing(labels)
    if position is not None:
        kind = labels.dtype.kind
        dtype = "object" if kind == "O" else repr(labels.dtype.name)
        missing = {"f": "np.isnan", "m": "np.isnat", "M": "np.isnat"}.get(kind, "pandas.isna")
        raise ValueError(
            f"{name} has a missing label (None, NaN, NaT or NA) at position {position}: "
            f"{labels[position]!r}. Leave the samples without a label out: with labels = "
            f"np.array(y, dtype={dtype}).ravel() and known = ~{missing}(labels), "
            f"fit(X[known], labels[known]{'.tolist()' * (kind == 'O')})."
        )
    if is_list and len({isinstance(label, str) for label in labels}) > 1:
        raise TypeError(f"{name} mixes text and other labels. Convert them to one type.")


def _first_missing(labels: NDArray) -> int | None:
    """Position of the first label that is None, NaN, NaT or NA."""
    if labels.dtype.kind == "O":
        return next((i for i, label in enumerate(labels) if is_missing(label)), None)
    if labels.dtype.kind not in "fmM":
        return None
    missing = np.isnan(labels)  # true of NaT, too
    return int(missing.argmax()) if missing.any() else None


@dataclass(frozen=True)
class SoftLabels:
    """Probabilities of the classes instead of labels, shape (n_samples, n_classes).

    ``names`` are the sorted names of the columns; None: the columns have only positions.
    """

    probabilities: Any
    names: NDArray | None

    @property
    def classes(self) -> NDArray:
        """The names of the columns, or else 0, 1, ..."""
        return np.arange(self.probabilities.shape[1]) if self.names is None else self.names

    def of_classes(self, classes: NDArray) -> Any:
        """The probabilities; ValueError if the columns are not those of the sorted classes."""
        if self.names is None:
            matches = self.probabilities.shape[1] == len(classes)
        else:
            matches = np.array_equal(self.names, classes)
        if not matches:
            raise ValueError(
                f"The columns of y stand for the classes {self.classes}, but the classes are "
                f"{classes}."
            )
        return self.probabilities


def fit_encode(y: NDArray | SoftLabels) -> tuple[NDArray, NDArray]:
    """Sorted classes and the labels encoded by them; errors as in :func:`check_classes`.

    Soft labels are encoded as the probabilities themselves.
    """
    if isinstance(y, SoftLabels):
        return y.classes, y.probabilities
    classes = check_classes(distinct_labels(y))
    return classes, encode(y, classes)


def distinct_labels(y: NDArray) -> NDArray:
    """Distinct labels, sorted; TypeError if labels of different types cannot be sorted."""
    # Sorting a few labels and comparing the rest with them is much faster than sorting all.
    first = np.unique(y[:FIRST_LABELS])
    if len(y) <= FIRST_LABELS:
        return first
    distinct = [first]
    for rows in label_batches(len(y)):
        known = _isin(y[rows], first)
        if not known.all():
            distinct.append(np.unique(y[rows][~known]))
    return np.unique(np.concatenate(distinct)) if len(distinct) > 1 else first


def check_classes(classes: NDArray) -> NDArray:
    """The distinct labels themselves; ValueError if they are continuous, or only one."""
    _check_discrete(classes)
    if len(classes) < 2:
        raise ValueError(
            f"Logistic regression needs samples of at least two classes; y holds one class only: "
            f"{classes[0]!r}."
        )
    return classes


def encode(y: NDArray, classes: NDArray) -> NDArray:
    """Position of each label in the sorted ``classes``, in the smallest unsigned type."""
    encoded = np.empty(len(y), np.min_scalar_type(len(classes) - 1))
    for rows in label_batches(len(y)):
        if len(classes) == 2:
            encoded[rows] = y[rows] == classes[1]
        else:
            encoded[rows] = np.searchsorted(classes, y[rows])
    return encoded


def check_and_encode(y: NDArray | SoftLabels, classes: NDArray) -> NDArray:
    """Encode labels by known classes; ValueError if some are continuous or not among these."""
    if isinstance(y, SoftLabels):
        return y.of_classes(classes)
    _check_discrete(distinct_labels(y))
    if (y.dtype.kind in NUMBERS) != (classes.dtype.kind in NUMBERS) and y.dtype.kind != "O":
        raise ValueError(f"y holds {y.dtype} labels, but the classes are {classes.dtype}.")
    known = _isin(y, classes)
    if not known.all():
        unseen = np.unique(y[~known])
        raise ValueError(f"y holds unseen labels, {unseen}; the classes are {classes}.")
    return encode(y, classes)


def check_partial_fit_classes(
    known: NDArray | None, classes: Any, y: NDArray | SoftLabels | None = None
) -> NDArray:
    """Sorted classes of a stream of batches.

    Parameters
    ----------
    known : ndarray of shape (n_classes,) or None
        The classes given with earlier batches; None at the first.
    classes : None or array-like of shape (n_classes,)
        The classes given with this batch.
    y : ndarray, SoftLabels or None
        The labels of this batch. Soft ones name all classes.

    Returns
    -------
    ndarray of shape (n_classes,)
        The classes.

    Raises
    ------
    ValueError
        If the first batch comes with no classes, only one, or a missing one, or if a later batch
        comes with others; if classes for unnamed columns of probabilities are not sorted.
    """
    if classes is None:
        if known is None and isinstance(y, SoftLabels):
            return y.classes
        if known is None:
            raise ValueError(
                "The first call of partial_fit has to name all classes, also those that come "
                "later: partial_fit(X, y, classes=[...])."
            )
        return known
    check_labels(classes, "classes")
    named: NDArray = unique_labels(classes)
    if isinstance(y, SoftLabels) and y.names is None and not np.array_equal(named, classes):
        raise ValueError(
            f"classes={classes!r} are not sorted, as the columns of y have to be. Sort both, or "
            "pass a DataFrame whose columns have the names of the classes."
        )
    if known is not None and not np.array_equal(named, known):
        raise ValueError(f"classes={classes!r} are not those of the calls before: {known}.")
    if len(named) < 2:
        raise ValueError(f"Logistic regression needs at least two classes; got {named}.")
    return named


def _check_discrete(classes: NDArray) -> None:
    """Raise scikit-learn's error if distinct labels are continuous or of unknown type."""
    kind = classes.dtype.kind
    if kind not in "fcO":  # labels of any other kind are classes
        return
    with np.errstate(invalid="ignore"):
        if kind == "f" and (classes == classes.astype(np.int64)).all():
            return
    try:
        # Each twice: of many labels, scikit-learn warns if most of them occur once.
        check_classification_targets(np.repeat(classes, 2))
    except ValueError as error:
        if kind != "O":
            raise
        raise ValueError(
            f"{error} y holds objects that are not text. Convert it to one type, for example with "
            "np.array(y.tolist())."
        ) from error


def _isin(y: NDArray, classes: NDArray) -> NDArray[np.bool_]:
    """Whether each label is one of the classes."""
    if len(classes) > FEW_CLASSES:
        return np.isin(y, classes)
    return functools.reduce(np.logical_or, (y == label for label in classes))
