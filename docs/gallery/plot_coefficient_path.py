"""
Sparse models: coefficients against the strength of the penalty
===============================================================

An L1 penalty, ``l1_ratio=1``, makes coefficients exactly zero.
:func:`~bce_logistic.regularization_path` finds which ones, for every C.
"""

# %%
# The path
# --------
#
# The features are scaled, so that the penalty affects all of them alike: the coefficient of a
# feature in millimetres is a thousandth of that in metres, and is penalised accordingly less. At
# the smallest C, :func:`~bce_logistic.C_max`, all coefficients are zero. With larger ones more
# and more are not.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import ValidationCurveDisplay
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression, RegularizationPathDisplay, regularization_path

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)
path = regularization_path(X, y)

figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
RegularizationPathDisplay.from_path(path, n_named=6, ax=ax)
ax.axhline(0, color="0.5", linewidth=0.8)
plt.show()

# %%
# The names are those of the features that are the last to vanish as C decreases. The radius, the
# perimeter and the area of a cell nucleus are nearly the same information, and one of them stands
# for all.
#
# With an L2 penalty
# ------------------
#
# The same with ``l1_ratio=0``, the default of the estimator: no coefficient is zero, and
# correlated features share the effect.

dense = regularization_path(X, y, Cs=40, l1_ratio=0)
figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
RegularizationPathDisplay.from_path(dense, n_named=6, ax=ax)
ax.axhline(0, color="0.5", linewidth=0.8)
plt.show()

# %%
# Which C?
# --------
#
# The one with the lowest log-loss in cross-validation. For larger values the model overfits.

Cs = path.Cs[::5]
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ValidationCurveDisplay.from_estimator(
    GDLogisticRegression(l1_ratio=1.0),
    X,
    y,
    param_name="C",
    param_range=Cs,
    scoring="neg_log_loss",
    negate_score=True,
    score_type="both",
    score_name="log-loss (nats)",
    cv=5,
    ax=ax,
)
ax.set_xlabel("C, inverse strength of the penalty")
plt.show()

# %%
# How many features a model needs is in the path, too, and how good each set of coefficients is:
# the gap bounds how far its objective is above the minimum.

for C, coef, gap in zip(path.Cs[::20], path.coefs[::20, 0], path.gaps[::20], strict=True):
    print(f"C = {C:<8.4g} {(coef != 0).sum():2} features, gap {gap:.0e} nats a sample")
