"""One race: all solvers on one data set with one C, in one process. `run.py` starts it."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from benchopt import run_benchmark

from benchmark_utils.environment import describe_environment
from benchmark_utils.presets import ONE_READ, OURS, OUT_OF_THE_BOX, is_ours
from benchmark_utils.results import fastest_accurate, load_fits, summarise_settings
from benchmark_utils.sweep import Sweep

# The time of a sweep while scouting: so often what the fastest peer so far needed, at least this.
PATIENCE, LEAST_SECONDS = 15.0, 1.0
SHORT_SWEEP = 1.0
"""A sweep that takes less is repeated whole in every timed round, in seconds."""
CONTENDER = 3.0
"""A peer with a longer sweep is timed if it is at most so many times slower than the fastest."""


@dataclass(frozen=True)
class Race:
    """A round that scouts and rounds that are timed, each of them one or more runs of benchopt.

    In the scouting round every solver runs at one setting after the other, until it is accurate or
    has used up its time: `seconds`, or `PATIENCE` times what the fastest peer so far needed.

    The timed rounds are interleaved: in each of them every solver that proved accurate runs once.
    A short sweep is repeated whole. A solver with a longer sweep runs at two settings, the first
    accurate one and the one before it; and a peer with a longer sweep only if it is a contender
    (a solver of scikit-learn: among those of scikit-learn).

    ``dataset`` and ``solvers`` are named as for benchopt's ``-d`` and ``-s``.
    """

    dataset: str
    C: float
    solvers: list[str]
    rounds: int
    seconds: float
    folder: str

    def run(self) -> None:
        """Scout, choose, and time."""
        Sweep.windows = self.choose_settings(self.scout())
        contenders = [solver for solver in self.solvers if solver in Sweep.windows]
        for number in range(1, self.rounds + 1):
            self.run_benchopt(contenders, self.seconds, f"round{number}")

    def scout(self) -> pd.DataFrame:
        """Run every solver once and return the settings it ran at."""
        paths = []
        limit = self.seconds
        for index, solver in enumerate(self.solvers):
            path = self.run_benchopt([solver], limit, f"round0_{index:02d}")
            if path is None:
                continue
            paths.append(path)
            accurate = fastest_accurate(summarise_settings(load_fits([path])))
            if not (is_ours(solver) or accurate.empty):
                patience = PATIENCE * accurate["seconds"].min()
                limit = min(limit, max(LEAST_SECONDS, patience))
        if not paths:
            sys.exit("No solver gave a result: is what the data set needs installed?")
        return summarise_settings(load_fits(paths))

    def choose_settings(self, scouted: pd.DataFrame) -> dict[str, tuple[float, ...]]:
        """The settings of the timed rounds, for each solver that takes part in them."""
        fastest = fastest_accurate(scouted).set_index("solver")["seconds"]
        peers = fastest[[not is_ours(solver) for solver in fastest.index]]
        scikit_learn = peers[peers.index.str.startswith("scikit-learn")]
        chosen = {}
        for solver, sweep in scouted.groupby("solver", sort=False):
            group = scikit_learn if solver.startswith("scikit-learn") else peers
            contends = fastest.get(solver, float("inf")) <= CONTENDER * group.min()
            always = solver in (ONE_READ, OURS, OUT_OF_THE_BOX)
            short = solver in fastest and sweep["seconds"].sum() < SHORT_SWEEP
            if always or short or contends:
                chosen[solver] = deciding_settings(sweep, whole=short)
        return chosen

    def run_benchopt(self, solvers: list[str], seconds: float, name: str) -> Path | None:
        """Run benchopt once and return the file of its results; None where there are none."""
        try:
            return run_benchmark(
                Path(__file__).parent,
                solver_names=solvers,
                dataset_names=[self.dataset],
                objective_filters=[f"logistic-regression[C={self.C:g}]"],
                max_runs=1000,
                timeout=seconds,
                plot_result=False,
                no_cache=True,
                show_progress=False,
                output_file=f"{self.folder}/{name}.parquet",
            )
        except RuntimeError as error:
            print(f"{', '.join(solvers)}: {error}")
            return None


def deciding_settings(sweep: pd.DataFrame, whole: bool) -> tuple[float, ...]:
    """All settings of a sweep, or those about the first accurate one; all if none is accurate."""
    settings = tuple(sweep["setting"])
    accurate = sweep["accurate"].to_numpy()
    if whole or not accurate.any():
        return settings
    first = accurate.argmax()
    return settings[max(first - 1, 0) : first + 1]


def main() -> None:
    """Run the race that the only argument describes: the fields of `Race` as JSON."""
    request: dict[str, Any] = json.loads(sys.argv[1])
    Race(**request).run()
    description = json.dumps(describe_environment(), indent=2)
    Path(request["folder"], "environment.json").write_text(description)


if __name__ == "__main__":
    main()
