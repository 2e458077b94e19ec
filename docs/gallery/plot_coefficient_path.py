"""
Coefficients against the strength of the penalty
================================================

The smaller C, the stronger the penalty and the smaller the coefficients. ``CoefficientPathDisplay``
draws how they come up as C grows.
"""

# %%
# The path
# --------
#
# The features are scaled, so that the penalty affects all of them alike. Each fit starts from the
# coefficients of the previous one, with the next larger C.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import ValidationCurveDisplay
from sklearn.preprocessing import StandardScaler

from bce_logistic import CoefficientPathDisplay, GDLogisticRegression

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X = StandardScaler().set_output(transform="pandas").fit_transform(X)
Cs = np.logspace(-4, 2, 25)

figure, ax = plt.subplots(figsize=(7, 5), layout="constrained")
display = CoefficientPathDisplay.from_estimator(GDLogisticRegression(), X, y, Cs=Cs, ax=ax)
ax.axhline(0, color="0.5", linewidth=0.8)
plt.show()

# %%
# The features are strongly correlated: the radius, the perimeter and the area of a cell nucleus are
# nearly the same information. With a strong penalty they share the effect. With a weak one, some
# change their sign and grow against each other.
#
# Which C?
# --------
#
# The one with the lowest log-loss in cross-validation. For larger values the model overfits.

figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ValidationCurveDisplay.from_estimator(
    GDLogisticRegression(),
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
# The display keeps the values that it drew:

sizes = np.abs(display.coefs).sum(axis=1)
for C, size in zip(display.Cs[::8], sizes[::8], strict=True):
    print(f"C = {C:<8.4g} sum of the absolute coefficients {size:.2f}")
