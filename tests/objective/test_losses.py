"""The losses against exact arithmetic, SciPy and finite differences."""

from __future__ import annotations

import decimal

import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from bce_logistic.objective.losses import BinaryCrossEntropy, CrossEntropy

from ..common import derivative, losses, probabilities

EXTREME = [0.0, 1e-300, 1e-8, 1.0, 36.7, 37.0, 709.0, 745.0, 746.0, 1e3, 1e20, 1e300]
EXTREME = np.array([sign * z for z in EXTREME for sign in (1, -1)])
# Below the normal range numbers are spaced this far apart: nothing is exact to more.
SPACING = 5e-324


def exact(function):
    """Evaluate a function of numbers in 400 digits, and round once."""

    def rounded(*numbers):
        with decimal.localcontext(prec=400, Emax=decimal.MAX_EMAX, Emin=decimal.MIN_EMIN):
            return float(function(*map(decimal.Decimal, numbers)))

    return np.vectorize(rounded, otypes=[np.float64])


def exp_of_minus(z):
    """exp(-z) for z >= 0. Beyond 1e4 it is far below the smallest float."""
    return (-z).exp() if z < 10_000 else decimal.Decimal(0)


@exact
def exact_loss(y, z):
    softplus = (1 + exp_of_minus(abs(z))).ln() + max(z, decimal.Decimal(0))
    return softplus - y * z


@exact
def exact_sigmoid(z):
    e = exp_of_minus(abs(z))
    return (1 if z >= 0 else e) / (1 + e)


@exact
def exact_residual(y, z):
    """Sigmoid minus label."""
    e = exp_of_minus(abs(z))
    return (1 - y - y * e if z >= 0 else (1 - y) * e - y) / (1 + e)


@exact
def exact_curvature(z):
    e = exp_of_minus(abs(z))
    return e / (1 + e) ** 2


@pytest.mark.parametrize("y", [0.0, 1.0, 0.25])
def test_binary_loss_is_exact_for_every_score(y):
    with np.errstate(all="raise"):
        value, gradient = BinaryCrossEntropy().value_and_gradient(np.full_like(EXTREME, y), EXTREME)
    assert_allclose(value, exact_loss(y, EXTREME), rtol=1e-15, atol=SPACING)
    # Sigmoid minus a soft label is the difference of two rounded numbers, and may be near zero.
    atol = SPACING if y in (0, 1) else np.finfo(np.float64).eps
    assert_allclose(gradient, exact_residual(y, EXTREME), rtol=1e-15, atol=atol)


def test_binary_prediction_and_curvature_are_exact_for_every_score():
    loss = BinaryCrossEntropy()
    with np.errstate(all="raise"):
        prediction, curvature = loss.prediction(EXTREME), loss.curvature(EXTREME)
    assert_allclose(prediction, exact_sigmoid(EXTREME), rtol=1e-15, atol=SPACING)
    assert_allclose(curvature, exact_curvature(EXTREME), rtol=1e-15, atol=SPACING)


@given(y=st.sampled_from([0.0, 1.0]), z=st.floats(-800, 800))
def test_binary_loss_is_exact_for_any_score(y, z):
    value, gradient = BinaryCrossEntropy().value_and_gradient(np.array([y]), np.array([z]))
    assert_allclose(value, exact_loss(y, z), rtol=1e-15, atol=SPACING)
    assert_allclose(gradient, exact_residual(y, z), rtol=1e-15, atol=SPACING)


