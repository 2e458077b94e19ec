"""One cell of the atlas: a data set with one C, in a process of its own.

The process prints what it knows after each fit, as a line of JSON, so that nothing is lost if it
has to be ended.
"""

import json
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from statistics import median
from typing import Any

import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from atlas.generators import Data
from atlas.selection import find
from bce_logistic import GDLogisticRegression
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.measure import timed
from benchmark_utils.reference import Reference

TARGET = 1e-6
"""The relative distance from the minimum to which all race."""
DEFAULT_TOL = 1e-10
"""What ``tol="auto"`` promises in double precision."""
OURS = (1e-4, 1e-5, 1e-6, "auto")
PEERS = {
    "newton-cholesky": (1e-1, 1e-2, 1e-4, 1e-6, 1e-8, 1e-10),
    "lbfgs": (1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-10),
    "newton-cg": (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8, 1e-10),
    "sag": (1e-2, 1e-3, 1e-4, 1e-6),
}
MAX_ITER = {"sag": 40}
"""An epoch of sag costs several passes: one that needs more of them does not win."""
LARGEST_HESSIAN = 4000
"""newton-cholesky is left out where it would need a Hessian with more rows."""
PATIENCE = 4.0
"""A peer's fit is given up after so many times the time of the fastest peer, by the clock."""
CONTENDER = 2.0
"""Settings that took at most so many times the least time are timed again, in turns."""


LIMIT = 120.0
"""The most seconds for a fit, by the clock."""
HEADSTART, LEAST = 20.0, 10.0
"""A peer is given up after so many times our time, but not before so many seconds."""
SLOW = 3.0
"""Settings that take more seconds are not timed again."""
SHORT, MANY_LAPS, LAPS = 0.05, 15, 3
"""Settings that take less than `SHORT` seconds are timed in more laps."""


class OutOfTimeError(Exception):
    """A fit took longer than it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise `OutOfTimeError` after some seconds by the clock.

    A timer of the processor would make the kernel count the process's time in ticks of 4 ms.
    """

    def stop(*_: object) -> None:
        raise OutOfTimeError

    previous = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


