"""
Callbacks: watch a fit, or stop it
==================================

scikit-learn 1.9 calls callbacks in every iteration of a fit. This example records scores with one
of scikit-learn's callbacks, and writes another one that ends the fit.
"""

# %%
# A score after each iteration
# ----------------------------
#
# :class:`sklearn.callback.ScoringMonitor` scores the model after each iteration on the rows that it
# is fitted to. An iteration is an update, or with mini-batches a pass. The two digits are 3 and 8.

import pickle

import matplotlib.pyplot as plt
import numpy as np
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_digits
from sklearn.preprocessing import scale

from bce_logistic import GDLogisticRegression

X, y = load_digits(return_X_y=True)
rows = np.isin(y, [3, 8])
X, y = scale(X[rows]), y[rows]

monitor = ScoringMonitor(scoring=["neg_log_loss", "accuracy"])
model = GDLogisticRegression(solver="gd", tol=0, max_iter=60)
model.set_callbacks(monitor).fit(X, y)

logs = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
last = logs[-1]
print(f"after {len(logs)} iterations: accuracy {last['accuracy']:.3f}")
print("a row of the log:", ", ".join(last))

# %%
# The log-loss of the monitor is ``loss_curve_`` without the penalty, so it lies a little below. The
# curve comes with every fit and costs nothing; a monitor can record anything that scikit-learn can
# score, for a pass over the rows each time.

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
iterations = np.arange(1, len(logs) + 1)
left.plot(iterations, [-row["neg_log_loss"] for row in logs], label="log-loss, by the monitor")
left.plot(iterations, model.loss_curve_[1:], "--", label="loss_curve_")
left.set(xlabel="iterations", ylabel="nats", ylim=0)
left.legend()
right.plot(iterations, [row["accuracy"] for row in logs])
right.set(xlabel="iterations", ylabel="accuracy")
plt.show()

# %%
# Write a callback
# ----------------
#
# A callback is an object with four methods. ``on_fit_task_end`` receives the keyword arguments
# that it names, here the model as if the fit had ended at that iteration. If it returns True, the
# fit stops. This one stops when no coefficient has changed by more than a hundredth.


class StopWhenStill:
    """Ends a fit when the coefficients change little from one iteration to the next."""

    def __init__(self, threshold):
        self.threshold = threshold

    def setup(self, estimator, context):
        self.coef = 0.0

    def on_fit_task_begin(self, estimator, context):
        pass

    def on_fit_task_end(self, estimator, context, *, fitted_estimator):
        if context.task_name != "iteration":
            return False
        moved = np.abs(fitted_estimator.coef_ - self.coef).max()
        self.coef = fitted_estimator.coef_
        return moved < self.threshold

    def teardown(self, estimator, context):
        pass


model.set_params(max_iter=1000).set_callbacks(StopWhenStill(0.01)).fit(X, y)
print(model.stop_reason_, "after", model.n_iter_[0], "iterations; converged:", model.converged_)

# %%
# A callback stopped the fit, not ``tol``, so ``converged_`` is False.
#
# Searches and pipelines
# ----------------------
#
# A search hands the callbacks of its estimator on to every fit, also in other processes, and
# :class:`sklearn.callback.ProgressBar` (it needs the package rich) shows how far each of them is::
#
#     search = GridSearchCV(model, {"C": [0.1, 1.0, 10.0]}, n_jobs=2)
#     search.set_callbacks(ProgressBar(max_propagation_depth=2)).fit(X, y)
#
# Before a model is saved
# -----------------------
#
# A model keeps its callbacks, and a pickle of the model contains them. A monitor listens for scores
# from other processes and holds the key that they authenticate with. Remove the callbacks before
# sharing the model.

model.set_callbacks(monitor)
with_monitor = len(pickle.dumps(model))
model.set_callbacks()
print(f"{with_monitor} bytes with the monitor and its log, {len(pickle.dumps(model))} without")
