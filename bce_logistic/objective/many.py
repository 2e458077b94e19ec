r"""Objectives of many models at once: every fold and every strength of the penalty, two classes.

The rows are read once for all of them. With :math:`t = \tanh(z / 2) = 2 \hat y - 1`, the loss
splits into a part that needs the score of each model and a part that is linear in the coefficients,
whose sums :math:`c` are computed once:

.. math:: \ell = \log(2 \cosh(z / 2)) - (y - \tfrac12) z, \qquad
          \nabla_w F = X^T s \, \tfrac{t}{2} - c + m w, \qquad c = X^T s \, (y - \tfrac12).

Shapes: coefficients ``W`` are (n_models, n_columns), with the intercept last.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array
from ..rows.base import Sums
from ..rows.cells import CellBlock, CellRows

# Scores that stay in the cache between the two products with the features.
CACHED_NUMBERS, MIN_CACHED_ROWS = 1 << 17, 256


class Models(NamedTuple):
    """The fold of each model, (n_models,), and its penalty, (n_models, n_columns)."""

    fold: NDArray[np.intp]
    strength: Array

    def take(self, which: NDArray[np.intp]) -> Models:
        """Some of the models."""
        return Models(self.fold[which], self.strength[which])


class ManyPoints(NamedTuple):
    """Coefficients of many models, with value and gradient of each objective there.

    ``hessians``, (n_models, n_columns, n_columns), without the penalty, if they were requested.
    """

    W: Array
    value: Array
    gradient: Array
    hessians: Array | None = None

    def take(self, which: NDArray[np.intp]) -> ManyPoints:
        """The points of some models."""
        hessians = None if self.hessians is None else self.hessians[which]
        return ManyPoints(self.W[which], self.value[which], self.gradient[which], hessians)

    def replaced(self, which: NDArray[np.intp], points: ManyPoints) -> ManyPoints:
        """The points, some of them replaced."""
        parts = [part.copy() for part in self if part is not None]
        for part, new in zip(parts, points, strict=False):
            part[which] = new
        return ManyPoints(*parts)


class FirstSums(NamedTuple):
    """Sums at one start for each strength of the penalty, for every fold.

    ``value``: (n_folds, n_starts). ``gradient``: (n_folds, n_starts, n_columns). ``hessians``:
    (n_folds, n_nodes, n_columns, n_columns). All without the penalty.
    """

    value: Array
    gradient: Array
    hessians: Array


@dataclass(frozen=True)
class ManyObjectives:
    """Penalised losses of many models over the same rows.

    Parameters
    ----------
    rows : CellRows
        The rows.
    training : ndarray of shape (n_cells, n_folds)
        How often each fold trains on the rows of a cell.
    with_hessians : bool, default=False
        Whether :meth:`at` also computes the Hessians.
    with_values : bool, default=True
        Whether :meth:`at` computes the values, which cost as much as the gradients' exponentials.
        Else they are NaN.
    """

    rows: CellRows
    training: Array
    with_hessians: bool = False
    with_values: bool = True

    def at(self, W: Array, models: Models) -> ManyPoints:
        """Values and gradients, in one pass over the rows for all models."""
        half = np.ascontiguousarray(W.T / 2, dtype=self.rows.scaling.dtype)

        def sums(block: CellBlock) -> Sums:
            chosen, weights = self._weights_of_models(block, models.fold)
            value, gradient = np.zeros(len(W)), np.zeros(W.shape)
            D = np.empty((len(block.A), len(chosen))) if self.with_hessians else None
            for part, t, log_cosh in _by_part(block, half[:, chosen], self.with_values):
                weight = weights if weights.ndim == 1 else weights[part]
                s = None if block.s is None else block.s[part, None]
                A = block.A[part]
                if D is not None:
                    D[part] = (1 - t * t) / 4
                if weights.ndim == 1:
                    if self.with_values:
                        value[chosen] += weight * _column_sums(log_cosh, s)
                    gradient[chosen] += (t.T.dot(A if s is None else A * s).T * weight).T
                else:
                    weight = weight if s is None else weight * s
                    if self.with_values:
                        value[chosen] += np.einsum("ij,ij->j", log_cosh, weight)
                    t *= weight
                    gradient[chosen] += t.T.dot(A)
            if D is None:
                return value, gradient
            D *= weights if block.s is None else weights * block.s[:, None]
            hessians = np.zeros((len(W), *2 * (W.shape[1],)))
            hessians[chosen] = _hessians(block, D)
            return value, gradient, hessians

        value, gradient, *hessians = self.rows.sum(sums)
        linear = self.linear[models.fold]
        ridge = models.strength * W
        value = (
            value + np.einsum("mj,mj->m", ridge / 2 - linear, W)
            if self.with_values
            else (np.full(len(W), np.nan))
        )
        return ManyPoints(W, value, gradient / 2 - linear + ridge, *hessians)

    @cached_property
    def linear(self) -> Array:
        """``X.T @ (s * (y - 1/2))`` over the training rows of each fold, (n_folds, n_columns)."""
        return self.training.T @ self.rows.cell_sums(len(self.training))[:, :-1]

    @cached_property
    def squared_weights(self) -> Array:
        """Sum of the squared weights over the training rows of each fold, (n_folds,)."""
        return self.training.T @ self.rows.cell_sums(len(self.training))[:, -1]

    def first(self, W: Array, nodes: NDArray[np.intp]) -> FirstSums:
        """Sums at starts ``W`` that all folds share, and Hessians at some of them, in one pass."""
        half = np.ascontiguousarray(W.T / 2, dtype=self.rows.scaling.dtype)
        n_folds, n_columns = self.training.shape[1], W.shape[1]

        def sums(block: CellBlock) -> Sums:
            value, gradient = np.zeros((n_folds, len(W))), np.zeros((n_folds, *W.shape))
            hessians = np.zeros((n_folds, len(nodes), n_columns, n_columns))
            for cell, rows in self._cells(block):
                multiple = self.training[cell]
                one = CellBlock(block.A[rows], block.y[rows], None, cell)
                s = None if block.s is None else block.s[rows]
                v, g = np.zeros(len(W)), np.zeros(W.shape)
                h = np.zeros((len(nodes), n_columns, n_columns))
                for part, t, log_cosh in _by_part(one, half, True):
                    A, weight = one.A[part], None if s is None else s[part, None]
                    d = (1 - t[:, nodes] ** 2) / 4
                    if weight is not None:
                        log_cosh *= weight
                        t *= weight
                        d *= weight
                    v += log_cosh.sum(axis=0)
                    g += t.T.dot(A) / 2
                    root = np.sqrt(d)
                    for j in range(len(nodes)):
                        weighted = A * root[:, j : j + 1]
                        h[j] += weighted.T.dot(weighted)
                value += np.multiply.outer(multiple, v)
                gradient += np.multiply.outer(multiple, g)
                hessians += np.multiply.outer(multiple, h)
            return value, gradient, hessians

        value, gradient, hessians = self.rows.sum(sums)
        value -= np.einsum("fj,kj->fk", self.linear, W)
        return FirstSums(value, gradient - self.linear[:, None], hessians)

    def _weights_of_models(
        self, block: CellBlock, fold: NDArray[np.intp]
    ) -> tuple[NDArray[np.intp], Array]:
        """Models that train on a block, and how often: one number each, or one a row and model."""
        if isinstance(block.cell, int):
            weights = self.training[block.cell, fold]
            chosen = np.flatnonzero(weights)
            return chosen, weights[chosen]
        return np.arange(len(fold)), self.training[block.cell[:, None], fold].astype(block.A.dtype)

    def _cells(self, block: CellBlock) -> Iterator[tuple[int, slice | NDArray[np.intp]]]:
        """Each cell of a block, and its rows there."""
        if isinstance(block.cell, int):
            yield block.cell, slice(None)
            return
        for cell in np.unique(block.cell):
            yield int(cell), np.flatnonzero(block.cell == cell)


def _by_part(
    block: CellBlock, half: NDArray, with_values: bool
) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """``tanh(z / 2)`` and ``log(2 cosh(z / 2))`` by every model, (n_rows, n_models), part by part.

    Both are overwritten by the next part; the second is zero without the values.
    """
    n_rows = len(block.A)
    step = min(n_rows, max(MIN_CACHED_ROWS, CACHED_NUMBERS // max(1, half.shape[1])))
    shape = step, half.shape[1]
    tanh, log_cosh = np.empty(shape, half.dtype), np.zeros(shape, half.dtype)
    scratch = np.empty(shape, half.dtype) if with_values else tanh
    for start in range(0, n_rows, step):
        part = slice(start, min(start + step, n_rows))
        t, u, e = (array[: part.stop - start] for array in (tanh, log_cosh, scratch))
        np.dot(block.A[part], half, out=t)
        if with_values:
            np.abs(t, out=u)
        np.tanh(t, out=t)
        if with_values:
            # log(2 cosh(u)) = |u| + log(2) - log(1 + tanh|u|)
            np.abs(t, out=e)
            e += 1
            np.log(e, out=e)
            u -= e
            u += half.dtype.type(log(2))
        yield part, t, u


def _column_sums(values: NDArray, s: NDArray | None) -> NDArray:
    """Sum over the rows, weighted by ``s`` of shape (n_rows, 1) if given."""
    return values.sum(axis=0) if s is None else s[:, 0].dot(values)


def _hessians(block: CellBlock, D: Array) -> Array:
    """``A.T @ diag(D[:, m]) @ A`` for every model m; ``D`` >= 0, (n_rows, n_models)."""
    A, n_columns = block.A, block.A.shape[1]
    H = np.empty((D.shape[1], n_columns, n_columns))
    if block.pairs is not None:
        i, j = np.triu_indices(n_columns)
        H[:, i, j] = H[:, j, i] = D.T.dot(block.pairs)
        return H
    for h, root in zip(H, np.sqrt(D).T, strict=True):
        weighted = A * root[:, None]
        h[:] = weighted.T.dot(weighted)
    return H
