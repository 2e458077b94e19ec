"""
Averaging the iterates
======================

With small batches the iterates never come to rest. Their mean does, and can be far nearer the
optimum than the last of them.
"""

# %%
# How far from the optimum?
# -------------------------
#
# Five features of the breast cancer data. The default solver finds the optimum, so the error can be
# measured as the norm of the difference of the coefficients, after each pass by warm starts. Every
# run is repeated with ten seeds of the shuffling.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.preprocessing import scale

from bce_logistic import GDLogisticRegression

FEATURES = [
    "mean texture",
    "mean smoothness",
    "mean symmetry",
    "mean fractal dimension",
    "smoothness error",
]
BATCH_SIZE = 16
PASSES = 20

data = load_breast_cancer(as_frame=True)
X = scale(data.data[FEATURES])
y = data.target.to_numpy()
batches_a_pass = -(-len(y) // BATCH_SIZE)
optimum = GDLogisticRegression(tol=1e-12).fit(X, y).coef_


def errors(learning_rate, average, seed):
    """Distance from the optimum after each pass."""
    model = GDLogisticRegression(
        batch_size=BATCH_SIZE,
        learning_rate=learning_rate,
        average=average,
        random_state=seed,
        max_iter=1,
        tol=0,
        warm_start=True,
    )
    return [np.linalg.norm(model.fit(X, y).coef_ - optimum) for _ in range(PASSES)]


# %%
# Three results of the same descent: the last iterate, the mean of all, and the mean from the end of
# the fifth pass on; ``average`` counts updates, not passes. The lines are medians over the seeds,
# the bands hold eight of ten.

averages = {
    "last iterate": False,
    "average=True": True,
    f"average={5 * batches_a_pass}": 5 * batches_a_pass,
}
figure, axes = plt.subplots(1, 2, figsize=(10, 4.5), sharey=True, layout="constrained")
for ax, learning_rate in zip(axes, (0.5, 0.1), strict=True):
    for name, average in averages.items():
        runs = np.array([errors(learning_rate, average, seed) for seed in range(10)])
        passes = np.arange(1, PASSES + 1)
        (line,) = ax.semilogy(passes, np.median(runs, axis=0), label=name)
        low, high = np.quantile(runs, [0.1, 0.9], axis=0)
        ax.fill_between(passes, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
        print(f"learning_rate={learning_rate} {name:12} {np.median(runs[:, -1]):.3f}")
    ax.set(title=f"learning_rate={learning_rate}", xlabel="passes", xticks=range(0, 21, 5))
axes[0].set_ylabel("distance from the optimum")
axes[1].legend()
plt.show()

# %%
# On the left, the steps are large. After five passes the last iterate gets no nearer and moves at
# random. The mean of all is smooth, but includes the far start, whose share decreases only like one
# over the number of updates. The mean that starts late has both advantages, and ends at about a
# tenth of the error.
#
# On the right, the steps are a fifth of that, and the descent has not converged. Here the error is
# not noise, and a mean over earlier iterates increases it. So take steps large enough to be limited
# by noise, and start the mean when they are. Or use the default solver, if the rows can be read a
# few times:

default = GDLogisticRegression().fit(X, y)
print(f"{np.linalg.norm(default.coef_ - optimum):.0e} after {default.n_iter_[0]} iterations")
