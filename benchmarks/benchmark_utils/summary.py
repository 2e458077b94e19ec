"""What one race comes down to: a row of the table."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark_utils.presets import ONE_READ, OURS, OUT_OF_THE_BOX, is_ours
from benchmark_utils.results import fastest_accurate


@dataclass(frozen=True)
class Finish:
    """The fastest accurate setting of a solver; infinite seconds where no solver was accurate."""

    solver: str = "not reached"
    seconds: float = np.inf
    passes: float = np.nan

    @classmethod
    def first(cls, fastest: pd.DataFrame) -> "Finish":
        """Take the first row of what `fastest_accurate` returns, if there is one."""
        if fastest.empty:
            return cls()
        row = fastest.iloc[0]
        return cls(row["solver"], float(row["seconds"]), float(row["passes"]))


@dataclass(frozen=True)
class Summary:
    """The result of one race.

    It holds our default solver and the fastest of scikit-learn and of all peers, the time of one
    read of X, and our solver at its default ``tol``.
    """

    dataset: str
    C: float
    ours: Finish
    scikit_learn: Finish
    peer: Finish
    read_seconds: float
    default_seconds: float
    default_passes: float
    default_suboptimality: float

    @classmethod
    def of(cls, settings: pd.DataFrame) -> "Summary":
        """Summarise the settings of one race, as `summarise_settings` returns them."""
        solver = settings["solver"]
        peers = fastest_accurate(settings[~solver.map(is_ours)])
        read = _only(settings[solver == ONE_READ])
        default = _only(settings[solver == OUT_OF_THE_BOX])
        return cls(
            dataset=settings["dataset"].iloc[0],
            C=float(settings["C"].iloc[0]),
            ours=Finish.first(fastest_accurate(settings[solver == OURS])),
            scikit_learn=Finish.first(peers[peers["solver"].str.startswith("scikit-learn")]),
            peer=Finish.first(peers),
            read_seconds=read["seconds"],
            default_seconds=default["seconds"],
            default_passes=default["passes"],
            default_suboptimality=default["suboptimality"],
        )

    @property
    def reads(self) -> float:
        """The time of the default solver in reads of X."""
        return self.ours.seconds / self.read_seconds

    @property
    def scikit_learn_ratio(self) -> float:
        """How many times longer the fastest solver of scikit-learn takes."""
        return ratio(self.scikit_learn.seconds, self.ours.seconds)

    @property
    def peer_ratio(self) -> float:
        """How many times longer the fastest of all peers takes."""
        return ratio(self.peer.seconds, self.ours.seconds)


def geometric_mean(ratios: list[float]) -> float:
    """The geometric mean of the finite ratios; NaN where there is none."""
    logs = [np.log(ratio) for ratio in ratios if np.isfinite(ratio) and ratio > 0]
    return float(np.exp(np.mean(logs))) if logs else np.nan


def ratio(theirs: float, ours: float) -> float:
    """A ratio of times: infinite if only they, zero if only we, NaN if both never got there."""
    if np.isinf(theirs) and np.isinf(ours):
        return np.nan
    return 0.0 if np.isinf(ours) else theirs / ours


def _only(row: pd.DataFrame) -> dict[str, float]:
    """The numbers of a single row; NaN where the solver did not run."""
    columns = ("seconds", "passes", "suboptimality")
    return {name: float(row[name].iloc[0]) if len(row) else np.nan for name in columns}
