"""Encoded labels: how many rows each has, their weight, and where they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..validation.labels import label_chunks


def label_counts(y: NDArray, n_labels: int) -> NDArray[np.intp]:
    """How many samples have each label 0, 1, ...

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels as the loss wants them.
    n_labels : int
        Number of labels.

    Returns
    -------
    ndarray of integers of shape (n_labels,)
        The numbers.
    """
    total = np.zeros(n_labels, dtype=np.intp)
    for rows in label_chunks(len(y)):
        total += [np.count_nonzero(y[rows] == k) for k in range(n_labels)]
    return total


def label_weights(y: NDArray, s: Array, n_labels: int) -> Array:
    """Total weight of each label 0, 1, ...

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Labels as the loss wants them.
    s : ndarray of shape (n_samples,)
        Sample weights.
    n_labels : int
        Number of labels.

    Returns
    -------
    ndarray of shape (n_labels,)
        The totals.
    """
    total = np.zeros(n_labels)
    for rows in label_chunks(len(y)):
        if n_labels == 2:  # einsum, unlike bincount, takes labels between the two as well
            total += [np.einsum("i,i->", s[rows], share) for share in (1 - y[rows], y[rows])]
        else:
            total += np.bincount(y[rows], weights=s[rows], minlength=n_labels)
    return total


def rows_by_class(y: NDArray, label: NDArray, position: NDArray[np.intp]) -> NDArray[np.intp]:
    """Find the rows that are the first, second, ... of a label.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        The label of every row.
    label : ndarray of shape (n_rows,)
        Labels.
    position : ndarray of integers of shape (n_rows,)
        Which of all the rows with that label, in the order of the data, from zero.

    Returns
    -------
    ndarray of integers of shape (n_rows,)
        The positions of the rows.
    """
    found = np.empty(len(position), dtype=np.intp)
    for k in np.unique(label):
        wanted = np.flatnonzero(label == k)
        wanted = wanted[np.argsort(position[wanted], kind="stable")]
        ranks = position[wanted]
        begin = seen = 0
        for rows in label_chunks(len(y)):
            members = np.flatnonzero(y[rows] == k)
            end = int(np.searchsorted(ranks, seen + len(members)))
            found[wanted[begin:end]] = rows.start + members[ranks[begin:end] - seen]
            begin, seen = end, seen + len(members)
    return found
