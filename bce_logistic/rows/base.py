"""Where rows live, and how a sum over them is taken.

Loss, gradient and Hessian are sums over the rows of the data. A function to sum is given one
:class:`Block` of rows and returns a tuple of numbers and arrays; it is the same for dense, sparse
and distributed rows. :class:`RowBlocks` calls it for each block and adds the results in a fixed
order, so that a sum does not depend on the number of threads or workers.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from ..arrays import Array
from ..validation.features import check_finite
from .threads import ParallelMap

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
    start : int
        Position of the first row among all rows.
    """

    X: Any
    XT: Any
    y: NDArray
    s: Array
    start: int = 0

    def matvec(self, w: Array) -> Array:
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

    def rmatvec(self, residual: Array) -> Array:
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

    def apply_weights(self, residual: Array) -> Array:
        """Residuals of the rows, each times the weight of its row."""
        return (residual.T * self.s).T

    def column_sum(self, residual: Array) -> Array:
        """Sum of the residuals of the rows, in float64."""
        return residual.sum(axis=0)

    def weighted_value_sum(self, value: Array) -> Any:
        """Sum of the values of the rows, each times the weight of its row, in float64."""
        return self.s.dot(value)

    def sandwich(self, d: Array, columns: Columns = slice(None)) -> Array:
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

    def sandwich_diagonal(self, d: Array) -> Array:
        """Diagonal of :meth:`sandwich`, for one or more weights a row.

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
        return self._replace(XT=squares.T).rmatvec(d)

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
    n_stored : int
        How many numbers the rows store, about.
    is_dense : bool
        Whether they store zeros.
    total_weight : float
        Sum of the sample weights.
    smallest_weight : float
        Smallest sample weight that is not zero.
    passes : int
        How many times the rows were read so far.
    run : callable
        Parallel map for copies of rows in memory.
    """

    X: Any
    dtype: np.dtype
    n_samples: int
    n_features: int
    n_stored: int
    is_dense: bool
    total_weight: float
    smallest_weight: float
    passes: int
    run: ParallelMap = map

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

    def keep(self, function: Callable[[Block], Any], size: int) -> Callable[[Block], Any]:
        """A function of blocks whose values for all of them are computed once, if that can be.

        Parameters
        ----------
        function : callable
            From a block to anything, about as large as the block has rows.
        size : int
            The size of the sums in which the result will be called.

        Returns
        -------
        callable
            The same function; rows in memory remember what it gave for each block.
        """
        return function

    @abstractmethod
    def take_by_class(self, label: NDArray, position: NDArray[np.intp]) -> tuple[Array, Array]:
        """Dense copy of the rows that are the first, second, ... of a label.

        Parameters
        ----------
        label : ndarray of shape (n_rows,)
            Labels.
        position : ndarray of integers of shape (n_rows,)
            Which of all the rows with that label, in the order of the data, from zero.

        Returns
        -------
        X : ndarray of shape (n_rows, n_features)
            Features, float64, in the order of the arguments.
        s : ndarray of shape (n_rows,)
            Sample weights.
        """

    @abstractmethod
    def label_weights(self, n_labels: int) -> Array:
        """Total weight of each label 0, 1, ...; the features are not read."""

    @abstractmethod
    def label_counts(self, n_labels: int) -> NDArray[np.intp]:
        """How many rows have each label 0, 1, ...; the features are not read."""

    @abstractmethod
    def column_density(self) -> Array:
        """Which share of the stored numbers belongs to each feature, about."""

    def check_finite(self, estimator: Any) -> None:
        """Raise the error that names why the objective is not finite at the start of a fit.

        Parameters
        ----------
        estimator : GDLogisticRegression
            Whose name and features the message names.

        Raises
        ------
        ValueError
            scikit-learn's own if the features hold NaN or infinity, else one that advises to scale.
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
        """An array for the user, of the kind that the features are and where they are."""
        return array


def sum_terms(terms: Iterable[Sums]) -> Sums:
    """Sum tuples element by element, in their order; there is one at least."""
    return functools.reduce(lambda total, term: tuple(map(np.add, total, term)), terms)
