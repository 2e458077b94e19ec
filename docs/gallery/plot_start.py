"""
First steps: fit, predict, read the coefficients
================================================

From a table of measurements to probabilities: a fit, its predictions, how close it is to the
optimum, and its coefficients.
"""

# %%
# The data
# --------
#
# Thirty measurements of the cell nuclei in 569 breast tumours, and whether the tumour was benign.
# A quarter of the rows is set aside to test the model.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression

data = load_breast_cancer(as_frame=True)
X, y = data.data, data.target_names[data.target]
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
print(f"{len(X_train)} rows to learn from, {len(X_test)} to test, {X.shape[1]} features")

# %%
# Fit
# ---
#
# ``fit`` takes DataFrames, arrays and sparse matrices, and labels of any kind. The default solver
# needs no scaled features. They are scaled here for the penalty: it is a sum over squared
# coefficients, and treats features alike only if they have the same spread.

model = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(X_train, y_train)

# %%
# Predict
# -------
#
# ``predict_proba`` has a column for each class, in the order of ``classes_``. ``predict`` returns
# the class with the larger probability.

print("classes:", *model.classes_)
print(model.predict_proba(X_test[:3]).round(3))
print(model.predict(X_test[:3]))
print(f"accuracy {model.score(X_test, y_test):.3f}")
print(f"log-loss {log_loss(y_test, model.predict_proba(X_test)):.3f} nats")

# %%
# Did it converge?
# ----------------
#
# ``gap_`` bounds the distance between the objective and its minimum. Here the objective is right
# to more than ten digits.

classifier = model[-1]
print("converged:", classifier.converged_, "after", classifier.n_iter_[0], "iterations")
print(
    f"objective {classifier.loss_curve_[-1]:.6f}, at most {classifier.gap_:.0e} above the minimum"
)

# %%
# The coefficients
# ----------------
#
# A coefficient is the change of the log-odds of ``classes_[1]`` when its feature grows by one
# standard deviation and the others stay the same. The ten largest:

coef = classifier.coef_[0]
top = np.argsort(np.abs(coef))[-10:]
figure, ax = plt.subplots(figsize=(7, 4), layout="constrained")
ax.barh(X.columns[top], coef[top])
ax.axvline(0, color="0.5", linewidth=0.8)
ax.set(xlabel="coefficient (nats per standard deviation)", title="positive: towards malignant")
plt.show()

# %%
# :doc:`plot_odds_ratios` shows how certain coefficients are, and :doc:`plot_cross_validation` how
# strong the penalty should be.
