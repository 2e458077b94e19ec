"""Encoded labels: how many rows each has, their weight, and where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..validation.labels import label_batches


def label_counts(y: NDArray, n_labels: int) -> NDArray[np.intp]:
    """Number of samples of each label 0, 1, ..., of shape (n_labels,)."""
    total = np.zeros(n_labels, dtype=np.intp)
    for rows in label_batches(len(y)):
        total += [np.count_nonzero(y[rows] == k) for k in range(n_labels)]
    return total


def label_weights(y: NDArray, s: Array, n_labels: int) -> Array:
    """Total weight of each label 0, 1, ..., of shape (n_labels,).

    Two labels may be shares: ``y`` between 0 and 1.
    """
    total = np.zeros(n_labels)
    for rows in label_batches(len(y)):
        if n_labels == 2:  # einsum, unlike bincount, takes shares
            total += [np.einsum("i,i->", s[rows], share) for share in (1 - y[rows], y[rows])]
        else:
            total += np.bincount(y[rows], weights=s[rows], minlength=n_labels)
    return total


def rows_by_class(y: NDArray, label: NDArray, position: NDArray[np.intp]) -> NDArray[np.intp]:
    """Indices of rows given by their label and their position among the rows with that label.

    ``y`` has the shape (n_samples,); ``label``, ``position`` and the result (n_rows,).
    """
    index = np.empty(len(position), dtype=np.intp)
    for k in np.unique(label):
        wanted = np.flatnonzero(label == k)
        wanted = wanted[np.argsort(position[wanted], kind="stable")]
        positions = position[wanted]
        begin = n_before = 0
        for rows in label_batches(len(y)):
            of_label = np.flatnonzero(y[rows] == k)
            end = int(np.searchsorted(positions, n_before + len(of_label)))
            index[wanted[begin:end]] = rows.start + of_label[positions[begin:end] - n_before]
            begin, n_before = end, n_before + len(of_label)
    return index
