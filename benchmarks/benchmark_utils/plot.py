"""The convergence plot for the documentation."""

from pathlib import Path

import matplotlib
import pandas as pd

from benchmark_utils.presets import ONE_READ, OURS, OUT_OF_THE_BOX, is_ours
from benchmark_utils.results import ACCURACY

matplotlib.use("Agg")

import matplotlib.pyplot as plt

FLOOR = 1e-12
"""What is drawn in place of a smaller suboptimality."""


def plot_convergence(settings: pd.DataFrame, path: Path) -> None:
    """Draw suboptimality against time, a panel a data set: all settings of all solvers at one C."""
    settings = settings[~settings["solver"].isin([ONE_READ, OUT_OF_THE_BOX])]
    styles = _styles(sorted(settings["solver"].unique()))
    datasets = settings["dataset"].unique()
    n_columns = min(4, len(datasets))
    n_rows = -(-len(datasets) // n_columns)
    figure, axes = plt.subplots(
        n_rows,
        n_columns,
        figsize=(3.7 * n_columns, 2.8 * n_rows + 0.25 * len(styles) / n_columns + 0.5),
        squeeze=False,
        layout="constrained",
    )
    for axis, dataset in zip(axes.flat, datasets, strict=False):
        _panel(axis, settings[settings["dataset"] == dataset], styles)
        axis.set_title(dataset, fontsize="medium")
    for axis in axes.flat[len(datasets) :]:
        axis.set_axis_off()
    for axis in axes[:, 0]:
        axis.set_ylabel("distance to the optimum, relative")
    for axis in axes.flat[max(0, len(datasets) - n_columns) : len(datasets)]:
        axis.set_xlabel("time in seconds")
    handles = [plt.Line2D([], [], label=solver, **style) for solver, style in styles.items()]
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=n_columns,
        fontsize="small",
        frameon=False,
    )
    figure.suptitle(f"C = {settings['C'].iloc[0]:g}")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def _panel(axis: plt.Axes, settings: pd.DataFrame, styles: dict[str, dict[str, object]]) -> None:
    """One data set; the solvers of this project on top."""
    for solver, sweep in settings.groupby("solver", sort=False):
        # Settings that were only scouted stand apart from those that were timed.
        sweep = sweep.sort_values("suboptimality", ascending=False)
        accuracy = sweep["suboptimality"].clip(lower=FLOOR)
        axis.plot(sweep["seconds"], accuracy, zorder=3 if is_ours(solver) else 2, **styles[solver])
    axis.axhline(ACCURACY, color="grey", linewidth=0.8, linestyle=":")
    axis.set(xscale="log", yscale="log", ylim=(FLOOR / 3, 10.0))


def _styles(solvers: list[str]) -> dict[str, dict[str, object]]:
    """Ours in black and grey, every peer in a colour of its own."""
    colours = iter(plt.get_cmap("tab20").colors)
    markers = iter("osv^<>DPX*phd" * 3)
    ours = {OURS: {"color": "black", "linewidth": 2.5}}
    textbook = {"color": "black", "linewidth": 1.0}
    dashes = iter(["--", ":", "-."])
    for solver in solvers:
        if solver != OURS and is_ours(solver):
            ours[solver] = textbook | {"linestyle": next(dashes)}
    peers = {
        solver: {"color": next(colours), "marker": next(markers), "markersize": 3, "linewidth": 1}
        for solver in solvers
        if not is_ours(solver)
    }
    return {solver: (ours | peers)[solver] for solver in [*ours, *peers] if solver in solvers}
