"""Which library an array belongs to: NumPy, or another one that follows the array API standard.

NumPy arrays are recognised at once; :mod:`bce_logistic.rows.array_api`, which handles the other
libraries, is imported when the first of their arrays arrives.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray

Array = NDArray[np.float64]

NUMBERS = "biuf"  # dtype kinds that hold real numbers
# Before SciPy 1.14, scikit-learn's setting array_api_dispatch cannot be switched on.
SUPPORTS_DISPATCH = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 14)


def namespace(array: Any) -> Any:
    """Module with the functions of the array API standard for an array."""
    if isinstance(array, np.ndarray):
        return np
    return array_api_compat().array_namespace(array)


def array_api_compat() -> Any:
    """The module array_api_compat, which only arrays of other libraries need."""
    try:
        import array_api_compat
    except ImportError as error:
        raise ImportError(
            "Arrays of other libraries than NumPy need array-api-compat: "
            "pip install array-api-compat."
        ) from error
    return array_api_compat


def is_non_numpy(array: Any) -> bool:
    """Whether something is an array of another library, on any device."""
    return not isinstance(array, np.ndarray) and hasattr(array, "__dlpack__")


def keeps_namespace(array: Any) -> bool:
    """Whether an array of another library is processed there: array_api_dispatch is set."""
    return is_non_numpy(array) and sklearn.get_config()["array_api_dispatch"]


def is_floating(array: Any) -> bool:
    """Whether an array holds real floating-point numbers."""
    if isinstance(array, np.ndarray):
        return array.dtype.kind == "f"
    return bool(namespace(array).isdtype(array.dtype, "real floating"))


def to_numpy(array: Any) -> NDArray:
    """The array as a NumPy array, from any library and device."""
    return array if isinstance(array, np.ndarray) else np.from_dlpack(array, device="cpu")


def asarray_like(array: Any, z: Any) -> Any:
    """NumPy numbers in the library, device and dtype of ``z``; unchanged if ``z`` is NumPy's."""
    if isinstance(z, np.ndarray):
        return array
    return namespace(z).asarray(np.array(array), dtype=z.dtype, device=z.device)


def is_dask(X: Any) -> bool:
    """Whether data are a Dask collection, found without importing Dask."""
    dask = sys.modules.get("dask")
    return dask is not None and dask.is_dask_collection(X)


# Operations on scores of shape (n_samples, n_classes) for which NumPy has faster ways than the
# standard: methods instead of functions, and fancy indexing instead of masks.


def row_max(z: Any) -> Any:
    """Largest number of each row."""
    return z.max(axis=1) if isinstance(z, np.ndarray) else namespace(z).max(z, axis=1)


def row_sum(z: Any) -> Any:
    """Sum of each row."""
    return z.sum(axis=1) if isinstance(z, np.ndarray) else namespace(z).sum(z, axis=1)


def own_class_index(y: Any, z: Any) -> Any:
    """Index of column ``y[i]`` in each row i of ``z``; a boolean mask for other libraries."""
    if isinstance(z, np.ndarray):
        return np.arange(len(y)), y
    return y[:, None] == asarray_like(np.arange(z.shape[1]), y)


def take_own(z: Any, own: Any) -> Any:
    """``z[i, y[i]]`` for each row, ``own`` as from :func:`own_class_index`."""
    if isinstance(z, np.ndarray):
        return z[own]
    xp = namespace(z)
    return xp.sum(xp.where(own, z, 0.0), axis=1)


def put_own(z: Any, own: Any, value: Any) -> Any:
    """``z`` with ``z[i, y[i]] = value[i]``; a NumPy array is overwritten."""
    if isinstance(z, np.ndarray):
        z[own] = value
        return z
    xp = namespace(z)
    value = xp.asarray(value, dtype=z.dtype, device=z.device)
    return xp.where(own, xp.reshape(value, (-1, 1)), z)
