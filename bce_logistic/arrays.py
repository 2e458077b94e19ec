"""Which library an array belongs to: NumPy, or another one that follows the array API standard.

NumPy is told at once. All that is known of other libraries is in :mod:`bce_logistic.rows.array_api`,
which is imported when the first of their arrays arrives.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import scipy
import sklearn
from numpy.typing import NDArray

Array = NDArray[np.float64]


NUMBERS = "biuf"  # kinds of arrays
# Before SciPy 1.14, scikit-learn's setting cannot be switched on.
SUPPORTS_DISPATCH = tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 14)


def namespace(array: Any) -> Any:
    """Module with the functions for an array.

    Parameters
    ----------
    array : ndarray or array of another library
        The array.

    Returns
    -------
    module
        NumPy, or what has the functions of the standard for the other library.
    """
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
            "pip install 'bce_logistic[array-api]'."
        ) from error
    return array_api_compat


def is_non_numpy(array: Any) -> bool:
    """Whether something is an array of another library, on whatever device."""
    return not isinstance(array, np.ndarray) and hasattr(array, "__dlpack__")


def keeps_namespace(array: Any) -> bool:
    """Whether an array of another library is to stay what it is: scikit-learn's setting says so."""
    return is_non_numpy(array) and sklearn.get_config()["array_api_dispatch"]


def to_numpy(array: Any) -> NDArray:
    """The same numbers as an array of NumPy's, whatever library and device they come from."""
    return array if isinstance(array, np.ndarray) else np.from_dlpack(array, device="cpu")


def asarray_like(array: Any, z: Any) -> Any:
    """A few numbers of NumPy's, moved to where an array is and made as precise.

    Parameters
    ----------
    array : ndarray or number
        The numbers.
    z : ndarray or array of another library
        Where to move them.

    Returns
    -------
    ndarray or array of another library
        The numbers themselves, if ``z`` is NumPy's.
    """
    if isinstance(z, np.ndarray):
        return array
    return namespace(z).asarray(np.array(array), dtype=z.dtype, device=z.device)


def is_dask(X: Any) -> bool:
    """Whether data are a Dask collection; Dask is not imported for that."""
    dask = sys.modules.get("dask")
    return dask is not None and dask.is_dask_collection(X)
