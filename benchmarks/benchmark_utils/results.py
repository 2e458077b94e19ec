"""From the files that benchopt writes to one table of settings."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

ACCURACY = 1e-6
"""The relative suboptimality to which solvers race."""

_COLUMNS = {
    "dataset_name": "dataset",
    "p_obj_C": "C",
    "solver_name": "solver",
    "stop_val": "setting",
    "time": "seconds",
    "objective_loss": "loss",
    "objective_reference": "reference",
    "objective_passes": "passes",
}
_SETTING = ["dataset", "C", "solver", "setting"]


def load_fits(paths: Iterable[Path]) -> pd.DataFrame:
    """One row a fit, from benchopt's files, ``round<number>.parquet`` or with ``_<name>`` added.

    Columns: dataset, C, solver, setting, round, seconds, loss, reference, passes.
    """
    frames = [
        pd.read_parquet(path, columns=list(_COLUMNS))
        .rename(columns=_COLUMNS)
        .assign(round=int(path.stem.removeprefix("round").split("_")[0]))
        for path in paths
    ]
    return pd.concat(frames, ignore_index=True)


def summarise_settings(fits: pd.DataFrame) -> pd.DataFrame:
    """One row for each setting of each solver, from what `load_fits` returns.

    The scouting round warms up: where a setting was timed later, only the later times count. The
    minimum ``F*`` is the least loss known, of the reference and of all fits. The suboptimality is
    the worst of all rounds, ``seconds`` the median of the ``rounds`` that were timed, and
    ``accurate`` says whether the suboptimality is at most `ACCURACY`.
    """
    problem = fits.groupby(["dataset", "C"])
    best = np.minimum(problem["loss"].transform("min"), problem["reference"].transform("min"))
    fits = fits.assign(suboptimality=(fits["loss"] - best) / best)
    last_round = fits.groupby(_SETTING)["round"].transform("max")
    timed = fits[(fits["round"] > 0) | (last_round == 0)]
    settings = (
        timed.groupby(_SETTING, sort=False)
        .agg(
            seconds=("seconds", "median"),
            rounds=("round", lambda rounds: int((rounds > 0).sum())),
            suboptimality=("suboptimality", "max"),
            passes=("passes", "median"),
        )
        .reset_index()
    )
    return settings.assign(accurate=settings["suboptimality"] <= ACCURACY)


def fastest_accurate(settings: pd.DataFrame) -> pd.DataFrame:
    """The fastest accurate setting of each solver of one race, the fastest solver first.

    A solver that never was accurate has no row. A setting that was only scouted counts only if no
    other setting of the solver was timed.
    """
    accurate = settings[settings["accurate"]]
    was_timed = accurate.groupby("solver")["rounds"].transform("max") > 0
    trusted = accurate[(accurate["rounds"] > 0) | ~was_timed]
    return trusted.sort_values("seconds", kind="stable").drop_duplicates("solver")
