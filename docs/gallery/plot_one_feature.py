"""
One feature: gradient descent in pictures
=========================================

With one feature there are two coefficients, a slope and an intercept. So the loss can be drawn, and
the path of the descent on it: with steps that are too short, just right and too long.

:doc:`Another page </derivation>` derives the formulas, one step at a time.
"""

# %%
# The model
# ---------
#
# Five students studied for 1, 2, 3, 4 and 5 hours. Those who studied 2, 4 and 5 hours passed. The
# model gives the probability of passing as the sigmoid of a score:
#
# .. math:: z = a x + b, \qquad \hat y = \frac{1}{1 + e^{-z}}
#
# The loss is the mean binary cross-entropy. The derivative of one student's loss by the score is
# :math:`\hat y - y`. The score's derivative is :math:`x` by :math:`a`, and 1 by :math:`b`.

import matplotlib.pyplot as plt
import numpy as np

from bce_logistic import GDLogisticRegression

x = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
y = np.array([0, 1, 0, 1, 1])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def loss(a, b, x=x):
    """Mean cross-entropy at a slope and an intercept, or at arrays of them."""
    z = np.multiply.outer(a, x) + np.asarray(b)[..., None]
    return np.mean(np.logaddexp(0, z) - y * z, axis=-1)


def gradient(a, b, x=x):
    residual = sigmoid(a * x + b) - y
    return np.mean(residual * x), np.mean(residual)


# %%
# The landscape
# -------------
#
# On the left is the loss over slope and intercept, on the right are its contour lines. It is
# convex: there is one valley and one minimum, the star. Here the default solver finds it.

exact = GDLogisticRegression(C=np.inf, tol=1e-14).fit(x[:, np.newaxis], y)
minimum = exact.coef_[0, 0], exact.intercept_[0]
print(f"minimum: a = {minimum[0]:.4f}, b = {minimum[1]:.4f}, loss {loss(*minimum):.4f}")

a_grid, b_grid = np.meshgrid(np.linspace(-0.6, 2.2, 121), np.linspace(-4.6, 1.4, 121))
height = loss(a_grid, b_grid)
levels = loss(*minimum) + np.logspace(-3, 0.5, 12)


def contours(ax, scale=1):
    """Contour lines, in a window that is ``scale`` times as wide and as high."""
    a, b = scale * a_grid, scale * b_grid
    ax.contour(a, b, loss(a, b), levels=levels, colors="0.8", linewidths=0.8)
    ax.plot(*minimum, "k*", markersize=10)
    ax.set(xlabel="slope a", xlim=(a.min(), a.max()), ylim=(b.min(), b.max()))


figure = plt.figure(figsize=(10, 4.2), layout="constrained")
left = figure.add_subplot(1, 2, 1, projection="3d")
left.plot_surface(a_grid, b_grid, height, cmap="viridis", antialiased=False)
left.set(xlabel="slope a", ylabel="intercept b", title="mean loss (nats)")
left.view_init(elev=35, azim=-60)
right = figure.add_subplot(1, 2, 2)
contours(right)
right.set_ylabel("intercept b")
plt.show()

# %%
# Descent
# -------
#
# From a = b = 0, where every probability is one half, each step goes against the gradient. The
# step is the gradient times the learning rate.


def descend(learning_rate, n_steps, x=x):
    """The points (a, b) at the start and after each step."""
    a = b = 0.0
    points = [(a, b)]
    for _ in range(n_steps):
        da, db = gradient(a, b, x)
        a, b = a - learning_rate * da, b - learning_rate * db
        points.append((a, b))
    return np.array(points)


# %%
# ``GDLogisticRegression(solver="gd")`` makes the same steps. ``C=np.inf`` leaves out the penalty,
# and ``tol=0`` asks for all steps.

a, b = descend(0.3, 100)[-1]
model = GDLogisticRegression(solver="gd", learning_rate=0.3, max_iter=100, C=np.inf, tol=0)
model.fit(x[:, np.newaxis], y)
print(f"these ten lines:      a = {a:.6f}, b = {b:.6f}")
print(f"GDLogisticRegression: a = {model.coef_[0, 0]:.6f}, b = {model.intercept_[0]:.6f}")

# %%
# On the left are the predictions after some of these steps, on the right the path of the
# coefficients. The first step makes the slope positive. All others follow the valley: the curve
# becomes steeper and moves to the right.