class Cell:
    """The race of one cell; `record` holds all that is known, ready for JSON.

    Parameters
    ----------
    X, y, C
        The problem.
    threads : int
        One: times are of the processor. More: by the clock, all solvers with so many threads.
    """

    def __init__(self, X: Any, y: np.ndarray, C: float, threads: int):
        self.X, self.y, self.C = X, y, C
        self.objective = CrossEntropy(X, y, C)
        self.threads = threads
        self.clock = time.process_time if threads == 1 else time.perf_counter
        shape = {"n": X.shape[0], "p": X.shape[1], "classes": self.objective.n_classes}
        self.record: dict[str, Any] = {**shape, "ours": {}, "peers": {}}

    def tell(self, **news: Any) -> None:
        """Print the record."""
        self.record |= news
        print(json.dumps(self.record), flush=True)

    def find_minimum(self) -> None:
        minimum = Reference(self.objective).minimise()
        self.tell(minimum=minimum.value, certified=minimum.gap)

    def ours(self, tol: float | str) -> GDLogisticRegression:
        return GDLogisticRegression(C=self.C, tol=tol, n_jobs=self.threads)

    def peer(self, solver: str, tol: float) -> LogisticRegression:
        return LogisticRegression(
            C=self.C,
            solver=solver,
            tol=tol,
            max_iter=MAX_ITER.get(solver, 1000),
            random_state=0,
        )

    def seconds(self, model: Any, limit: float = 1e6) -> float:
        """The time of a fit; infinite where it was given up after some seconds by the clock."""
        if self.threads > 1:
            time.sleep(0.05)  # until the BLAS threads of the fit before are asleep
        start = self.clock()
        try:
            with time_limit(limit):
                model.fit(self.X, self.y)
        except OutOfTimeError:
            return np.inf
        return self.clock() - start

    def grade(self, model: Any, limit: float) -> dict[str, Any]:
        """Fit once: seconds, true gap, iterations."""
        seconds = self.seconds(model, limit)
        if np.isinf(seconds):
            return {"seconds": None, "gap": None, "n_iter": None}
        value = self.objective.value(model.coef_, model.intercept_)
        gap = value / self.record["minimum"] - 1
        return {
            "seconds": seconds,
            "gap": gap if np.isfinite(gap) else 1e300,
            "n_iter": int(np.max(model.n_iter_)),
        }

    def scout_ours(self, limit: float) -> float:
        """Fit at each of our tolerances; return the least seconds by the clock that were enough.

        Whether the fit says that it kept its tolerance is recorded, too.
        """
        enough = limit
        for tol in OURS:
            model = self.ours(tol)
            fit, wall = timed(self.grade, model, limit)
            fit["converged"] = fit["seconds"] is not None and bool(model.converged_)
            self.record["ours"][str(tol)] = fit
            self.tell()
            enough = min(enough, wall) if is_accurate(fit) else enough
        return enough

    def scout_peers(self, limit: float) -> None:
        """Sweep the peers' tolerances from loose to tight, until they are accurate or too slow."""
        size = self.X.shape[1] * self.objective.n_scores
        for solver, tols in PEERS.items():
            if solver == "newton-cholesky" and size > LARGEST_HESSIAN:
                continue
            for tol in tols:
                try:
                    fit, wall = timed(self.grade, self.peer(solver, tol), limit)
                except (ValueError, ArithmeticError, np.linalg.LinAlgError):
                    break  # a peer that fails does not get there; if ours fails, the cell does
                self.record["peers"][f"{solver}[{tol:g}]"] = fit
                self.tell()
                if fit["seconds"] is None or fit["n_iter"] >= MAX_ITER.get(solver, 1000):
                    break
                if is_accurate(fit):
                    limit = min(limit, max(1.0, PATIENCE * wall))  # short times are noise
                    break

    def time_contenders(self) -> None:
        """Time the fastest accurate settings again, in turns; their times become the medians."""
        makers: dict[tuple[str, str], Callable[[], Any]] = {}
        for tol in OURS:
            makers["ours", str(tol)] = partial(self.ours, tol)
        for solver, tols in PEERS.items():
            for tol in tols:
                makers["peers", f"{solver}[{tol:g}]"] = partial(self.peer, solver, tol)
        laps: dict[tuple[str, str], list[float]] = {}
        for side in ("ours", "peers"):
            accurate = {k: f["seconds"] for k, f in self.record[side].items() if is_accurate(f)}
            least = min(accurate.values(), default=np.inf)
            contenders = [k for k, seconds in accurate.items() if seconds <= CONTENDER * least]
            laps |= {(side, setting): [] for setting in contenders if least < SLOW}
        for lap in range(MANY_LAPS):
            for (side, setting), times in laps.items():
                if lap < LAPS or self.record[side][setting]["seconds"] < SHORT:
                    times.append(self.seconds(makers[side, setting]()))
        for (side, setting), times in laps.items():
            self.record[side][setting]["seconds"] = median(times)


def is_accurate(fit: dict[str, Any]) -> bool:
    """Whether a recorded fit came within `TARGET` of the minimum."""
    return fit["gap"] is not None and fit["gap"] <= TARGET


def run(data: Data, C: float, threads: int, known: dict[str, Any] | None) -> None:
    """Race; of what is known already (minimum and peers), nothing is measured again."""
    cell = Cell(*data, C, threads)
    if known:
        cell.tell(**known)
    else:
        cell.find_minimum()
    enough = cell.scout_ours(LIMIT)
    if not known:
        cell.scout_peers(min(LIMIT, max(LEAST, HEADSTART * enough)))
    cell.time_contenders()
    cell.tell(done=True)


def main() -> None:
    """Run the cell that the only argument describes."""
    warnings.simplefilter("ignore")
    request = json.loads(sys.argv[1])
    X, y = load_iris(return_X_y=True)
    for model in (GDLogisticRegression(), LogisticRegression()):
        model.fit(X, y)  # what is loaded at the first fit is not to be timed
    data = find(request["problem"], request["seed"]).make()
    run(data, request["C"], request["threads"], request["known"])


if __name__ == "__main__":
    main()
