"""Pointwise losses: the maths on labels and scores, nothing else.

Every function here works on one block of samples and knows neither the features that made
the scores nor the coefficients. The scores may be an array of any library: ``xp`` is NumPy, or
what has the same functions for that library. With ``z`` the score and ``y_hat`` the prediction,

===========  =============================  ==================================
quantity     two classes                    K classes
===========  =============================  ==================================
prediction   ``y_hat = sigmoid(z)``         ``Y_hat = softmax(Z)``
logarithm    ``-softplus(-z)``              ``Z - logsumexp(Z)``
value        ``softplus(z) - y z``          ``logsumexp(Z) - Z[y]``
gradient     ``y_hat - y``                  ``Y_hat - Y``
curvature    ``y_hat (1 - y_hat)``          ``diag(Y_hat) - Y_hat Y_hat.T``
===========  =============================  ==================================

Only exponentials of non-positive numbers are taken, so no score overflows; one that underflows
to zero is the right answer, which is why that one NumPy warning is switched off here.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import Array, asarray_like, namespace, to_numpy


class Loss(Protocol):
    """What the rest of the package asks of a loss."""

    smoothness: float

    def prediction(self, z: Array) -> Array:
        """Probability of the positive class, or of every class."""
        ...

    def log_probabilities(self, z: Array) -> Array:
        """Logarithms of the probabilities of every class, shape (n_samples, n_classes)."""
        ...

    def value_and_gradient(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Loss of every sample and its derivative with respect to the score."""
        ...

    def curvature(self, z: Array) -> Array:
        """What the second derivative with respect to the score is made of."""
        ...

    def curvature_matrix(self, curvature: Array) -> Array:
        """Second derivative of every sample, shape (n_samples, n_scores, n_scores)."""
        ...

    def curvature_diagonal(self, curvature: Array) -> Array:
        """Diagonal of the second derivative of every sample, the shape of the scores."""
        ...

    def curvature_product(self, curvature: Array, v: Array) -> Array:
        """Second derivative of every sample times a direction of scores."""
        ...

    def curvature_sum(self, curvature: Array, s: Array) -> NDArray:
        """Weighted sum of the second derivatives, shape (n_scores, n_scores)."""
        ...


