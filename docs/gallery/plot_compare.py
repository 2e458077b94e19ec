"""
The same answer as LogisticRegression
=====================================

``GDLogisticRegression`` minimises what scikit-learn's ``LogisticRegression`` minimises. So the two
must agree once both have converged, and may only differ in how long that takes.

The data are 1,797 images of handwritten digits, 8 x 8 pixels each, in ten classes.
"""

# %%
# The estimators
# --------------
#
# Same data, same ``C``, default tolerances. Of the solvers of ``LogisticRegression``, its default
# takes part, and "newton-cg".

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from threadpoolctl import threadpool_limits

from bce_logistic import GDLogisticRegression

X, y = load_digits(return_X_y=True)
X = X / 16  # from 0..16 to 0..1

estimators = {
    "GDLogisticRegression": GDLogisticRegression(),
    "lbfgs": LogisticRegression(solver="lbfgs", max_iter=10_000),
    "newton-cg": LogisticRegression(solver="newton-cg"),
}

# %%
# Objective and time
# ------------------
#
# The objective is computed here, from the coefficients alone, by the formula in the documentation
# of both: the sum of the losses plus the penalty. The numerical libraries are limited to one
# thread, so that the times can be compared on a busy machine, too.


def objective(model):
    loss = log_loss(y, model.predict_proba(X), normalize=False)
    return loss + np.sum(model.coef_**2) / (2 * model.C)


minimum = objective(GDLogisticRegression(tol=1e-12).fit(X, y))
print(f"{'':22}{'ms':>6}{'objective':>13}{'above the minimum':>19}")
for name, model in estimators.items():
    with threadpool_limits(1):
        start = perf_counter()
        model.fit(X, y)
        milliseconds = 1000 * (perf_counter() - start)
    value = objective(model)
    print(f"{name:22}{milliseconds:6.0f}{value:13.6f}{value / minimum - 1:19.1e}")

# %%
# Coefficients
# ------------
#
# They agree to the accuracy of the tolerances, and better with smaller ones.

ours = estimators["GDLogisticRegression"]
theirs = estimators["lbfgs"]
print(f"defaults: largest difference {np.abs(ours.coef_ - theirs.coef_).max():.1e}")

ours = GDLogisticRegression(tol=1e-14).fit(X, y)
theirs = LogisticRegression(solver="newton-cg", tol=1e-8).fit(X, y)
print(f"asked for more: {np.abs(ours.coef_ - theirs.coef_).max():.1e}")

# %%
# The coefficients of each class, as images: red pixels speak for the digit, blue ones against it.

figure, axes = plt.subplots(2, 10, figsize=(10, 2.4), layout="constrained")
for row, model in zip(axes, (ours, theirs), strict=True):
    for ax, digit, coef in zip(row, model.classes_, model.coef_, strict=True):
        ax.imshow(coef.reshape(8, 8), cmap="RdBu_r", vmin=-3, vmax=3)
        ax.set(xticks=[], yticks=[], title=digit)
axes[0, 0].set_ylabel("ours")
axes[1, 0].set_ylabel("theirs")
plt.show()