steps = [0, 1, 10, 100, 1000]
points = descend(0.3, steps[-1])
shades = plt.get_cmap("viridis")(np.linspace(0, 0.85, len(steps)))
hours = np.linspace(0, 6, 200)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
contours(right)
right.plot(*points.T, color="0.4", linewidth=1)
right.set_ylabel("intercept b")
for n_steps, shade in zip(steps, shades, strict=True):
    a, b = points[n_steps]
    left.plot(hours, sigmoid(a * hours + b), color=shade, label=n_steps)
    right.plot(a, b, "o", color=shade)
left.plot(x, y, "k.", markersize=12, label="students")
left.set(xlabel="hours", ylabel="probability of passing", ylim=(-0.05, 1.05))
left.legend(title="steps", loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
plt.show()

# %%
# The learning rate
# -----------------
#
# The valley is narrow, since a larger slope is nearly made up for by a smaller intercept. Across
# it the curvature is at most L, a quarter of the largest eigenvalue of the mean of :math:`(x,
# 1)^T (x, 1)`. Along it the curvature is about seventy times smaller.


def curvatures(x):
    """Bounds on the smallest and the largest curvature of the loss."""
    X1 = np.column_stack([x, np.ones_like(x)])
    return np.linalg.eigvalsh(X1.T @ X1 / len(x)) / 4


along, L = curvatures(x)
print(f"L = {L:.3f} across, {along:.3f} along; 1/L = {1 / L:.3f}")

# %%
# With a learning rate of 0.03 the path creeps. With 1/L no step can make the loss larger; this is
# ``learning_rate="auto"``. With 1.2 the first steps jump across the valley and up its other side.
# Near the minimum the curvature is smaller than L, so that this path converges all the same, and
# faster.

rates = {"0.03": 0.03, "1/L": 1 / L, "1.2": 1.2}
figure, axes = plt.subplots(1, 3, figsize=(10, 4), sharey=True, layout="constrained")
for ax, (name, rate) in zip(axes, rates.items(), strict=True):
    points = descend(rate, 60)
    contours(ax)
    ax.plot(*points.T, ".-", linewidth=1, markersize=4)
    ax.set_title(f"learning rate {name}\nloss after 60 steps: {loss(*points[-1]):.4f}", fontsize=10)
axes[0].set_ylabel("intercept b")
plt.show()

# %%
# Too large a step
# ----------------
#
# With a learning rate of 4, the first six steps one by one; above the coefficients, below the
# predictions. The first step overshoots: all are predicted to pass. The second overshoots in the
# other direction, the third goes further than the first. A step may land near the minimum, as the
# fifth does, but others then lead away from it again.

points = descend(4.0, 6)
figure, axes = plt.subplots(
    2, len(points), figsize=(11, 4), sharex="row", sharey="row", layout="constrained"
)
for step, (upper, lower) in enumerate(axes.T):
    a, b = points[step]
    contours(upper, scale=4)
    upper.plot(*points[: step + 1].T, ".-", linewidth=1)
    upper.plot(a, b, "o", color="C3")
    upper.set(title=f"step {step}" if step else "start", xlabel="a")
    lower.plot(hours, sigmoid(a * hours + b), color="C3")
    lower.plot(x, y, "k.")
    lower.set(xlabel="hours", ylim=(-0.1, 1.1))
    lower.set_title(f"loss {loss(a, b):.2f}", fontsize=10)
axes[0, 0].set_ylabel("b")
axes[1, 0].set_ylabel("probability")
plt.show()

# %%
# The estimator notices, raises an error, and names the largest safe learning rate:

try:
    GDLogisticRegression(learning_rate=4.0, C=np.inf, max_iter=100).fit(x[:, np.newaxis], y)
except ValueError as error:
    print(error)

# %%
# A feature with mean zero
# ------------------------
#
# Why is the valley narrow? All hours are positive, so that slope and intercept do nearly the same
# thing. Counted from their mean, the hours are positive and negative; the contour lines are then
# almost round, and a few steps do what hundreds did before. This is why features are standardised
# for gradient descent.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
for name, feature in {"hours": x, "hours less their mean": x - x.mean()}.items():
    rate = 1 / curvatures(feature)[1]
    a, b = descend(rate, 60, feature).T
    ax.semilogy(loss(a, b, feature) - loss(*minimum), label=f"{name}, learning rate {rate:.2f}")
ax.set(xlabel="steps", ylabel="loss above its minimum (nats)", ylim=(1e-13, 1))
ax.legend()
plt.show()

# %%
# The default solver does not depend on it: it divides the gradient by the curvature, in every
# direction.

print(exact.n_iter_[0], "iterations of the default solver")

# %%
# :doc:`plot_learning_rates` goes on with two features and momentum, and :doc:`/derivation` with
# the formulas.
