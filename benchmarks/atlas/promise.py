"""Look for fits that say that they kept ``tol`` and did not: random problems of many kinds."""

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np

from atlas import generators
from atlas.cell import DEFAULT_TOL, OutOfTimeError, time_limit
from atlas.drawn import Draw
from atlas.generators import Data, gaussian, one_hot, rare, text
from bce_logistic import GDLogisticRegression
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.reference import Minimum, Reference
from benchmark_utils.report import aligned

TOLS = (1e-3, 1e-4, 1e-6, "auto")
LARGEST_C = 1e6
LIMIT = 20.0
"""The most seconds for a fit and for the reference."""
CERTIFIED = DEFAULT_TOL / 100
"""The largest gap of a reference that is believed."""

KINDS: dict[str, Callable[[Draw, int, int, int], Callable[..., Data]]] = {
    "gaussian": lambda d, n, p, k: partial(gaussian, n=n, p=p, rho=d.rng.uniform(), classes=k),
    "decaying": lambda d, n, p, k: partial(
        generators.decaying, n=n, p=p, decay=d.rng.uniform(0, 3), classes=k
    ),
    "factors": lambda d, n, p, k: partial(
        generators.factors, n=n, p=p, n_factors=max(2, p // 6), classes=k
    ),
    "collinear": lambda d, n, p, k: partial(
        generators.factors, n=n, p=p, n_factors=max(2, p // 2), noise=0.0, classes=k
    ),
    "raw units": lambda d, n, p, k: partial(generators.raw_units, n=n, p=p),
    "rare": lambda d, n, p, k: partial(rare, n=n, p=p),
    "one-hot": lambda d, n, p, k: partial(one_hot, n=n, levels=d.levels(4, p), classes=k),
    "one-hot + numbers": lambda d, n, p, k: partial(
        one_hot, n=n, levels=d.levels(3, p), numeric=d.between(1, 10), classes=k
    ),
    "crossed": lambda d, n, p, k: partial(one_hot, n=n, levels=d.levels(3, 20), cross=True),
    "text": lambda d, n, p, k: partial(text, n=n, p=3 * p, words=20, classes=k),
    "splines": lambda d, n, p, k: partial(generators.splines, n=n, inputs=max(2, p // 40)),
    "embeddings": lambda d, n, p, k: partial(generators.embeddings, n=n, p=p, classes=k),
}


@dataclass(frozen=True)
class RandomProblem:
    """Random data and C; the same seed and number give the same problem."""

    seed: int
    number: int

    def make(self) -> tuple[str, float, Data]:
        """The kind, C and the data."""
        draw = Draw(self.seed, self.number)
        kind = str(draw.rng.choice(list(KINDS)))
        n, p = draw.between(200, 5000), draw.between(20, 1000)
        C = float(10 ** draw.rng.uniform(-2, np.log10(LARGEST_C)))
        classes = int(draw.rng.choice([2, 2, 3, 6]))
        make = KINDS[kind](draw, n, p, classes)
        return kind, C, make(seed=int(draw.rng.integers(2**31)))


def check(problem: RandomProblem) -> Iterator[tuple[str, float, str]]:
    """For each tolerance: how many times it the true gap is, and the problem in words.

    The ratio is NaN where the fit does not claim to have kept it, or where nothing is certain.
    """
    kind, C, (X, y) = problem.make()
    words = f"number {problem.number}: {kind}, {X.shape[0]} x {X.shape[1]}, "
    words += f"{y.max() + 1} classes, C={C:.3g}"
    objective = CrossEntropy(X, y, C)
    minimum = _in_time(Reference(objective).minimise)
    for tol in TOLS:
        model = GDLogisticRegression(C=C, tol=tol, n_jobs=1, max_iter=5000)
        fitted = _in_time(partial(model.fit, X, y))
        ratio = np.nan
        if fitted and model.converged_ and minimum and minimum.gap <= CERTIFIED:
            ratio = _gap(objective, model, minimum) / (DEFAULT_TOL if tol == "auto" else tol)
        yield str(tol), ratio, words


def _gap(objective: CrossEntropy, model: Any, minimum: Minimum) -> float:
    return objective.value(model.coef_, model.intercept_) / minimum.value - 1


def _in_time(function: Callable[[], Any]) -> Any:
    """The result; None where it takes longer than `LIMIT`."""
    try:
        with time_limit(LIMIT):
            return function()
    except OutOfTimeError:
        return None


def search(seed: int, seconds: float, only: Sequence[int] | None = None) -> int:
    """Check random problems for some time, or those of some numbers; return how many fits broke."""
    warnings.simplefilter("ignore")
    end = time.monotonic() + seconds
    found: dict[str, list[tuple[float, str]]] = {str(tol): [] for tol in TOLS}
    for number in only or count():
        if time.monotonic() > end:
            break
        for tol, ratio, words in check(RandomProblem(seed, number)):
            found[tol].append((ratio, words))
            if ratio > 1:
                print(f"tol={tol} broken {ratio:.3g} times, {words}", flush=True)
    rows = [("tol", "fits that converged", "broken", "others", "largest gap / tol")]
    for tol, checked in found.items():
        ratios = np.array([ratio for ratio, _ in checked])
        kept = ratios[~np.isnan(ratios)]
        largest = f"{kept.max():.2g}" if len(kept) else "-"
        numbers = (len(kept), (kept > 1).sum(), len(ratios) - len(kept))
        rows.append((tol, *map(str, numbers), largest))
    print(f"\nSeed {seed}.\n\n{aligned(rows, [True] * 5)}")
    return sum(ratio > 1 for checked in found.values() for ratio, _ in checked)
