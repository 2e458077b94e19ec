"""Pointwise losses of labels and scores.

A loss is computed on one block of samples and depends on neither features nor coefficients. The
scores may be an array of any library with the functions of the array API standard. With ``z`` the
score and ``y_hat`` the prediction,

===========  =============================  ==================================
quantity     two classes                    K classes
===========  =============================  ==================================
prediction   ``y_hat = sigmoid(z)``         ``Y_hat = softmax(Z)``
logarithm    ``-softplus(-z)``              ``Z - logsumexp(Z)``
value        ``softplus(z) - y z``          ``logsumexp(Z) - sum(Y Z)``
gradient     ``y_hat - y``                  ``Y_hat - Y``
curvature    ``y_hat (1 - y_hat)``          ``diag(Y_hat) - Y_hat Y_hat.T``
===========  =============================  ==================================

Only exponentials of non-positive numbers are taken, so that no score overflows. One that underflows
to zero is right; only NumPy's warning of underflow is switched off.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..arrays import (
    Array,
    asarray_like,
    namespace,
    own_class_index,
    put_own,
    row_max,
    row_sum,
    take_own,
    to_numpy,
)


class Loss(Protocol):
    """A convex loss; scores have shape (n_samples,) or (n_samples, n_scores)."""

    smoothness: float  # bound on the largest eigenvalue of a sample's second derivative

    def prediction(self, z: Array) -> Array:
        """Probability of the positive class, or of every class; the shape of the scores."""
        ...

    def probabilities(self, z: Array) -> Array:
        """Probabilities of every class, shape (n_samples, n_classes)."""
        ...

    def log_probabilities(self, z: Array) -> Array:
        """Logarithms of the probabilities of every class, shape (n_samples, n_classes)."""
        ...

    def value_and_gradient(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Loss of every sample, in nats, and its derivative with respect to the scores."""
        ...

    def divergence(self, q: Array, z: Array) -> Array:
        """Kullback-Leibler divergence of the predictions from probabilities ``q``, in nats."""
        ...

    def curvature(self, z: Array) -> Array:
        """Argument of the methods below, which determines the second derivative at ``z``."""
        ...

    def curvature_matrix(self, curvature: Array) -> Array:
        """Second derivative of every sample, shape (n_samples, n_scores, n_scores)."""
        ...

    def curvature_diagonal(self, curvature: Array) -> Array:
        """Diagonal of the second derivative of every sample, the shape of the scores."""
        ...

    def curvature_product(self, curvature: Array, v: Array) -> Array:
        """Second derivative of every sample times a direction ``v``, the shape of the scores."""
        ...

    def curvature_sum(self, curvature: Array, s: Array) -> NDArray:
        """Weighted sum of the second derivatives, shape (n_scores, n_scores)."""
        ...


