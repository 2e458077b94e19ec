"""
Early stopping by validation rows
=================================

With few rows and a weak penalty, a fit first learns general patterns and then those of its rows
alone. The loss of validation rows shows when overfitting begins.
"""

# %%
# Few rows, many features
# -----------------------
#
# Is a digit even or odd? There are 400 rows of 64 pixels to learn it from, and the rest to test.
# ``C=1e4`` is next to no penalty.

import matplotlib.pyplot as plt
import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression, LossCurveDisplay

X, digits = load_digits(return_X_y=True)
y = np.where(digits % 2, "odd", "even")
X, X_test, y, y_test = train_test_split(X, y, train_size=400, stratify=y, random_state=0)

settings = {"solver": "gd", "nesterov": True, "C": 1e4, "tol": 1e-4}

# %%
# When overfitting begins
# -----------------------
#
# ``early_stopping=True`` sets aside a part of the rows, here a quarter, the same of every class.
# ``n_iter_no_change`` is the patience, which is long here to show overfitting: the loss of the
# training rows goes on falling, that of the validation rows rises.

patient = make_pipeline(
    StandardScaler(),
    GDLogisticRegression(
        early_stopping=True, validation_fraction=0.25, n_iter_no_change=80, **settings
    ),
).fit(X, y)

model = patient[-1]
best = int(model.validation_loss_curve_.argmin())
figure, ax = plt.subplots(layout="constrained")
LossCurveDisplay.from_estimator(model, name="objective", ax=ax)
LossCurveDisplay.from_estimator(model, curve="validation_loss", name="validation rows", ax=ax)
ax.plot(best, model.validation_loss_curve_[best], "k*", markersize=12, label="coefficients kept")
ax.set(ylabel="nats a row", ylim=0)
ax.legend()
plt.show()

# %%
# Whatever the patience, the coefficients are those of the iterate with the lowest validation loss.
# With the usual five iterations, the fit only ends sooner.

stopped = make_pipeline(
    StandardScaler(),
    GDLogisticRegression(early_stopping=True, validation_fraction=0.25, **settings),
).fit(X, y)
print(f"the best of {len(model.validation_loss_curve_)} iterates: {best}")
print(f"with less patience: {len(stopped[-1].validation_loss_curve_)} iterates")
print("the same coefficients:", np.array_equal(stopped[-1].coef_, model.coef_))

# %%
# Compared with a penalty
# -----------------------
#
# Beside it, the same without early stopping, and a penalty that is found by cross-validation.

tuned = GridSearchCV(
    make_pipeline(StandardScaler(), GDLogisticRegression()),
    {"gdlogisticregression__C": np.logspace(-3, 3, 7)},
    scoring="neg_log_loss",
)
to_the_end = make_pipeline(StandardScaler(), GDLogisticRegression(C=1e4))
for name, classifier in {
    "to the end": to_the_end.fit(X, y),
    "early stopping": stopped,
    "tuned penalty": tuned.fit(X, y).best_estimator_,
}.items():
    loss = log_loss(y_test, classifier.predict_proba(X_test))
    accuracy = classifier.score(X_test, y_test)
    print(f"{name:14}  log-loss {loss:.3f}  accuracy {accuracy:.3f}")

# %%
# Without early stopping the probabilities are far too certain. The tuned penalty avoids that,
# too, and is better here: it has learnt from all 400 rows. The validation loss, 0.15 in the
# figure, is no estimate of the loss of new rows: the stop was chosen to make it small, and 100
# rows are few.
#
# Pass your own validation rows
# -----------------------------
#
# Validation rows are drawn at random. If rows belong together, such as those of a patient or of a
# month, they should not be split: pass validation rows as ``X_val`` and ``y_val``. They need the
# same scaling as the others. With scikit-learn's metadata routing, a pipeline does it: the
# classifier requests the two, and ``transform_input`` sends the features through the steps
# before.

X_train, X_val, y_train, y_val = train_test_split(X, y, test_size=0.25, random_state=1)

with sklearn.config_context(enable_metadata_routing=True):
    classifier = GDLogisticRegression(early_stopping=True, **settings)
    classifier.set_fit_request(X_val=True, y_val=True)
    pipeline = make_pipeline(StandardScaler(), classifier, transform_input=["X_val"])
    pipeline.fit(X_train, y_train, X_val=X_val, y_val=y_val)

kept = log_loss(y_val, pipeline.predict_proba(X_val))
print(f"lowest in the curve {pipeline[-1].validation_loss_curve_.min():.6f}")
print(f"loss of those kept  {kept:.6f}")
