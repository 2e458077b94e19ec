"""Draw ``readme.png``: the objective against passes over the rows, for each solver.

The data are the dense flights of the benchmarks, so that the script needs the packages of the
dependency group "demo". Run it from anywhere::

    python docs/images/make_readme_figure.py
"""

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[1] / "benchmarks")]

from bce_logistic import GDLogisticRegression
from benchmark_utils import flights

PASSES = 1000
LOWEST_GAP = 1e-9
"""Curves end here, where rounding errors become visible."""

SOLVERS = {
    "gradient descent": GDLogisticRegression(solver="gd"),
    "momentum=0.9": GDLogisticRegression(solver="gd", momentum=0.9),
    "nesterov=True": GDLogisticRegression(solver="gd", nesterov=True),
    "default": GDLogisticRegression(),
}
COLOURS = ("#8c8c8c", "#d98c1f", "#2a78b5", "#1d8a4e")
"""One for each solver."""


def mean_objective(X, y, model):
    """The objective of the default ``C=1`` over the number of rows, computed anew."""
    z = X @ model.coef_[0] + model.intercept_[0]
    return np.mean(np.logaddexp(0, z) - y * z) + np.sum(model.coef_**2) / (2 * len(y))


def gap_curve(X, y, solver, lowest):
    """Relative distance of the objective to its minimum after 0, 1, 2, ... passes."""
    with warnings.catch_warnings():
        # Plain descent has not converged after so many passes.
        warnings.simplefilter("ignore", ConvergenceWarning)
        solver.set_params(tol=1e-10, max_iter=PASSES).fit(X, y)
    gap = solver.loss_curve_ / lowest - 1
    below = np.flatnonzero(gap < LOWEST_GAP)
    return gap[: below[0]] if len(below) else gap


def draw(curves, X):
    """Draw the curves, each with its name at its end."""
    # Letters that a phone shows large enough to read.
    plt.rcParams.update({"font.size": 13})
    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    for (name, gap), colour in zip(curves.items(), COLOURS, strict=False):
        axes.plot(np.arange(len(gap)), gap, color=colour, linewidth=2)
        axes.annotate(
            name,
            (len(gap) - 1, gap[-1]),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            va="center",
            annotation_clip=False,
        )
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_yscale("log")
    axes.set_xlim(0, PASSES)
    axes.set_ylim(LOWEST_GAP, 1)
    axes.set_xticks([0, 1, 10, 100, 1000], ["0", "1", "10", "100", "1000"])
    axes.set_xlabel("passes over the rows")
    axes.set_ylabel("above the minimum, relative")
    axes.set_title(f"{X.shape[0]:,} flights, {X.shape[1]} columns, C = 1", loc="left", fontsize=13)
    axes.grid(alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(HERE / "readme.png", dpi=150, metadata={"Software": None})


def main():
    X, y = flights.flights_dense()
    reference = LogisticRegression(solver="newton-cholesky", tol=1e-12).fit(X, y)
    lowest = mean_objective(X, y, reference)
    curves = {name: gap_curve(X, y, solver, lowest) for name, solver in SOLVERS.items()}
    for name, gap in curves.items():
        print(f"{name}: {len(gap) - 1} passes drawn, the last {gap[-1]:.1e} above the minimum")
    draw(curves, X)


if __name__ == "__main__":
    main()
