"""
Rare positives: weights, thresholds, calibration
================================================

When one class is rare, ``class_weight="balanced"`` is often the first thing tried. This example
shows what it does to the probabilities, and that a threshold does the same without harm to them.
"""

# %%
# One in thirty
# -------------
#
# The labels are drawn from a logistic model, so that the true probabilities are known. About one
# in thirty is positive.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.calibration import CalibrationDisplay
from sklearn.metrics import log_loss, precision_score, recall_score
from sklearn.model_selection import TunedThresholdClassifierCV, train_test_split

from bce_logistic import GDLogisticRegression

rng = np.random.default_rng(0)
X = rng.normal(size=(60_000, 5))
probability = 1 / (1 + np.exp(-(X @ [1.0, -1.0, 0.5, 0.0, 0.0] - 4.2)))
y = (rng.random(len(X)) < probability).astype(int)
X, X_test, y, y_test = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)
print(f"positives: {y.mean():.3f}")

# %%
# The effect of a weight
# ----------------------
#
# "balanced" gives each class the same total weight, as in data in which both are equally
# frequent. So the model finds many more of the positives, and overestimates their probability.

plain = GDLogisticRegression().fit(X, y)
balanced = GDLogisticRegression(class_weight="balanced").fit(X, y)


def report(name, positive, proba):
    print(
        f"{name:16} recall {recall_score(y_test, positive):.2f}"
        f"  precision {precision_score(y_test, positive):.2f}"
        f"  log-loss {log_loss(y_test, proba):.3f}  mean probability {proba.mean():.3f}"
    )


for name, model in {"no weights": plain, "balanced": balanced}.items():
    report(name, model.predict(X_test), model.predict_proba(X_test)[:, 1])

# %%
# Almost all of the difference is in the intercept. With weights s0 and s1, every sample counts as
# so many, and the log-odds grow by log(s1 / s0):

shift = np.log((y == 0).sum() / (y == 1).sum())
print("coefficients:", plain.coef_.round(2), balanced.coef_.round(2))
print(f"intercepts: {plain.intercept_[0]:.2f} and {balanced.intercept_[0]:.2f}")
print(f"plain + log(s1 / s0): {plain.intercept_[0] + shift:.2f}")

# %%
# A threshold instead
# -------------------
#
# Where the log-odds of the balanced model are positive, those of the plain one are larger than
# -log(s1 / s0): that is, its probability is larger than the share of the positives. So the plain
# model with this threshold makes the same decisions, and keeps its probabilities.

proba = plain.predict_proba(X_test)[:, 1]
report("plain, threshold", proba > y.mean(), proba)

# %%
# Which threshold is best depends on the costs of the errors. If a missed positive costs as much
# as ten false alarms, it is 1/11. If the costs are unknown, scikit-learn finds a threshold for
# any score by cross-validation:

tuned = TunedThresholdClassifierCV(GDLogisticRegression(), scoring="f1", cv=3).fit(X, y)
print(f"best F1 at a threshold of {tuned.best_threshold_:.2f}")
report("tuned for F1", tuned.predict(X_test), tuned.predict_proba(X_test)[:, 1])

# %%
# Calibration
# -----------
#
# Of the samples to which a calibrated model gives 20 %, one in five is positive. The plain model
# is: it was fitted by the likelihood of these data. The balanced one gives far too much, until the
# shift is taken back from its log-odds.

corrected = 1 / (1 + np.exp(-(balanced.decision_function(X_test) - shift)))
probabilities = {
    "no weights": proba,
    "balanced": balanced.predict_proba(X_test)[:, 1],
    "balanced, shifted back": corrected,
}
figure, ax = plt.subplots(layout="constrained")
for (name, p), marker in zip(probabilities.items(), "os^", strict=True):
    CalibrationDisplay.from_predictions(
        y_test, p, n_bins=10, strategy="quantile", name=name, ax=ax, marker=marker
    )
ax.set(xlabel="mean predicted probability", ylabel="fraction of positives")
ax.legend(loc="upper left")
plt.show()
