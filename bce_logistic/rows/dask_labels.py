"""Labels of Dask collections: what each chunk holds of each class."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, column_or_1d

from ..arrays import Array
from ..validation.labels import check_labels, distinct_labels, encode
from ..validation.probabilities import ClassColumns
from .dask_collections import chunk_weights
from .label_index import label_counts, label_weights

# The labels of a chunk, in messages.
CHUNK = "A chunk of y"


class ChunkLabels(NamedTuple):
    """Number of samples, total and smallest positive weight of each class in one chunk.

    A sample with probabilities of the classes is counted in the most probable one.
    """

    classes: NDArray
    counts: NDArray[np.intp]
    totals: Array
    smallest: Array

    def aligned_to(self, classes: NDArray) -> ChunkLabels:
        """The same for all classes, of which a chunk may lack some."""
        counts = np.zeros(len(classes), dtype=np.intp)
        totals, smallest = np.zeros(len(classes)), np.full(len(classes), np.inf)
        if len(self.classes):
            here = np.searchsorted(classes, self.classes)
            counts[here], totals[here], smallest[here] = self[1:]
        return ChunkLabels(classes, counts, totals, smallest)


def inspect_labels(y: Any, s: Any, columns: ClassColumns | None, name: str) -> ChunkLabels:
    """Classes of a chunk, with their numbers of samples and weights."""
    s = chunk_weights(s, len(y))
    if columns is not None:
        soft = columns.soft_labels(np.asarray(y), CHUNK)
        classes, y = soft.classes, soft.probabilities
        n_labels, shares = len(classes), y.T
    else:
        y = column_or_1d(y)
        check_labels(y, CHUNK)
        assert_all_finite(y, estimator_name=name, input_name="y")
        classes = distinct_labels(y)
        n_labels, y = len(classes), encode(y, classes)
        shares = (y == k for k in range(n_labels))
    smallest = [np.min(s * share, where=s * share > 0, initial=np.inf) for share in shares]
    return ChunkLabels(
        classes, label_counts(y, n_labels), label_weights(y, s, n_labels), np.array(smallest)
    )
