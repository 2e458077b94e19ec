"""
Choosing C by cross-validation
==============================

``GDLogisticRegressionCV`` fits every fold with every C, chooses the C with which the held-out rows
are predicted best, and fits all rows with it. The result is that of a grid search, in less time.
"""

# %%
# Search
# ------
#
# Twenty values of C, five folds. The scaler comes first, so that the penalty treats all features
# alike.

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.preprocessing import StandardScaler

from bce_logistic import CVScoresDisplay, GDLogisticRegression, GDLogisticRegressionCV

X, y = load_breast_cancer(return_X_y=True)
X, X_test, y, y_test = train_test_split(X, y, stratify=y, random_state=0)
scaler = StandardScaler().fit(X)
X, X_test = scaler.transform(X), scaler.transform(X_test)
Cs = np.logspace(-3, 3, 20)

start = perf_counter()
model = GDLogisticRegressionCV(Cs=Cs).fit(X, y)
seconds = perf_counter() - start

start = perf_counter()
search = GridSearchCV(GDLogisticRegression(), {"C": Cs}, scoring="neg_log_loss", cv=5).fit(X, y)
print(f"C = {model.C_:.3f} in {1000 * seconds:.0f} ms; ", end="")
print(
    f"grid search: C = {search.best_params_['C']:.3f} in {1000 * (perf_counter() - start):.0f} ms"
)

# %%
# The scores
# ----------
#
# ``scores_`` holds the score of each fold, for each L1 ratio (there is one) and each C.
# :class:`~bce_logistic.CVScoresDisplay` draws the mean over the folds, its standard error, and
# the chosen C. With a small C the penalty is too strong, with a large one the model overfits.

simple = GDLogisticRegressionCV(Cs=Cs, selection="one_standard_error").fit(X, y)
figure, ax = plt.subplots(figsize=(7, 4.2), layout="constrained")
CVScoresDisplay.from_estimator(model, name="log-loss (nats)", negate_score=True, ax=ax)
ax.axvline(simple.C_, color="C2", linestyle=":", label=f"one standard error: C = {simple.C_:.2g}")
ax.set_ylim(0)
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
plt.show()

# %%
# ``selection="one_standard_error"`` takes the strongest penalty whose mean score is within one
# standard error of the best. Such a model is simpler. Here it predicts the test rows a little
# worse:

for name, fitted in {"best": model, "one standard error": simple}.items():
    print(
        f"{name:20} sum of |coefficients| {np.abs(fitted.coef_).sum():5.2f}"
        f"  log-loss of the test rows {log_loss(y_test, fitted.predict_proba(X_test)):.3f}"
    )

# %%
# Held-out predictions
# --------------------
#
# ``cv_predictions_`` has the probabilities of every row by the model that was not trained on it:
# for a calibration curve, or to find labels that may be wrong.

of_label = model.cv_predictions_[np.arange(len(y)), y]
worst = np.argsort(of_label)[:3]
for row in worst:
    print(
        f"row {row}: label {y[row]}, which the other rows give a probability of {of_label[row]:.4f}"
    )

# %%
# Leave-one-out
# -------------
#
# ``cv="loo"`` holds out every row on its own. That is not refitted for every row: the fit of all
# rows and its Hessian give a good approximation, so that it takes one fit for each C.

one_out = GDLogisticRegressionCV(Cs=Cs, cv="loo").fit(X, y)
print(f"C = {one_out.C_:.3f}, log-loss {-one_out.scores_.mean(axis=0).max():.4f}")

# %%
# Pipelines
# ---------
#
# Here the scaler was fitted to all training rows, those that a fold holds out included. It sees
# no labels, so that this makes little difference. ``make_pipeline(StandardScaler(),
# GDLogisticRegressionCV())`` does the same. To fit all steps of a pipeline in each fold, search
# over it with :class:`sklearn.model_selection.GridSearchCV`.
