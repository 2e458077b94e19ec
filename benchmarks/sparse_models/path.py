"""The path over 100 values of C against single fits, and against adelie's path.

Run it from the folder ``benchmarks``::

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m sparse_models.path [name ...] > path.md

The values go from ``C_max`` to 1,000 times that; ``tol=1e-6``. "fits" is the time of the path in
fits with the largest C, and in mean fits (of five values of C); "gap" the largest true relative gap
at these five. adelie's path is the first, from loose tolerances to tight, whose gap is below 1e-6
there; it is given 5 times as long. Processor time on one thread.
"""

import sys
import time
import warnings
from operator import itemgetter

import numpy as np

from atlas import generators
from bce_logistic import C_max, GDLogisticRegression, regularization_path
from sparse_models.race import ACCURACY, PROBLEMS, TOLERANCES, Fit, adelie_path, ours, timed, value

NUMBER, EPS = 100, 1e-3
AT = (10, 30, 50, 70, 99)
PATIENCE = 5


def our_path(X: object, y: np.ndarray, Cs: np.ndarray) -> list[Fit]:
    """The fits of this package."""
    estimator = GDLogisticRegression(tol=ACCURACY, n_jobs=1)
    path = regularization_path(X, y, Cs, estimator=estimator)
    return list(zip(path.coefs, path.intercepts, strict=True))


def race(name: str) -> str:
    """A row of the table."""
    X, y = PROBLEMS[name]()
    y = np.asarray(y).astype(np.int64)
    Cs = np.geomspace(1, 1 / EPS, NUMBER) * C_max(X, y)
    least = {k: value(X, y, Cs[k], ours(X, y, Cs[k], 1e-12)) for k in AT}

    def gap(path: list[Fit]) -> float:
        return max(value(X, y, Cs[k], path[k]) / least[k] - 1 for k in AT)

    singles = [
        min(timed(600, ours, X, y, Cs[k], ACCURACY)[0] for _ in range(1 + (k == AT[-1])))
        for k in AT
    ]
    repeats = [timed(600, our_path, X, y, Cs) for _ in range(2)]
    seconds, path = min(repeats, key=itemgetter(0))
    assert path is not None
    cell = ""
    for tol in TOLERANCES if y.max() == 1 else ():
        spent, other = timed(PATIENCE * seconds, adelie_path, X, y, Cs, tol)
        cell = f"> {PATIENCE}" if spent > 0 else "-"
        if other is None or len(other) < NUMBER:
            break
        if gap(other) <= ACCURACY:
            cell = f"{spent / seconds:.2f}"
            break
        cell = "-"
    row = [name, f"{seconds:.3f}", f"{singles[-1]:.4f}", f"{np.mean(singles):.4f}"]
    row += [f"{seconds / singles[-1]:.1f}", f"{seconds / np.mean(singles):.1f}"]
    return "| " + " | ".join([*row, f"{gap(path):.0e}", cell]) + " |"


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")
    head = ["data", "path, s", "largest C, s", "mean fit, s", "fits", "mean fits", "gap", "adelie"]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head), flush=True)
    small, labels = generators.gaussian(1, 200, 5)
    timed(60, adelie_path, small, labels, np.geomspace(0.01, 1, 5), 1e-3)  # imported before a race
    start = time.process_time()
    for name in sys.argv[1:] or PROBLEMS:
        print(race(name), flush=True)
    print(f"{time.process_time() - start:.0f} s in all", file=sys.stderr)


if __name__ == "__main__":
    main()