class BinaryCrossEntropy:
    r"""Binary cross-entropy of the labels ``y`` in [0, 1] and the scores ``z`` (log-odds).

    .. math:: -[y \log \hat y + (1 - y) \log(1 - \hat y)] = \log(1 + e^z) - y z,
              \qquad \hat y = \sigma(z)

    Notes
    -----
    With ``e = exp(-abs(z))``, the probability of the less probable class is ``e / (1 + e)``. The
    prediction is computed as the hard label, 0 or 1 by the sign of the score, corrected by that
    probability. Where the hard label equals ``y``, the gradient is the correction alone, so that
    it keeps its full relative accuracy when it is nearly zero.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006: equations 4.87 (sigmoid),
    4.90 (loss), 4.91 (gradient), 4.97 (curvature).
    """

    smoothness = 1 / 4

    @np.errstate(under="ignore")
    def prediction(self, z: Array) -> Array:
        """Sigmoid ``1 / (1 + exp(-z))``."""
        xp = namespace(z)
        e = xp.exp(-xp.abs(z))
        return _hard_label(z) - xp.copysign(e / (1 + e), z)

    @np.errstate(under="ignore")
    def probabilities(self, z: Array) -> Array:
        """``1 - y_hat`` and ``y_hat``, each with full relative accuracy."""
        xp = namespace(z)
        e, hard = xp.exp(-xp.abs(z)), _hard_label(z)
        correction = xp.copysign(e / (1 + e), z)
        return xp.stack([(1 - hard) + correction, hard - correction], axis=1)

    @np.errstate(under="ignore")
    def log_probabilities(self, z: Array) -> Array:
        """``log(1 - y_hat) = -softplus(z)`` and ``log(y_hat) = -softplus(-z)``."""
        xp = namespace(z)
        more_probable = -xp.log1p(xp.exp(-xp.abs(z)))
        by_class = [more_probable + xp.clip(score, None, 0) for score in (-z, z)]
        return xp.stack(by_class, axis=1)

    @np.errstate(under="ignore")
    def value_and_gradient(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Loss ``softplus(z) - y z`` and its derivative ``y_hat - y``."""
        xp = namespace(z)
        y = xp.asarray(y, dtype=z.dtype)  # stored in one byte each
        e = xp.exp(-xp.abs(z))
        error = _hard_label(z) - y
        value = xp.log1p(e) + error * z
        gradient = error - xp.copysign(e / (1 + e), z)
        return value, gradient

    def divergence(self, q: Array, z: Array) -> Array:
        """``q log(q / y_hat) + (1 - q) log((1 - q) / (1 - y_hat))``."""
        xp = namespace(z)
        return _divergence(xp.stack([1 - q, q], axis=1), self.log_probabilities(z))

    @np.errstate(under="ignore")
    def curvature(self, z: Array) -> Array:
        """Second derivative ``y_hat (1 - y_hat)``, in [0, 1/4]."""
        xp = namespace(z)
        e = xp.exp(-xp.abs(z))
        return e / (1 + e) ** 2

    def curvature_matrix(self, curvature: Array) -> Array:
        """Second derivative as a stack of 1 x 1 matrices."""
        return curvature[:, None, None]

    def curvature_diagonal(self, curvature: Array) -> Array:
        """The second derivative itself."""
        return curvature

    def curvature_product(self, curvature: Array, v: Array) -> Array:
        """``y_hat (1 - y_hat) v``."""
        return curvature * v

    def curvature_sum(self, curvature: Array, s: Array) -> NDArray:
        """Weighted sum of the second derivatives, as a 1 x 1 matrix."""
        return np.array([[float(s @ curvature)]])


class CrossEntropy:
    r"""Cross-entropy of the probabilities ``Y`` of the classes and the scores ``Z`` of a sample.

    .. math:: -\sum_k Y_k \log \hat Y_k = \log \sum_k e^{Z_k} - \sum_k Y_k Z_k, \qquad
              \hat Y = \mathrm{softmax}(Z)

    Labels ``y`` in 0..K-1 stand for rows ``Y`` that are one in column ``y`` and zero elsewhere.

    Notes
    -----
    The largest score of a sample is subtracted before any exponential. Arrays of scores are
    in Fortran order, class by class, where sums over a few classes are fastest.

    References
    ----------
    C. M. Bishop, Pattern Recognition and Machine Learning, 2006: equations 4.104 (softmax),
    4.108 (loss), 4.109 (gradient), 4.110 (curvature).
    """

    smoothness = 1 / 2

    @np.errstate(under="ignore")
    def prediction(self, z: Array) -> Array:
        """Softmax ``exp(Z) / sum(exp(Z))``."""
        e = namespace(z).exp(z - row_max(z)[:, None])
        e /= row_sum(e)[:, None]
        return e

    def probabilities(self, z: Array) -> Array:
        """The prediction ``Y_hat``."""
        return self.prediction(z)

    @np.errstate(under="ignore")
    def log_probabilities(self, z: Array) -> Array:
        """``Z - logsumexp(Z)``, with full relative accuracy for the most probable class too."""
        xp = namespace(z)
        top = own_class_index(xp.argmax(z, axis=1), z)
        z = z - take_own(z, top)[:, None]
        others = row_sum(put_own(xp.exp(z), top, 0))
        return z - xp.log1p(others)[:, None]

    @np.errstate(under="ignore")
    def value_and_gradient(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Loss ``logsumexp(Z) - sum(Y Z)`` and its derivative ``Y_hat - Y``."""
        if y.ndim == 2:
            return self._of_probabilities(y, z)
        # The sum over the other classes, not 1 - y_hat, keeps small numbers accurate.
        xp, own, top = namespace(z), own_class_index(y, z), row_max(z)
        e = xp.exp(z - top[:, None])
        e_own, e = take_own(e, own), put_own(e, own, 0)
        others = row_sum(e)
        total = others + e_own
        value = xp.log1p(others + (e_own - 1)) + (top - take_own(z, own))
        e /= total[:, None]
        return value, put_own(e, own, -others / total)

    def _of_probabilities(self, y: NDArray, z: Array) -> tuple[Array, Array]:
        """Value and gradient for ``y`` of shape (n_samples, n_classes)."""
        xp = namespace(z)
        y = xp.asarray(y, dtype=z.dtype)
        z = z - row_max(z)[:, None]
        e = xp.exp(z)
        total = row_sum(e)
        value = xp.log(total) - row_sum(y * z)
        return value, e / total[:, None] - y

    def divergence(self, q: Array, z: Array) -> Array:
        """``sum(Q log(Q / Y_hat))``."""
        return _divergence(q, self.log_probabilities(z))

    def curvature(self, z: Array) -> Array:
        """The prediction ``Y_hat``, which determines the second derivative."""
        return self.prediction(z)

    def curvature_matrix(self, curvature: Array) -> Array:
        """Second derivative ``diag(Y_hat) - Y_hat Y_hat.T`` of every sample."""
        identity = asarray_like(np.eye(curvature.shape[1]), curvature)
        return curvature[:, :, None] * (identity - curvature[:, None, :])

    def curvature_diagonal(self, curvature: Array) -> Array:
        """Diagonal ``Y_hat (1 - Y_hat)`` of the second derivative."""
        return curvature * (1 - curvature)

    def curvature_product(self, curvature: Array, v: Array) -> Array:
        """``Y_hat * (v - sum(Y_hat * v))``."""
        return curvature * (v - row_sum(curvature * v)[:, None])

    def curvature_sum(self, curvature: Array, s: Array) -> NDArray:
        """Weighted sum of ``diag(Y_hat) - Y_hat Y_hat.T``."""
        outer = to_numpy(curvature.T @ (curvature * s[:, None]))
        return np.diag(outer.sum(axis=0)) - outer


def _divergence(q: Any, log_probabilities: Any) -> Any:
    """``sum(q (log q - log p))`` of each row; rounding may have led ``q`` just out of [0, 1]."""
    xp = namespace(q)
    q = xp.clip(q, 0, 1)
    log_q = xp.log(xp.where(q > 0, q, 1.0))
    return row_sum(q * (log_q - log_probabilities))


def _hard_label(z: Any) -> Any:
    """Class 1 or 0 by the sign of a score; 0.0 belongs to 1 and -0.0 to 0."""
    xp = namespace(z)
    return xp.asarray(~xp.signbit(z), dtype=z.dtype)
