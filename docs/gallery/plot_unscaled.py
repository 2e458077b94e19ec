"""
A column that was not scaled
============================

One column in other units is enough to stop ``LogisticRegression`` far from its optimum, without a
warning. The default solver of ``GDLogisticRegression`` does not depend on the units: it divides the
gradient by the curvature of the objective.
"""

# %%
# The data
# --------
#
# The label depends on the first two of four columns. Then the second is written in other units: a
# hundred times as fine, and counted from another zero, as a year or an altitude might be. That
# changes the numbers, but not the information in them.

import warnings

import matplotlib.pyplot as plt
import numpy as np
from numpy.random import RandomState
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression

rng = RandomState(0)
X = rng.randn(200, 4)
y = X[:, 0] + X[:, 1] + rng.randn(200) > 0

X_unscaled = X.copy()
X_unscaled[:, 1] = 100 * X[:, 1] + 1e5

# %%
# The fits
# --------
#
# There is no penalty, so the best accuracy and log-loss are the same in any units. Every warning
# would be printed.

results = {
    "LogisticRegression": LogisticRegression(C=np.inf),
    "scaled first": make_pipeline(StandardScaler(), LogisticRegression(C=np.inf)),
    "GDLogisticRegression": GDLogisticRegression(C=np.inf),
}
print(f"{'':22}{'accuracy':>9}{'log-loss':>10}{'warnings':>10}")
for name, model in results.items():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X_unscaled, y)
    accuracy = accuracy_score(y, model.predict(X_unscaled))
    loss = log_loss(y, model.predict_proba(X_unscaled))
    print(f"{name:22}{accuracy:9.3f}{loss:10.4f}{len(caught):10}")

# %%
# What went wrong
# ---------------
#
# The curvature grows with the square of a column, so that the objective is about 1e10 times as
# steep along the unscaled column as along the others. A step that is safe there hardly changes
# the other coefficients, and lbfgs stops when a step no longer lowers the objective by more than
# rounding. A smaller ``tol`` does not help, since the fit did not stop because of ``tol``:

for tol in 1e-4, 1e-12:
    lbfgs = LogisticRegression(C=np.inf, tol=tol, max_iter=10_000).fit(X_unscaled, y)
    print(f"tol={tol}: {lbfgs.n_iter_[0]} iterations, accuracy {lbfgs.score(X_unscaled, y):.3f}")

# %%
# The coefficients, each times the standard deviation of its column to make them comparable, show
# that the effect of one of the two informative columns was missed.

lbfgs = results["LogisticRegression"]
spread = X_unscaled.std(axis=0)
coefs = {
    "LogisticRegression": lbfgs.coef_[0] * spread,
    "scaled first": results["scaled first"][-1].coef_[0],
    "GDLogisticRegression": results["GDLogisticRegression"].coef_[0] * spread,
}
figure, ax = plt.subplots(layout="constrained")
for offset, (name, coef) in zip((-0.25, 0, 0.25), coefs.items(), strict=True):
    ax.bar(np.arange(4) + offset, coef, width=0.25, label=name)
ax.set_xticks(range(4), ["0", "1 (unscaled)", "2", "3"])
ax.set(xlabel="column", ylabel="coefficient (nats per standard deviation)")
ax.axhline(0, color="0.5", linewidth=0.8)
ax.legend()
plt.show()

# %%
# Scaling the columns solves the problem for ``LogisticRegression``, and is good advice if
# coefficients are compared or penalised. ``GDLogisticRegression`` finds the optimum without it.
# Sparse data cannot be centred without becoming dense.