class BinaryCrossEntropy:
    r"""Binary cross-entropy of the labels ``y`` in [0, 1] and the scores ``z``.

    .. math:: -[y \log \hat y + (1 - y) \log(1 - \hat y)] = \log(1 + e^z) - y z,
              \qquad \hat y = \sigma(z)

    Notes
    -----
    ``e = exp(-abs(z))`` is shared by all that is computed. The score decides for the class 1 or
    0 by its sign, and ``e / (1 + e)`` is the probability of the other class; the prediction is
    the decision, corrected by that. A gradient that is nearly zero keeps its full relative
    accuracy: where the decision is the label, only the correction is left.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006: equations 4.87 (sigmoid),
    4.90 (loss), 4.91 (gradient), 4.97 (curvature).
    """

    smoothness = 1 / 4

    @np.errstate(under="ignore")
    def prediction(self, z: Array) -> Array:
        """Sigmoid ``1 / (1 + exp(-z))`` of the scores.

        Parameters
        ----------
        z : ndarray of shape (n_samples,)
            Scores, in nats (log-odds).

        Returns
        -------
        ndarray of shape (n_samples,)
            Probabilities of the positive class.
        """
        xp = namespace(z)
        e = xp.exp(-xp.abs(z))
        return _decision(z) - xp.copysign(e / (1 + e), z)

    @np.errstate(under="ignore")
    def log_probabilities(self, z: Array) -> Array:
        """``log(1 - y_hat) = -softplus(z)`` and ``log(y_hat) = -softplus(-z)``.

        Parameters
        ----------
        z : ndarray of shape (n_samples,)
            Scores, in nats (log-odds).

        Returns
        -------
        ndarray of shape (n_samples, 2)
            Log-probabilities, in nats.
        """
        xp = namespace(z)
        more_probable = -xp.log1p(xp.exp(-xp.abs(z)))
        by_class = [more_probable + xp.clip(score, None, 0) for score in (-z, z)]
        return xp.stack(by_class, axis=1)

    @np.errstate(under="ignore")
    def value_and_gradient(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Loss ``softplus(z) - y z`` and its derivative ``y_hat - y``.

        Parameters
        ----------
        y : ndarray of shape (n_samples,)
            Labels in [0, 1].
        z : ndarray of shape (n_samples,)
            Scores, in nats (log-odds).

        Returns
        -------
        value, gradient : ndarray of shape (n_samples,)
            Loss in nats and its derivative with respect to the score.
        """
        xp = namespace(z)
        y = xp.asarray(y, dtype=z.dtype)  # they are kept in one byte each
        e = xp.exp(-xp.abs(z))
        miss = _decision(z) - y
        value = xp.log1p(e) + miss * z
        gradient = miss - xp.copysign(e / (1 + e), z)
        return value, gradient

    @np.errstate(under="ignore")
    def curvature(self, z: Array) -> Array:
        """Second derivative ``y_hat (1 - y_hat)`` with respect to the score.

        Parameters
        ----------
        z : ndarray of shape (n_samples,)
            Scores, in nats (log-odds).

        Returns
        -------
        ndarray of shape (n_samples,)
            Curvature, in [0, 1/4].
        """
        xp = namespace(z)
        e = xp.exp(-xp.abs(z))
        return e / (1 + e) ** 2

    def curvature_matrix(self, curvature: Array) -> Array:
        """Second derivative as a stack of 1 x 1 matrices."""
        return curvature[:, None, None]

    def curvature_diagonal(self, curvature: Array) -> Array:
        """Diagonal of the second derivative: the curvature itself."""
        return curvature

    def curvature_product(self, curvature: Array, v: Array) -> Array:
        """Second derivative times a direction ``v`` of scores, sample by sample."""
        return curvature * v

    def curvature_sum(self, curvature: Array, s: Array) -> NDArray:
        """Weighted sum of the second derivatives, as a 1 x 1 matrix."""
        return np.array([[float(s @ curvature)]])


class CrossEntropy:
    r"""Cross-entropy of the labels ``y`` in 0..K-1 and the K scores of every sample ``Z``.

    .. math:: -\log \hat Y_y = \log \sum_k e^{Z_k} - Z_y, \qquad \hat Y = \mathrm{softmax}(Z)

    Notes
    -----
    The largest score of a sample is subtracted before any exponential. Arrays of scores are
    laid out class by class (Fortran order), where sums over a few classes are fastest.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006: equations 4.104 (softmax),
    4.108 (loss), 4.109 (gradient), 4.110 (curvature).
    """

    smoothness = 1 / 2

    @np.errstate(under="ignore")
    def prediction(self, z: Array) -> Array:
        """Softmax ``exp(Z) / sum(exp(Z))`` of the scores.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_classes)
            Scores, in nats.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Probabilities; every row sums to one.
        """
        e = namespace(z).exp(z - _largest(z)[:, None])
        e /= _sum(e)[:, None]
        return e

    @np.errstate(under="ignore")
    def log_probabilities(self, z: Array) -> Array:
        """``Z - logsumexp(Z)``, with full relative accuracy for the most probable class too.

        Parameters
        ----------
        z : ndarray of shape (n_samples, n_classes)
            Scores, in nats.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Log-probabilities, in nats.
        """
        xp = namespace(z)
        top = _own(xp.argmax(z, axis=1), z)
        below_top = z - _taken(z, top)[:, None]
        others = _sum(_replaced(xp.exp(below_top), top, 0))
        return below_top - xp.log1p(others)[:, None]

    @np.errstate(under="ignore")
    def value_and_gradient(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Loss ``logsumexp(Z) - Z[y]`` and its derivative ``Y_hat - Y``.

        Parameters
        ----------
        y : ndarray of shape (n_samples,), integers
            Labels in 0..K-1.
        z : ndarray of shape (n_samples, n_classes)
            Scores, in nats.

        Returns
        -------
        value : ndarray of shape (n_samples,)
            Loss in nats.
        gradient : ndarray of shape (n_samples, n_classes)
            Derivative with respect to the scores.
        """
        # The other classes alone, not 1 - y_hat: what is nearly zero keeps its accuracy.
        xp, own = namespace(z), _own(y, z)
        top = _largest(z)
        e = xp.exp(z - top[:, None])
        e_own, e = _taken(e, own), _replaced(e, own, 0)
        others = _sum(e)
        total = others + e_own
        value = xp.log1p(others + (e_own - 1)) + (top - _taken(z, own))
        e /= total[:, None]
        gradient = _replaced(e, own, -others / total)
        return value, gradient

    def curvature(self, z: Array) -> Array:
        """What the second derivative is made of: the prediction ``Y_hat``."""
        return self.prediction(z)

    def curvature_matrix(self, curvature: Array) -> Array:
        """Second derivative ``diag(Y_hat) - Y_hat Y_hat.T`` of every sample."""
        identity = asarray_like(np.eye(curvature.shape[1]), curvature)
        return curvature[:, :, None] * (identity - curvature[:, None, :])

    def curvature_diagonal(self, curvature: Array) -> Array:
        """Diagonal ``Y_hat (1 - Y_hat)`` of the second derivative."""
        return curvature * (1 - curvature)

    def curvature_product(self, curvature: Array, v: Array) -> Array:
        """Second derivative times a direction ``v`` of scores, sample by sample."""
        return curvature * (v - _sum(curvature * v)[:, None])

    def curvature_sum(self, curvature: Array, s: Array) -> NDArray:
        """Weighted sum of ``diag(Y_hat) - Y_hat Y_hat.T``."""
        weighted = to_numpy(curvature.T @ (curvature * s[:, None]))
        return np.diag(weighted.sum(axis=0)) - weighted


def _decision(z: Any) -> Any:
    """The class, 1 or 0, that the sign of a score decides for; -0 has one too."""
    xp = namespace(z)
    return xp.asarray(~xp.signbit(z), dtype=z.dtype)


# What NumPy does faster in its own way than in that of the standard.


def _largest(z: Any) -> Any:
    """The largest score of every sample."""
    return z.max(axis=1) if isinstance(z, np.ndarray) else namespace(z).max(z, axis=1)


def _sum(z: Any) -> Any:
    """The sum over the scores of every sample."""
    return z.sum(axis=1) if isinstance(z, np.ndarray) else namespace(z).sum(z, axis=1)


def _own(y: Any, z: Any) -> Any:
    """Where the score of every sample's own class is: positions, or a mask for other libraries."""
    if isinstance(z, np.ndarray):
        return np.arange(len(y)), y
    return y[:, None] == asarray_like(np.arange(z.shape[1]), y)


def _taken(z: Any, own: Any) -> Any:
    """The score of every sample's own class."""
    if isinstance(z, np.ndarray):
        return z[own]
    xp = namespace(z)
    return xp.sum(xp.where(own, z, 0.0), axis=1)


def _replaced(z: Any, own: Any, value: Any) -> Any:
    """The scores with others in the place of every sample's own class; NumPy writes into them."""
    if isinstance(z, np.ndarray):
        z[own] = value
        return z
    xp = namespace(z)
    value = xp.asarray(value, dtype=z.dtype, device=z.device)
    return xp.where(own, xp.reshape(value, (-1, 1)), z)
