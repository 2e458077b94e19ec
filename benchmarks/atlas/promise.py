"""Look for fits that say that they kept ``tol`` and did not: random problems of many kinds."""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from atlas import generators
from atlas.cell import DEFAULT_TOL, OutOfTimeError, time_limit
from atlas.drawn import Draw
from atlas.generators import Data, gaussian, one_hot, rare, text
from bce_logistic import GDLogisticRegression
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.reference import Reference
from benchmark_utils.report import aligned

TOLS = (1e-3, 1e-4, 1e-6, "auto")
LARGEST_C = 1e6
LIMIT = 20.0
"""The most seconds for a fit and for the reference."""
OUTCOMES = ("kept", "broken", "failed", "uncertain", "not converged")
BAD = ("broken", "failed")

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
class Verdict:
    """What came of one fit; ``ratio`` is its true gap over what was promised."""

    tol: str
    outcome: str
    problem: str
    ratio: float = np.nan


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


def check(problem: RandomProblem) -> Iterator[Verdict]:
    """Fit a problem at each tolerance and compare with the minimum."""
    kind, C, (X, y) = problem.make()
    words = f"number {problem.number}: {kind}, {X.shape[0]} x {X.shape[1]}, "
    words += f"{y.max() + 1} classes, C={C:.3g}"
    objective = CrossEntropy(X, y, C)
    minimum = _in_time(Reference(objective).minimise)
    for tol in TOLS:
        model = GDLogisticRegression(C=C, tol=tol, n_jobs=1, max_iter=5000)
        try:
            fitted = _in_time(partial(model.fit, X, y))
        except Exception as error:  # whatever it is: the data are valid
            yield Verdict(str(tol), "failed", f"{words}: {error!r}")
            continue
        if not (fitted and model.converged_):
            yield Verdict(str(tol), "not converged", words)
        elif not minimum:
            yield Verdict(str(tol), "uncertain", words)
        else:
            promised = DEFAULT_TOL if tol == "auto" else tol
            # The minimum may be lower than the reference's value, but by no more than its gap.
            gap = objective.value(model.coef_, model.intercept_) / minimum.value - 1
            surely_kept = gap + minimum.gap <= promised
            outcome = "broken" if gap > promised else "kept" if surely_kept else "uncertain"
            yield Verdict(str(tol), outcome, words, gap / promised)


def _in_time(function: Callable[[], Any]) -> Any:
    """The result; None where it takes longer than `LIMIT`."""
    try:
        with time_limit(LIMIT):
            return function()
    except OutOfTimeError:
        return None


def search(seed: int, seconds: float, only: Sequence[int] | None = None) -> int:
    """Check random problems for some time, or some by number; return how many fits are bad."""
    warnings.simplefilter("ignore")
    threadpool_limits(1)  # the problems are small: BLAS threads would only wait for each other
    end = time.monotonic() + seconds
    verdicts: list[Verdict] = []
    for number in only or count():
        if time.monotonic() > end:
            break
        for verdict in check(RandomProblem(seed, number)):
            verdicts.append(verdict)
            if verdict.outcome in BAD:
                gap = f" (true gap / tol: {verdict.ratio:.3g})" * (verdict.outcome == "broken")
                told = f"tol={verdict.tol} {verdict.outcome}{gap}, {verdict.problem}"
                print(told, flush=True)
    rows: list[tuple[str, ...]] = [("tol", *OUTCOMES, "largest gap / tol")]
    for tol in map(str, TOLS):
        of_tol = [verdict for verdict in verdicts if verdict.tol == tol]
        counts = Counter(verdict.outcome for verdict in of_tol)
        largest = max((v.ratio for v in of_tol if v.outcome in ("kept", "broken")), default=np.nan)
        rows.append((tol, *(str(counts[outcome]) for outcome in OUTCOMES), f"{largest:.2g}"))
    print(f"\nSeed {seed}, {len(verdicts)} fits.\n\n{aligned(rows, [True] * len(rows[0]))}")
    return sum(verdict.outcome in BAD for verdict in verdicts)
