"""TODO rows.base."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import Array
from .memory import RowsInMemory

Sums = tuple[Any, ...]
Columns = slice | NDArray[np.intp]


class Block(NamedTuple):
    """Some consecutive rows.

    Products are taken by ``dot``: it lets other threads run, which ``@`` does in NumPy only if
    the product has more than 500 elements.

    Attributes
    ----------
    X, XT : ndarray or sparse matrix
        Features, and the same memory seen the other way round.
    y : ndarray of shape (n_rows,)
        Labels.
    s : ndarray of shape (n_rows,)
        Sample weights.
    """

    X: Any
    XT: Any
    y: NDArray
    s: Array

    def scores(self, w: Array) -> Array:
        """``X @ w`` in float64.

        Parameters
        ----------
        w : ndarray of shape (n_features,) or (n_features, n_scores)
            Coefficients.

        Returns
        -------
        ndarray of shape (n_rows,) or (n_rows, n_scores)
            The products. Several scores are laid out class by class (Fortran order): the loss
            sums over classes, and that is how sums over a few of them are fast.
        """
        w = w.astype(self.X.dtype, copy=False)
        return self.X.dot(w).astype(np.float64, order="F", copy=False)

    def weighted_sum(self, residual: Array) -> Array:
        """``X.T @ residual``, the sum of the rows, each times its residual, in float64.

        Parameters
        ----------
        residual : ndarray of shape (n_rows,) or (n_rows, n_scores)
            Factors of the rows.

        Returns
        -------
        ndarray of shape (n_features,) or (n_features, n_scores)
            The sums.
        """
        residual = residual.astype(self.X.dtype, copy=False)
        return self.XT.dot(residual).astype(np.float64, copy=False)

    def weighted(self, residual: Array) -> Array:
        """Residuals of the rows, each times the weight of its row."""
        return (residual.T * self.s).T

    def total(self, residual: Array) -> Array:
        """Sum of the residuals of the rows, in float64."""
        return residual.sum(axis=0)

    def weighted_total(self, value: Array) -> Any:
        """Sum of the values of the rows, each times the weight of its row, in float64."""
        return self.s.dot(value)

    def gram(self, d: Array, columns: Columns = slice(None)) -> Array:
        """``X.T @ diag(d) @ X``, the sum of the rows' outer products, in float64.

        Parameters
        ----------
        d : ndarray of shape (n_rows,)
            Weights of the rows, not negative.
        columns : slice or ndarray of integers, default=all
            The columns of ``X`` to take.

        Returns
        -------
        ndarray of shape (n_columns, n_columns)
            The sums, dense.
        """
        root = np.sqrt(d).astype(self.X.dtype, copy=False)
        X = self.X[:, columns]
        if scipy.sparse.issparse(X):
            A = scipy.sparse.dia_array((root[np.newaxis], [0]), shape=(len(root), len(root))) @ X
            return A.T.dot(A).toarray().astype(np.float64, copy=False)
        A = root[:, None] * X
        return A.T.dot(A).astype(np.float64, copy=False)

    def gram_diagonal(self, d: Array) -> Array:
        """Diagonal of :meth:`gram`, for one or more weights a row.

        Parameters
        ----------
        d : ndarray of shape (n_rows,) or (n_rows, n_scores)
            Weights of the rows, not negative.

        Returns
        -------
        ndarray of shape (n_features,) or (n_features, n_scores)
            The sums of squares.
        """
        squares = self.X.power(2) if scipy.sparse.issparse(self.X) else np.square(self.X)
        return self._replace(XT=squares.T).weighted_sum(d)

    def shifted(self, center: Array) -> Block:
        """The rows in float64, less a center; of sparse rows only stored numbers are shifted.

        Parameters
        ----------
        center : ndarray of shape (n_features,)
            The center, zero for features of which sparse rows do not store every number.

        Returns
        -------
        Block
            A copy; labels and weights are shared.
        """
        if scipy.sparse.issparse(self.X):
            data = self.X.data - center[self.X.indices]
            X = scipy.sparse.csr_array((data, self.X.indices, self.X.indptr), self.X.shape)
        else:
            X = self.X - center
        return self._replace(X=X, XT=X.T)

    def counts(self) -> NDArray[np.intp]:
        """How many numbers of each feature the rows store."""
        n_rows, n_features = self.X.shape
        if scipy.sparse.issparse(self.X):
            return np.bincount(self.X.indices, minlength=n_features)
        return np.full(n_features, n_rows)


class RowBlocks(ABC):
    """Rows that can be summed over block by block, wherever they are.

    Attributes
    ----------
    X : object
        The features.
    dtype : dtype
        Their precision.
    n_samples, n_features : int
        Shape of the data.
    size : int
        How many numbers the rows store, about.
    dense : bool
        Whether they store zeros.
    total_weight : float
        Sum of the sample weights.
    smallest_weight : float
        Smallest sample weight that is not zero.
    passes : int
        How many times the rows were read so far.
    """

    X: Any
    dtype: np.dtype
    n_samples: int
    n_features: int
    size: int
    dense: bool
    total_weight: float
    smallest_weight: float
    passes: int

    @abstractmethod
    def sum(self, function: Callable[[Block], Sums], size: int) -> Sums:
        """Sum ``function(block)`` over all blocks.

        Parameters
        ----------
        function : callable
            From a block to a tuple of numbers and arrays.
        size : int
            How many numbers the tuple holds, about.

        Returns
        -------
        tuple
            The sums, added in an order that depends on shapes alone. Overflow and NaN are not
            warned of: they are in the sums, for the caller to see.
        """

    @abstractmethod
    def members(self, label: NDArray, rank: NDArray[np.intp], scale: Array) -> RowsInMemory:
        """Dense copy of the rows that are the first, second, ... of a label.

        Parameters
        ----------
        label : ndarray of shape (n_rows,)
            Labels.
        rank : ndarray of integers of shape (n_rows,)
            Which of all the rows with that label, in the order of the data, from zero.
        scale : ndarray of shape (n_rows,)
            Factors for their weights: how many rows each stands for.

        Returns
        -------
        RowsInMemory
            The rows in float64, in the order of the arguments.
        """

    @abstractmethod
    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ...; the features are not read."""

    @abstractmethod
    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """How many rows have each label 0, 1, ...; the features are not read."""

    @abstractmethod
    def column_shares(self) -> Array:
        """Which share of the stored numbers belongs to each feature, about."""

    def handed_back(self, array: NDArray) -> Any:
        """An array for the user, of the kind that the features are and where they are."""
        return array


def added(terms: Iterable[Sums]) -> Sums:
    """Sum tuples element by element, in their order; there is one at least."""
    return functools.reduce(lambda total, term: tuple(map(np.add, total, term)), terms)
