"""Encoded labels: how many rows each has, their weight, and where they are.

``y`` holds labels 0, 1, ..., or probabilities: of the second of two classes, (n_samples,), or of
every class, (n_samples, n_classes).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, is_floating
from ..validation.labels import label_batches


def most_probable(y: NDArray) -> NDArray:
    """The label of each row; of probabilities the most probable one."""
    if y.ndim == 2:
        return y.argmax(axis=1)
    return y > 0.5 if is_floating(y) else y


def label_counts(y: NDArray, n_labels: int) -> NDArray[np.intp]:
    """Number of samples of each label 0, 1, ..., or most probable label, of shape (n_labels,)."""
    total = np.zeros(n_labels, dtype=np.intp)
    for rows in label_batches(len(y)):
        label = most_probable(y[rows])
        total += [np.count_nonzero(label == k) for k in range(n_labels)]
    return total


def label_weights(y: NDArray, s: Array, n_labels: int) -> Array:
    """Total weight of each label 0, 1, ..., of shape (n_labels,)."""
    total = np.zeros(n_labels)
    for rows in label_batches(len(y)):
        if y.ndim == 2:
            total += s[rows] @ y[rows]
        elif n_labels == 2:  # einsum, unlike bincount, takes probabilities
            total += [np.einsum("i,i->", s[rows], share) for share in (1 - y[rows], y[rows])]
        else:
            total += np.bincount(y[rows], weights=s[rows], minlength=n_labels)
    return total


def all_labels_possible(y: NDArray) -> bool:
    """Whether every row has a positive probability of every label."""
    return is_floating(y) and bool((y > 0).all() and (y.ndim == 2 or (y < 1).all()))


def possible_labels(y: NDArray) -> tuple[NDArray[np.intp] | slice, NDArray[np.intp]]:
    """Rows and labels of all pairs with a positive probability; labels count those that occur."""
    if not is_floating(y):
        return slice(None), np.unique(y, return_inverse=True)[1]
    probabilities = y if y.ndim == 2 else np.stack([1 - y, y], axis=1)
    rows, labels = np.nonzero(probabilities > 0)
    return rows, np.unique(labels, return_inverse=True)[1]


def smallest_weight(y: NDArray, s: Array) -> float:
    """Smallest weight that is not zero, of a sample times the probability of a class."""
    smallest = np.inf
    for rows in label_batches(len(y)):
        by_class = [s[rows]]
        if is_floating(y):
            shares = y[rows].T if y.ndim == 2 else (y[rows], 1 - y[rows])
            by_class = [s[rows] * share for share in shares]
        smallest = min(smallest, *(np.min(w, where=w > 0, initial=np.inf) for w in by_class))
    return float(smallest)


def rows_by_class(y: NDArray, label: NDArray, position: NDArray[np.intp]) -> NDArray[np.intp]:
    """Indices of rows given by their label and their position among the rows with that label.

    ``label``, ``position`` and the result have the shape (n_rows,).
    """
    index = np.empty(len(position), dtype=np.intp)
    for k in np.unique(label):
        wanted = np.flatnonzero(label == k)
        wanted = wanted[np.argsort(position[wanted], kind="stable")]
        positions = position[wanted]
        begin = n_before = 0
        for rows in label_batches(len(y)):
            of_label = np.flatnonzero(most_probable(y[rows]) == k)
            end = int(np.searchsorted(positions, n_before + len(of_label)))
            index[wanted[begin:end]] = rows.start + of_label[positions[begin:end] - n_before]
            begin, n_before = end, n_before + len(of_label)
    return index