@given(y=st.floats(0, 1), z=st.floats(-800, 800))
def test_soft_labels_cost_no_more_than_rounding(y, z):
    # z - y z and y_hat - y cancel where y is close to one and to y_hat.
    value, gradient = BinaryCrossEntropy().value_and_gradient(np.array([y]), np.array([z]))
    assert_allclose(value, exact_loss(y, z), rtol=1e-15, atol=1e-15 * abs(z))
    assert_allclose(gradient, exact_residual(y, z), rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("kind", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_binary_loss_has_the_precision_of_the_scores(kind, precision):
    y, z = np.array([0, 1, 1], dtype=kind), np.array([0.5, -2.0, 3.0], dtype=precision)
    value, gradient = BinaryCrossEntropy().value_and_gradient(y, z)
    assert value.dtype == gradient.dtype == precision
    rtol = 4 * np.finfo(precision).eps
    assert_allclose(value, exact_loss(y.astype(float), z.astype(float)), rtol=rtol)
    assert_allclose(gradient, exact_residual(y.astype(float), z.astype(float)), rtol=rtol)


def test_binary_prediction_is_the_sigmoid():
    z = np.random.default_rng(0).normal(scale=5, size=1000)
    assert_allclose(BinaryCrossEntropy().prediction(z), scipy.special.expit(z), rtol=1e-15)


@given(z=st.floats(-1e300, 1e300))
def test_swapping_the_classes_mirrors_the_loss(z):
    loss = BinaryCrossEntropy()
    value, gradient = loss.value_and_gradient(np.ones(1), np.array([z]))
    mirrored, opposite = loss.value_and_gradient(np.zeros(1), np.array([-z]))
    assert_array_equal(value, mirrored)
    assert_array_equal(gradient, -opposite)


def test_binary_derivatives_are_those_of_the_value():
    z = np.linspace(-6, 6, 25)
    loss = BinaryCrossEntropy()
    for y in np.full((3, 25), [[0.0], [1.0], [0.3]]):
        value = derivative(lambda z, y=y: loss.value_and_gradient(y, z)[0], z)
        assert_allclose(loss.value_and_gradient(y, z)[1], value.diagonal(), rtol=1e-7, atol=1e-9)
        gradient = derivative(lambda z, y=y: loss.value_and_gradient(y, z)[1], z)
        assert_allclose(loss.curvature(z), gradient.diagonal(), rtol=1e-7)


def scores(n_samples=40, n_classes=3, scale=3.0, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(n_classes, size=n_samples), rng.normal(
        scale=scale, size=(n_samples, n_classes)
    )


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("order", ["C", "F"])
def test_cross_entropy_is_that_of_scipy(n_classes, order):
    y, z = scores(n_classes=n_classes)
    z = np.asarray(z, order=order)
    before = z.copy()
    value, gradient = CrossEntropy().value_and_gradient(y, z)
    softmax = scipy.special.softmax(z, axis=1)
    # SciPy subtracts: what is nearly zero there is good to 1e-16, not relative to it.
    assert_allclose(value, losses(y, z), rtol=1e-14, atol=1e-15)
    assert_allclose(gradient, softmax - np.eye(n_classes)[y], rtol=1e-13, atol=1e-15)
    assert_allclose(CrossEntropy().prediction(z), softmax, rtol=1e-14)
    assert_array_equal(z, before)


@pytest.mark.parametrize("n_classes", [2, 3, 10])
@pytest.mark.parametrize("order", ["C", "F"])
def test_probabilities_weigh_the_losses_of_the_labels(n_classes, order):
    _, z = scores(n_classes=n_classes)
    z = np.asarray(z, order=order)
    Y, before = probabilities(len(z), n_classes), z.copy()
    value, gradient = CrossEntropy().value_and_gradient(Y, z)
    by_label = [losses(np.full(len(z), k), z) for k in range(n_classes)]
    assert_allclose(value, (Y * np.transpose(by_label)).sum(axis=1), rtol=1e-13)
    assert_allclose(gradient, scipy.special.softmax(z, axis=1) - Y, rtol=1e-13, atol=1e-15)
    assert_array_equal(z, before)
    single = CrossEntropy().value_and_gradient(Y.astype(np.float32), z)
    assert single[0].dtype == single[1].dtype == np.float64


def test_one_hot_rows_have_the_loss_of_labels():
    y, z = scores()
    value, gradient = CrossEntropy().value_and_gradient(y, z)
    soft_value, soft_gradient = CrossEntropy().value_and_gradient(np.eye(3)[y], z)
    assert_allclose(soft_value, value, rtol=1e-13, atol=1e-15)
    assert_allclose(soft_gradient, gradient, rtol=1e-13, atol=1e-15)


def test_probabilities_of_two_classes_are_the_binary_case():
    _, z = scores(n_classes=2)
    Y = probabilities(len(z), 2)
    value, gradient = CrossEntropy().value_and_gradient(Y, z)
    binary = BinaryCrossEntropy().value_and_gradient(Y[:, 1], z[:, 1] - z[:, 0])
    assert_allclose(value, binary[0], rtol=1e-13, atol=1e-15)
    assert_allclose(gradient[:, 1], binary[1], rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("size", [37.0, 1e3, 1e20, 1e300])
def test_probabilities_and_extreme_scores(size):
    z = np.array([[size, 0, 0], [0, 0, size], [-size, -size, size]])
    Y = np.array([[0.5, 0.25, 0.25], [0, 0, 1], [0.25, 0, 0.75]])
    with np.errstate(all="raise"):
        value, gradient = CrossEntropy().value_and_gradient(Y, z)
    assert_allclose(value, [size / 2, 0, size / 2], rtol=1e-14, atol=3 * np.exp(-37))
    assert_allclose(gradient, np.eye(3)[[0, 2, 2]] - Y, rtol=1e-14, atol=3 * np.exp(-37))


def test_two_classes_are_the_binary_case():
    y, z = scores(n_classes=2)
    difference = z[:, 1] - z[:, 0]
    value, gradient = CrossEntropy().value_and_gradient(y, z)
    binary_value, binary_gradient = BinaryCrossEntropy().value_and_gradient(y, difference)
    assert_allclose(value, binary_value, rtol=1e-13, atol=1e-15)
    assert_allclose(gradient[:, 1], binary_gradient, rtol=1e-13, atol=1e-15)
    assert_allclose(gradient[:, 0], -binary_gradient, rtol=1e-13, atol=1e-15)


def test_one_number_added_to_all_scores_changes_nothing():
    y, z = scores()
    z = np.round(z * 64) / 64  # so that the sums below are exact
    value, gradient = CrossEntropy().value_and_gradient(y, z)
    for shift in (1024.0, -(2.0**40)):
        shifted_value, shifted_gradient = CrossEntropy().value_and_gradient(y, z + shift)
        assert_array_equal(shifted_value, value)
        assert_array_equal(shifted_gradient, gradient)


@pytest.mark.parametrize("size", [37.0, 1e3, 1e20, 1e300])
def test_cross_entropy_is_finite_and_right_for_extreme_scores(size):
    # One class leads, two share the lead, all are equal: the limits are known.
    z = np.array([[size, 0, 0], [0, 0, size], [-size, size, -size], [size, size, 0], [-size] * 3])
    y = np.array([0, 0, 1, 0, 2])
    with np.errstate(all="raise"):
        value, gradient = CrossEntropy().value_and_gradient(y, z)
        prediction = CrossEntropy().prediction(z)
    limit = [0, size, 0, np.log(2), np.log(3)]
    softmax = np.array([[1, 0, 0], [0, 0, 1], [0, 1, 0], [1 / 2, 1 / 2, 0], [1 / 3] * 3])
    assert_allclose(value, limit, rtol=1e-15, atol=3 * np.exp(-37))
    assert_allclose(prediction, softmax, rtol=1e-15, atol=3 * np.exp(-37))
    assert_allclose(gradient, softmax - np.eye(3)[y], rtol=1e-15, atol=3 * np.exp(-37))
    assert_allclose(prediction.sum(axis=1), 1, rtol=1e-15)


def test_softmax_curvature_is_the_derivative_of_the_prediction():
    _, z = scores(n_samples=5)
    loss = CrossEntropy()
    matrices = loss.curvature_matrix(loss.curvature(z))
    for i in range(len(z)):
        jacobian = derivative(lambda row: loss.prediction(row[None])[0], z[i])
        assert_allclose(matrices[i], jacobian, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), CrossEntropy()], ids=["binary", "softmax"])
def test_diagonal_and_product_belong_to_the_matrix(loss):
    _, z = scores()
    if isinstance(loss, BinaryCrossEntropy):
        z = z[:, 0]
    curvature = loss.curvature(z)
    matrices = loss.curvature_matrix(curvature)
    v = np.random.default_rng(1).normal(size=z.shape)
    diagonal = np.diagonal(matrices, axis1=1, axis2=2).reshape(z.shape)
    product = np.einsum("ijk,ik->ij", matrices, v.reshape(len(z), -1)).reshape(z.shape)
    assert_allclose(loss.curvature_diagonal(curvature), diagonal, rtol=1e-14)
    assert_allclose(loss.curvature_product(curvature, v), product, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("loss", "flattest"),
    [(BinaryCrossEntropy(), np.zeros(1)), (CrossEntropy(), np.array([[0.0, 0.0, -800.0]]))],
    ids=["binary", "softmax"],
)
def test_largest_curvature_is_the_least_upper_bound(loss, flattest):
    _, z = scores(n_samples=2000, n_classes=max(1, flattest.size))
    z = z if flattest.ndim == 2 else z[:, 0]
    largest = np.linalg.eigvalsh(loss.curvature_matrix(loss.curvature(z))).max()
    assert largest <= loss.smoothness
    attained = np.linalg.eigvalsh(loss.curvature_matrix(loss.curvature(flattest))).max()
    assert_allclose(attained, loss.smoothness, rtol=1e-14)


@pytest.mark.parametrize("size", [37.0, 400.0, 1e3, 1e20])
@pytest.mark.parametrize("loss", [BinaryCrossEntropy(), CrossEntropy()], ids=["binary", "softmax"])
def test_curvature_never_warns(loss, size):
    z = np.array([[size, 0, -size], [0, 0, 0], [size, size, 0]])
    if isinstance(loss, BinaryCrossEntropy):
        z = z.ravel()
    with np.errstate(all="raise"):
        curvature = loss.curvature(z)
        pieces = (
            loss.curvature_matrix(curvature),
            loss.curvature_diagonal(curvature),
            loss.curvature_product(curvature, np.ones_like(z)),
        )
    assert all(np.isfinite(piece).all() for piece in pieces)


@pytest.mark.parametrize("label", [0, 1])
def test_softmax_is_as_accurate_as_the_sigmoid_where_it_is_nearly_zero(label):
    t = np.array([-700.0, -100, -37, -20, -3, 0, 1, 25, 36, 90, 600])
    y = np.full(len(t), label)
    value, gradient = CrossEntropy().value_and_gradient(y, np.column_stack([np.zeros(len(t)), t]))
    expected_value, expected = BinaryCrossEntropy().value_and_gradient(y.astype(float), t)
    assert_allclose(value, expected_value, rtol=1e-15)
    assert_allclose(gradient, np.column_stack([-expected, expected]), rtol=1e-14)


@exact
def exact_log_sigmoid(z):
    return -(1 + exp_of_minus(abs(z))).ln() + min(z, decimal.Decimal(0))


def test_probabilities_of_two_classes():
    found = BinaryCrossEntropy().probabilities(EXTREME)
    expected = np.stack([exact_sigmoid(-EXTREME), exact_sigmoid(EXTREME)], axis=1)
    assert_allclose(found, expected, rtol=1e-15, atol=SPACING)


def test_log_probabilities_of_two_classes():
    z = EXTREME
    found = BinaryCrossEntropy().log_probabilities(z)
    expected = np.stack([exact_log_sigmoid(-z), exact_log_sigmoid(z)], axis=1)
    assert_allclose(found, expected, rtol=4e-16, atol=SPACING)


def test_log_probabilities_of_three_classes():
    z = np.random.default_rng(0).normal(size=(200, 3)) * np.geomspace(1e-3, 1e5, 200)[:, None]
    found = CrossEntropy().log_probabilities(z)
    assert_allclose(found, scipy.special.log_softmax(z, axis=1), rtol=1e-12, atol=1e-15)
    # That of the most probable class is the sum of the others' shares to all digits.
    z = np.column_stack([EXTREME, np.zeros((len(EXTREME), 2))])
    top = CrossEntropy().log_probabilities(z)[EXTREME > 0, 0]
    assert_allclose(top, -np.log1p(2 * np.exp(-EXTREME[EXTREME > 0])), rtol=4e-16, atol=SPACING)
    assert np.isfinite(CrossEntropy().log_probabilities(z)).all()
