"""Where the time of a fit goes: one row a data set, one column a phase.

The profiler of Python slows down what calls much, so the shares are of its own total; the time of
the fit is that without it.
"""

import cProfile
import pstats
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median

import bce_logistic
from atlas.problems import Problem
from bce_logistic import GDLogisticRegression
from benchmark_utils.report import aligned, duration

PACKAGE = Path(bce_logistic.__file__).parent
LAPS = 5
PHASES = {
    "validation": ("rows/training_data.py", {"samples"}),
    "value and gradient": ("objective/objective.py", {"at"}),
    "Hessians": (
        "objective/hessians.py",
        {"hessian_diagonal", "class_hessians", "mean_class_hessian", "hessian", "product"},
    ),
    "factors": ("preconditioning/factors.py", {"of"}),
    "row space": ("preconditioning/row_space.py", {"of", "coordinates", "coefficients"}),
    "directions": ("descent/directions.py", {"solve", "_updated_pairs"}),
}
"""Phases that do not call each other: a module of the package, and functions in it."""


def phases(problem: Problem, C: float, tol: float) -> list[str]:
    """A row of the table."""
    X, y = problem.make()
    model = GDLogisticRegression(C=C, tol=tol, n_jobs=1).fit(X, y)
    laps = []
    for _ in range(LAPS):
        start = time.process_time()
        model.fit(X, y)
        laps.append(time.process_time() - start)
    profile = cProfile.Profile(time.process_time)
    profile.runcall(model.fit, X, y)
    stats = pstats.Stats(profile)
    shares = [_seconds(stats, *phase) / stats.total_tt for phase in PHASES.values()]  # type: ignore[attr-defined]
    percent = [f"{100 * share:.0f} %" for share in (*shares, max(0.0, 1 - sum(shares)))]
    return [problem.name, str(model.n_iter_[0]), duration(median(laps)), *percent]


def _seconds(stats: pstats.Stats, module: str, functions: set[str]) -> float:
    """Time in some functions of a module, and in all that they call, once for nested calls."""
    path, total = str(PACKAGE / module), 0.0
    for (file, _, function), entry in stats.stats.items():  # type: ignore[attr-defined]
        if file == path and function in functions:
            inner = sum(
                caller[3]
                for (caller_file, _, name), caller in entry[4].items()
                if caller_file == path and name in functions
            )
            total += entry[3] - inner
    return total


def report(chosen: Iterable[tuple[Problem, float]], tol: float) -> str:
    """The table of some data sets."""
    header = ["data set", "iterations", "time", *PHASES, "rest"]
    rows = [phases(problem, C, tol) for problem, C in chosen]
    return aligned([header, *rows], [False] + [True] * (len(header) - 1))
