"""Sums over rows, wherever these are stored.

Loss, gradient and Hessian are sums over the rows of the data. A function to sum takes one
:class:`Block` of rows and returns a tuple of numbers and arrays; it is the same for dense, sparse
and distributed rows. :class:`RowBlocks` calls it for each block and adds the results in a fixed
order, so that a sum does not depend on the number of threads or workers.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Self

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import Array
from ..validation.features import check_finite
from ..validation.labels import batches
from ..validation.sparse import compressed
from .threads import ParallelMap

# Columns of dense rows from which those with a zero coefficient are left out of a product, and the
# share of others up to which that saves time.
MANY_COLUMNS, MAX_GATHERED = 1000, 1 / 16

Sums = tuple[Any, ...]
Columns = slice | NDArray[np.intp]
# Numbers of rows that are scaled at a time: 2 MiB.
SCALED_NUMBERS = 1 << 18


class Block(NamedTuple):
    """Consecutive rows from position ``start``: features X, their transpose, labels, weights.

    ``cell`` is the cell of each row in the folds of a cross-validation, if there is one. Products
    are taken by ``dot``: it lets other threads run, which ``@`` does in NumPy only if the product
    has more than 500 elements.
    """

    X: Any
    XT: Any
    y: NDArray
    s: Array
    start: int = 0
    cell: NDArray[np.intp] | None = None

    def matvec(self, w: Array) -> Array:
        """``X @ w`` in float64, (n_rows,) or (n_rows, n_scores).

        Several scores are laid out class by class (Fortran order), which makes the sums of the
        loss over a few classes fast.
        """
        if isinstance(self.X, np.ndarray) and len(w) >= MANY_COLUMNS:
            used = np.flatnonzero(w if w.ndim == 1 else w.any(axis=1))
            if len(used) <= MAX_GATHERED * len(w):
                return self._replace(X=self.X.take(used, axis=1)).matvec(w[used])
        w = w.astype(self.X.dtype, copy=False)
        return self.X.dot(w).astype(np.float64, order="F", copy=False)

    def rmatvec(self, residual: Array) -> Array:
        """``X.T @ residual`` in float64, (n_features,) or (n_features, n_scores)."""
        residual = residual.astype(self.X.dtype, copy=False)
        return self.XT.dot(residual).astype(np.float64, copy=False)

    def apply_weights(self, residual: Array) -> Array:
        """``diag(s) @ residual``."""
        return (residual.T * self.s).T

    def column_sum(self, residual: Array) -> Array:
        """Sum of the residuals over the rows, in float64."""
        return residual.sum(axis=0)

    def weighted_value_sum(self, value: Array) -> Any:
        """``s @ value`` in float64."""
        return self.s.dot(value)

    def sandwich(self, d: Array, columns: Columns = slice(None)) -> Array:
        """``X.T @ diag(d) @ X`` of some columns of ``X``, dense, in float64; ``d`` >= 0."""
        root = np.sqrt(d).astype(self.X.dtype, copy=False)
        X = self.X[:, columns]
        if scipy.sparse.issparse(X):
            A = scipy.sparse.dia_array((root[np.newaxis], [0]), shape=(len(root), len(root))) @ X
            return A.T.dot(A).toarray().astype(np.float64, copy=False)
        A = root[:, None] * X
        return A.T.dot(A).astype(np.float64, copy=False)

    def sandwiches(self, d: Array, columns: Columns = slice(None)) -> Array:
        """:meth:`sandwich` for each column of ``d``, shape (n_rows, n_scores), of any sign.

        Shape (n_scores, n_columns, n_columns).
        """
        X, n_scores = self.X[:, columns], d.shape[1]
        d = d.astype(X.dtype, copy=False)
        if scipy.sparse.issparse(X):
            scaled = (scipy.sparse.dia_array((d_k[None], [0]), (len(d),) * 2) @ X for d_k in d.T)
            return np.stack([X.T.dot(A).toarray().astype(np.float64, copy=False) for A in scaled])
        n_rows, n_columns = X.shape
        products = np.zeros((n_columns, n_scores * n_columns))
        for rows in batches(n_rows, max(1, SCALED_NUMBERS // max(1, products.shape[1]))):
            A = d[rows, :, None] * X[rows, None, :]
            products += X[rows].T.dot(A.reshape(len(A), products.shape[1]))
        return products.reshape(n_columns, n_scores, n_columns).transpose(1, 0, 2)

    def sandwich_diagonal(self, d: Array) -> Array:
        """Diagonal of :meth:`sandwich`; ``d`` may have the shape (n_rows, n_scores)."""
        return self._mapped(np.square).rmatvec(d)

    def absolute(self) -> Self:
        """The rows with the absolute values of the features."""
        return self._mapped(abs)

    def _mapped(self, function: Callable[[Array], Array]) -> Self:
        """The rows with a function of the features that is zero at zero.

        SciPy's own functions sort the entries of a matrix, which may be the user's, first.
        """
        if not scipy.sparse.issparse(self.X):
            X = function(self.X)
            return self._replace(X=X, XT=X.T)
        X, XT = (
            compressed(type(A), A.shape, function(A.data), A.indices, A.indptr)
            for A in (self.X, self.XT)
        )
        return self._replace(X=X, XT=XT)

    def shifted(self, center: Array) -> Block:
        """The rows minus ``center``, in float64.

        Only stored numbers of sparse rows are shifted: there the center has to be zero for features
        that have others. Labels and weights are shared.
        """
        if scipy.sparse.issparse(self.X):
            data = self.X.data - center[self.X.indices]
            X = scipy.sparse.csr_array((data, self.X.indices, self.X.indptr), self.X.shape)
        else:
            X = self.X - center
        return self._replace(X=X, XT=X.T)

    def counts(self) -> NDArray[np.intp]:
        """Number of stored numbers of each feature."""
        n_rows, n_features = self.X.shape
        if scipy.sparse.issparse(self.X):
            return np.bincount(self.X.indices, minlength=n_features)
        return np.full(n_features, n_rows)


class RowBlocks(ABC):
    """Rows that can be summed over block by block, wherever they are stored.

    Attributes
    ----------
    X : object
        The features.
    dtype : dtype
        Their precision.
    n_samples, n_features : int
        Shape of the data.
    n_stored : int
        Number of stored numbers, about.
    is_dense : bool
        Whether zeros are stored.
    on_accelerator : bool
        Whether they are on a device that multiplies matrices much faster than the host.
    total_weight : float
        Sum of the sample weights.
    smallest_weight : float
        Smallest weight that is not zero, of a sample or its part of a class.
    passes : int
        Number of reads of all rows so far.
    run : callable
        Parallel map for copies of rows in memory.
    cells : ndarray of int of shape (n_samples,) or None
        Cell of each row in the folds of a cross-validation, if there is one.
    """

    X: Any
    dtype: np.dtype
    n_samples: int
    n_features: int
    n_stored: int
    is_dense: bool
    on_accelerator: bool = False
    total_weight: float
    smallest_weight: float
    passes: int
    run: ParallelMap = map
    cells: NDArray[np.intp] | None = None

    def with_cells(self, cells: NDArray[np.intp]) -> Self:
        """The same rows, which know their cells in the folds of a cross-validation."""
        raise NotImplementedError(f"{type(self).__name__} does not keep the cells of its rows.")

    @abstractmethod
    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)``, a tuple of about ``size`` numbers, over all blocks.

        The order of the additions depends on shapes alone. Overflow and NaN raise no warning: they
        are in the sums.
        """

    def keep(self, function: Callable[[Block], Any], size: int) -> Callable[[Block], Any]:
        """The same function; rows in memory compute its value of each block once and store it.

        The value has about as many numbers as the block has rows. ``size`` is that of the sums in
        which the result is called.
        """
        return function

    @abstractmethod
    def take_by_class(
        self, label: NDArray, position: NDArray[np.intp]
    ) -> tuple[Array, NDArray, Array]:
        """Dense float64 features, labels and weights of rows given by label and position.

        The position counts the rows with that label, or most probable label, in the order of the
        data, from zero. Both arguments have the shape (n_rows,).
        """

    @abstractmethod
    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ..., without reading the features."""

    @abstractmethod
    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """Number of rows of each label, or most probable label, without reading the features."""

    def column_density(self) -> Array:
        """Share of the stored numbers that belongs to each feature, about; dense: equal shares."""
        return np.full(self.n_features, 1 / max(1, self.n_features))

    def check_finite(self, estimator: Any) -> None:
        """Raise the reason why the objective is not finite at the start of a fit.

        It is scikit-learn's ValueError if a feature is NaN or infinite, else advice to scale.
        """
        self._check_features(estimator)
        raise ValueError(
            "The features are so large that the scores overflow. Scale them, for example with "
            "sklearn.preprocessing.StandardScaler."
        )

    def _check_features(self, estimator: Any) -> None:
        """Raise scikit-learn's error if a feature is NaN or infinite."""
        check_finite(self.X, estimator)

    def to_user_array(self, array: NDArray) -> Any:
        """The array in the library and on the device of the features."""
        return array


def sum_terms(terms: Iterable[Sums]) -> Sums:
    """Sum at least one tuple element by element, in their order."""
    return functools.reduce(lambda total, term: tuple(map(np.add, total, term)), terms)
