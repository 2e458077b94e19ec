"""
Learning rates and momentum
===========================

Textbook gradient descent, ``solver="gd"``, on two coefficients: the effects of steps that are too
small, too large or just right, and of momentum.
"""

# %%
# A narrow valley
# ---------------
#
# Two correlated features and no intercept make a problem of two coefficients, which can be drawn.
# The objective is a valley, steep across and flat along.

import matplotlib.pyplot as plt
import numpy as np

from bce_logistic import GDLogisticRegression, LossCurveDisplay

rng = np.random.default_rng(0)
X = rng.normal(size=(300, 2)) @ [[1.0, 0.8], [0.0, 0.4]]
y = X @ [1.0, -2.0] + rng.logistic(size=300) > 0

# %%
# The curvature of the objective is at most L, the largest eigenvalue of ``X.T @ X`` over four times
# the number of rows, plus ``1 / C`` over their number. With the step 1/L, plain descent never makes
# the objective larger. ``learning_rate="auto"`` takes this step.

C = 100.0
L = np.linalg.norm(X, 2) ** 2 / (4 * len(y)) + 1 / (C * len(y))
print(f"1/L = {1 / L:.3f}")

SETTINGS = {
    "learning rate 0.1/L": {"learning_rate": 0.1 / L},
    "learning rate 1/L": {"learning_rate": 1 / L},
    "learning rate 2.5/L": {"learning_rate": 2.5 / L},
    "1/L, momentum 0.8": {"learning_rate": 1 / L, "momentum": 0.8},
}
PASSES = 60

# %%
# Paths
# -----
#
# With ``warm_start=True`` and ``max_iter=1`` each fit makes one step and goes on where the one
# before stopped, with its momentum. ``tol=0`` asks for all steps.


def path(settings):
    """Coefficients at the start and after each step."""
    model = GDLogisticRegression(
        solver="gd", C=C, fit_intercept=False, tol=0, max_iter=1, warm_start=True, **settings
    )
    return np.array([[0.0, 0.0], *(model.fit(X, y).coef_[0].copy() for _ in range(PASSES))])


def mean_objective(w):
    """Objective over the number of rows at coefficients of shape (..., 2)."""
    z = w @ X.T
    return np.mean(np.logaddexp(0, z) - y * z, axis=-1) + np.sum(w**2, axis=-1) / (2 * C * len(y))


best = GDLogisticRegression(C=C, fit_intercept=False, tol=1e-12).fit(X, y).coef_[0]
w0, w1 = np.meshgrid(np.linspace(-0.5, 2.5, 121), np.linspace(-3.5, 1.0, 121))
height = mean_objective(np.stack([w0, w1], axis=-1)) - mean_objective(best)

figure, axes = plt.subplots(2, 2, figsize=(8, 8), sharex=True, sharey=True, layout="constrained")
for ax, (name, settings) in zip(axes.flat, SETTINGS.items(), strict=True):
    ax.contour(w0, w1, height, levels=np.logspace(-4, 0, 13), colors="0.8", linewidths=0.8)
    ax.plot(*path(settings).T, ".-", linewidth=1, markersize=4)
    ax.plot(*best, "k*")
    ax.set(title=name, xlabel="first coefficient", ylabel="second coefficient")
    ax.label_outer()
plt.show()

# %%
# The small step makes slow progress. 1/L goes straight down into the valley and then slowly along
# it. 2.5/L jumps from one side to the other and still converges here. Momentum keeps its
# direction along the valley and so gets there first, past the minimum and back.
#
# Loss curves
# -----------
#
# The same from the fits themselves: ``loss_curve_`` holds the objective over the total weight at
# the start and after each update. The default solver starts near the minimum, at that of a
# subsample.

figure, ax = plt.subplots(figsize=(8.5, 4.8), layout="constrained")
minimum = mean_objective(best)
for name, settings in SETTINGS.items():
    model = GDLogisticRegression(
        solver="gd", C=C, fit_intercept=False, tol=0, max_iter=PASSES, **settings
    ).fit(X, y)
    LossCurveDisplay.from_estimator(model, name=name, minimum=minimum, ax=ax)
accelerated = GDLogisticRegression(nesterov=True, C=C, fit_intercept=False, tol=1e-8).fit(X, y)
LossCurveDisplay.from_estimator(accelerated, name="nesterov=True", minimum=minimum, ax=ax)
default = GDLogisticRegression(C=C, fit_intercept=False).fit(X, y)
LossCurveDisplay.from_estimator(default, name="default solver", minimum=minimum, ax=ax)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
plt.show()

# %%
# Too large a step
# ----------------
#
# Steps of up to 2/L never make the objective larger. With larger ones it may still get smaller, as
# above. If it ends above its start, or oscillates without decreasing, the fit raises an error that
# names the largest safe step, instead of returning meaningless coefficients.

try:
    GDLogisticRegression(learning_rate=5 / L, C=C, fit_intercept=False).fit(X, y)
except ValueError as error:
    print(error)
