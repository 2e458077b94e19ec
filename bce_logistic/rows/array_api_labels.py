"""Labels and probabilities in arrays of other libraries than NumPy, by class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, asarray_like, is_floating, namespace, to_numpy
from ..validation.labels import SoftLabels, check_classes, fit_encode


def fit_encode_foreign(y: Any) -> tuple[NDArray, Any]:
    """Sorted classes as a NumPy array, and the encoded labels in the library of ``y``."""
    if isinstance(y, SoftLabels):
        return fit_encode(y)
    if isinstance(y, np.ndarray):
        classes, encoded = fit_encode(y)
        return classes, encoded.astype(np.int64)
    xp = namespace(y)
    values, encoded = xp.unique_inverse(y)  # in any order
    values = to_numpy(values)
    order = np.argsort(values)
    return check_classes(values[order]), xp.take(asarray_like(np.argsort(order), encoded), encoded)


def foreign_label_weights(y: Any, s: Any, n_labels: int) -> Array:
    """Total weight of each label 0, 1, ..."""
    xp = namespace(s)
    if is_floating(y):
        return np.array([float(s @ xp.astype(share, s.dtype)) for share in shares(y)])
    return np.array([float(xp.sum(xp.where(y == k, s, 0.0))) for k in range(n_labels)])


def foreign_most_probable(y: Any) -> Any:
    """The label of each row; of probabilities the most probable one."""
    xp = namespace(y)
    if y.ndim == 2:
        return xp.argmax(y, axis=1)
    return xp.astype(y > 0.5, xp.uint8) if is_floating(y) else y


def shares(y: Any) -> list[Any]:
    """Probabilities of each class, of those of all classes or of the second of two."""
    return [y[:, k] for k in range(y.shape[1])] if y.ndim == 2 else [1 - y, y]
