"""
Mini-batches: learning rate, momentum, batch size, averaging
============================================================

With ``batch_size``, gradient descent makes a step for a few rows at a time. The effects of four
parameters on the path of the coefficients and on the objective after each pass.
"""

# %%
# Two coefficients and thirty
# ---------------------------
#
# Each figure has two halves. On the left are two features of the breast cancer data, without an
# intercept: two coefficients, whose path can be drawn on the contour lines of the objective. On
# the right are all thirty features and an intercept, and how far the objective is above its
# minimum.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from bce_logistic import GDLogisticRegression

data = load_breast_cancer(as_frame=True)
y = data.target.to_numpy()
X = scale(data.data)
X_two = scale(data.data[["mean smoothness", "mean fractal dimension"]])
n = len(y)

# %%
# The path goes batch by batch, with :meth:`~bce_logistic.GDLogisticRegression.partial_fit`: each
# call makes one step. ``C=np.inf`` leaves out the penalty.

PASSES_OF_PATH = 4


def path(batch_size, **settings):
    """Coefficients of the two features at the start and after each step."""
    rng = np.random.default_rng(0)
    model = GDLogisticRegression(C=np.inf, fit_intercept=False, **settings)
    coefs = [np.zeros(2)]
    for _ in range(PASSES_OF_PATH):
        order = rng.permutation(n)
        for start in range(0, n, batch_size):
            rows = order[start : start + batch_size]
            model.partial_fit(X_two[rows], y[rows], classes=[0, 1])
            coefs.append(model.coef_[0].copy())
    return np.array(coefs)


def loss_of_two(w):
    """Mean loss at coefficients of shape (..., 2)."""
    z = w @ X_two.T
    return np.mean(np.logaddexp(0, z) - y * z, axis=-1)


# %%
# The curve goes pass by pass, with warm starts: a fit of one pass goes on where the one before
# stopped. ``loss_curve_`` would be cheaper, but for mini-batches it is a mean over the batches of
# a pass, each before its step. Here we want the objective of all rows after the pass.

PASSES = 30


def mean_objective(model):
    """Objective over the number of rows."""
    penalty = np.sum(model.coef_**2) / (2 * model.C * n)
    return log_loss(y, model.predict_proba(X)) + penalty


def curve(**settings):
    """Mean objective after each pass."""
    model = GDLogisticRegression(solver="gd", max_iter=1, tol=0, warm_start=True, **settings)
    return np.array([mean_objective(model.fit(X, y)) for _ in range(PASSES)])


best_of_two = GDLogisticRegression(C=np.inf, fit_intercept=False, tol=1e-12).fit(X_two, y).coef_[0]
minimum = mean_objective(GDLogisticRegression(tol=1e-12).fit(X, y))
w0, w1 = np.meshgrid(np.linspace(-2.3, 0.3, 61), np.linspace(-0.7, 1.7, 61))
height = loss_of_two(np.stack([w0, w1], axis=-1)) - loss_of_two(best_of_two)


def draw(runs):
    """Path and curve of each run, by its name."""
    _, (left, right) = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
    left.contour(w0, w1, height, levels=np.logspace(-4, 0, 13), colors="0.85", linewidths=0.8)
    for name, settings in runs.items():
        left.plot(*path(**settings).T, ".-", linewidth=0.8, markersize=3, alpha=0.8, label=name)
        right.semilogy(np.arange(1, PASSES + 1), curve(**settings) - minimum, label=name)
    left.plot(*best_of_two, "k*", markersize=10, zorder=3)
    left.set(
        title=f"two coefficients, {PASSES_OF_PATH} passes",
        xlabel="coefficient of the mean smoothness",
        ylabel="coefficient of the mean fractal dimension",
        xlim=(w0.min(), w0.max()),
        ylim=(w1.min(), w1.max()),
    )
    right.set(
        title="all thirty features",
        xlabel="passes",
        ylabel="mean objective above its minimum (nats)",
    )
    right.legend()
    plt.show()


# %%
# The learning rate
# -----------------
#
# A batch's gradient is that of the objective plus noise, and a step multiplies both by the
# learning rate. With 0.02 the path is smooth but short. With 1.0 it is soon near the minimum (the
# star) and then jumps around it forever: the gradient is small there, but the noise stays. So the
# curve falls fast and then no further. One remedy is to take large steps first and small ones
# later: ``power_t=0.25`` divides step t by the fourth root of 1 + t.

rates = {
    "0.02": {"learning_rate": 0.02},
    "0.2": {"learning_rate": 0.2},
    "1.0": {"learning_rate": 1.0},
    "1.0, power_t=0.25": {"learning_rate": 1.0, "power_t": 0.25},
}
draw({name: {"batch_size": 16, **rate} for name, rate in rates.items()})

# %%
# Momentum
# --------
#
# A step with the momentum 0.9 is the sum of all gradients so far, each 0.9 times as heavy as the
# one after it: together about ten. So the path gets as far as with ten times the learning rate.
# It is smoother, because the noise of a batch is spread over the ten steps that follow. But it
# does not come out lower: where noise sets the limit, momentum does little that a larger learning
# rate does not do. It helps where a valley is narrow and the batches are large, as
# :doc:`plot_learning_rates` shows for all rows at once.

momenta = {
    "learning rate 0.03": {"learning_rate": 0.03},
    "learning rate 0.3": {"learning_rate": 0.3},
    "0.03, momentum 0.9": {"learning_rate": 0.03, "momentum": 0.9},
}
draw({name: {"batch_size": 16, **momentum} for name, momentum in momenta.items()})

# %%
# The batch size
# --------------
#
# All three have the same learning rate, and batches of 8 make 16 steps with the rows of one step
# for 128: they are far ahead. They pay with noise, since the mean over 8 rows strays four times
# as far as that over 128. The long jump is the last batch of the first pass: 569 rows are 71
# batches of 8 and one row, an unusual one, which counts as much as a whole batch. Large batches
# go almost straight. They are slow because they make so few steps, and could make larger ones:
# ``learning_rate="auto"`` takes half of the reciprocal of the curvature that is expected of a
# batch, which for 128 of these rows with thirty features is a step four times as large as for 8.

draw({f"batch_size={b}": {"batch_size": b, "learning_rate": 0.2} for b in (8, 32, 128)})

# %%
# Averaging
# ---------
#
# If the iterates jump about the minimum, their mean is near it. With ``average=True`` the result
# is the mean of all iterates so far, while the descent itself goes on as before. The far start
# drags at this mean; ``average=72`` leaves out the first two passes of 36 batches. Now the curve
# falls on where that of the last iterate has stopped. :doc:`plot_averaging` has more.

averages = {
    "last iterate": {},
    "average=True": {"average": True},
    "average=72": {"average": 72},
}
draw({name: {"batch_size": 16, "learning_rate": 1.0, **how} for name, how in averages.items()})
