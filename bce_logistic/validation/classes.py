"""The classes of ``y``, their weights, and the limit in which a class without weight is absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, asarray_like, namespace, row_sum
from .labels import label_batches


@dataclass(frozen=True)
class Classes:
    r"""Classes with their weights.

    A class without weight adds nothing to the loss where its probability is zero, which only an
    intercept of minus infinity gives. In that limit the others are a softmax of their own; here
    its intercept is :math:`\log \epsilon` below their mean, and its coefficients are zero.

    Parameters
    ----------
    labels : ndarray of shape (n_classes,)
        The labels, sorted.
    weights : ndarray of shape (n_classes,)
        Class weights, which multiply the sample weights.
    weighted : ndarray of bool of shape (n_classes,)
        Which classes have samples with weight.
    scored : ndarray of bool of shape (n_classes,)
        Which classes have a score to learn; two classes share one.
    """

    labels: NDArray
    weights: Array
    weighted: NDArray[np.bool_]
    scored: NDArray[np.bool_]

    @property
    def n_scores(self) -> int:
        """Number of scores of a sample: 1 for two classes, else that of the classes learnt."""
        return 1 if len(self.labels) == 2 else int(self.scored.sum())

    @property
    def absent(self) -> NDArray:
        """Labels of the classes without weight."""
        return self.labels[~self.weighted]

    @property
    def positions(self) -> NDArray[np.intp]:
        """Position of each class among those learnt; arbitrary for the others."""
        return np.maximum(np.cumsum(self.scored) - 1, 0)

    def coded(self, encoded: NDArray, s: Array) -> tuple[NDArray, Array]:
        """Labels among the classes learnt, and sample weights times class weights.

        ``encoded`` and ``s`` are returned themselves, without a copy, where nothing changes.
        Probabilities of the classes, (n_samples, n_classes), are weighed class by class: see
        :meth:`weighed_probabilities`.
        """
        if encoded.ndim == 2:
            shape = (len(s),) if self.n_scores == 1 else (len(s), self.n_scores)
            y, weighted = np.empty(shape, encoded.dtype, order="F"), np.empty(len(s))
            for rows in label_batches(len(s)):
                y[rows], weighted[rows] = self.weighed_probabilities(encoded[rows], s[rows])
            return y, weighted
        y = encoded if self.scored.all() else self.positions.astype(encoded.dtype)[encoded]
        if (self.weights == 1).all():
            return y, s
        weighted = np.empty(len(s))
        for rows in label_batches(len(s)):
            np.multiply(s[rows], self.weights[encoded[rows]], out=weighted[rows])
        return y, weighted

    def weighed_probabilities(self, probabilities: Any, s: Any) -> tuple[Any, Any]:
        r"""Probabilities of the classes learnt, and weights, both including the class weights.

        .. math:: s_i \sum_k c_k Y_{ik} \ell_{ik} = s_i' \sum_k Y_{ik}' \ell_{ik}, \qquad
                  s_i' = s_i \sum_k c_k Y_{ik}

        A sample thus counts like one sample of every class, weighted by its probabilities. Of two
        classes, those of the second are returned, (n_samples,). The arrays may be of any library.
        """
        xp, scored = namespace(probabilities), np.flatnonzero(self.scored).tolist()
        y = probabilities * asarray_like(self.weights, probabilities)
        total = row_sum(y)
        y = y / xp.where(total > 0, total, 1.0)[:, None]
        y = y[:, 1] if self.n_scores == 1 else xp.stack([y[:, k] for k in scored], axis=1)
        return y, s * total

    def merged(self, by_class: NDArray) -> NDArray:
        """Sums by class, of shape (..., n_classes), added up by label among the classes learnt."""
        if self.scored.all():
            return by_class
        label = np.arange(self.n_scores)
        return by_class @ (self.positions[:, None] == label).astype(by_class.dtype)

    def certain(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """Coefficients, the intercept last, if one class has all the weight.

        The probability of the others is at most eps.
        """
        w = np.zeros(shape)
        b = np.where(self.weighted, 0.0, np.log(np.finfo(dtype).eps))
        w[-1] = b[1] - b[0] if len(b) == 2 else b - b.mean()
        return w

    def with_absent(self, w: Array, dtype: Any) -> Array:
        """Coefficients of all classes, (n_columns, n_classes), from those learnt."""
        w = w.reshape(len(w), -1)
        if self.scored.all():
            return w
        whole = np.zeros((len(w), len(self.labels)))
        whole[:, self.scored] = w
        whole[-1, ~self.scored] = np.log(np.finfo(dtype).eps)
        whole[-1] -= whole[-1].mean()
        return whole

    def recalled(self, whole: Array, dtype: Any) -> Array:
        """Coefficients to start from, given those of a fit in which classes may have been absent.

        Their intercept becomes the mean of the others': as far below as it is, the loss has almost
        no slope.
        """
        b = whole[-1]
        below = -np.abs(b) if len(self.labels) == 2 else b - b.max()
        was_absent = below <= 0.99 * np.log(np.finfo(dtype).eps)  # up to rounding
        learnt = self.scored[: len(b)]  # of two classes, that of their one score
        was_absent &= learnt & ~whole[:-1].any(axis=0)
        if not was_absent.any():
            return whole
        others = b[learnt & ~was_absent]
        whole = whole.copy()
        whole[-1, was_absent] = others.mean() if len(others) else 0.0
        return whole
