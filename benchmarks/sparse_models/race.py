"""Race with an L1 penalty to a relative accuracy of 1e-6, by processor time on one thread.

Run it from the folder ``benchmarks``::

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m sparse_models.race [name ...] > race.md

Every peer is called with tolerances from loose to tight, until its objective is within 1e-6 of the
best one known; its time is that of the first that is. Peers that are not installed are left out.
Each fit has SECONDS. A fit of ours has ``tol=1e-6``, and its true accuracy is in the table.
"""

import contextlib
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter

import numpy as np
from scipy import sparse
from scipy.special import logsumexp
from sklearn.linear_model import LogisticRegression

from atlas import generators, real
from atlas.generators import Data
from bce_logistic import C_max, GDLogisticRegression
from benchmark_utils import flights
from benchmark_utils.generated import zipf_text

ACCURACY = 1e-6
TOLERANCES = (1e-2, 1e-4, 1e-5, 1e-6, 1e-8)
SECONDS = 8
# Fits are repeated for this long: the clock counts in hundredths.
SHORT = 0.1
Fit = tuple[np.ndarray, np.ndarray]

PROBLEMS: dict[str, Callable[[], Data]] = {
    "flights, dense": flights.flights_dense,
    "flights, one-hot": flights.flights_one_hot,
    "gaussian 100k x 50": partial(generators.gaussian, 0, 100_000, 50, 0.5),
    "gaussian 20k x 2,000": partial(generators.gaussian, 0, 20_000, 2000, 0.3),
    "gaussian 2k x 300": partial(generators.gaussian, 0, 2000, 300),
    "genes 300 x 20,000": partial(generators.genes, 0, 300, 20_000),
    "leukaemia-like NCI60, 2 classes": lambda: (real.nci60()[0], (real.nci60()[1] > 3) * 1),
    "source words": real.source_text,
    "zipf text 60k": zipf_text,
    "breast cancer": partial(real.toy, "breast_cancer"),
    "digits, softmax": partial(real.toy, "digits"),
    "wine, softmax": partial(real.toy, "wine"),
}


class TimeIsUpError(Exception):
    """A fit took too long."""


@contextlib.contextmanager
def limit(seconds: int) -> Iterator[None]:
    """Interrupt after some seconds of processor time."""

    def stop(*_: object) -> None:
        raise TimeIsUpError

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def ours(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """This package."""
    model = GDLogisticRegression(C=C, l1_ratio=1.0, tol=tol, n_jobs=1).fit(X, y)
    return model.coef_, model.intercept_


def liblinear(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """scikit-learn's; the scale keeps the penalty of its intercept from mattering much."""
    model = LogisticRegression(
        l1_ratio=1, C=C, solver="liblinear", tol=tol, max_iter=10_000, intercept_scaling=100.0
    ).fit(X, y)
    return model.coef_, model.intercept_


def saga(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """scikit-learn's."""
    model = LogisticRegression(l1_ratio=1, C=C, solver="saga", tol=tol, max_iter=100_000)
    model.fit(X, y)
    return model.coef_, model.intercept_


def skglm(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """skglm's working sets and proximal Newton."""
    from skglm import SparseLogisticRegression

    X = sparse.csc_matrix(X) if sparse.issparse(X) else np.asfortranarray(X)
    model = SparseLogisticRegression(alpha=1 / (C * len(y)), tol=tol, max_iter=200)
    model.fit(X, y)
    return model.coef_, np.ravel(model.intercept_)


def cyanure(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """cyanure's QNing on ISTA or SVRG."""
    from cyanure.estimators import Classifier

    model = Classifier(
        loss="logistic",
        penalty="l1",
        fit_intercept=True,
        lambda_1=1 / (C * len(y)),
        tol=tol,
        max_iter=2000,
        verbose=False,
        n_threads=1,
    )
    model.fit(X, y * 2 - 1)
    return np.atleast_2d(np.squeeze(model.coef_)), np.ravel(model.intercept_)


PEERS = (liblinear, saga, skglm, cyanure)


def value(X: object, y: np.ndarray, C: float, fit: Fit) -> float:
    """The objective."""
    coef, intercept = (np.asarray(part, float) for part in fit)
    Z = np.asarray(X @ coef.T) + intercept
    Z = np.column_stack([np.zeros(len(y)), Z]) if Z.shape[1] == 1 else Z
    losses = logsumexp(Z, axis=1) - Z[np.arange(len(y)), y]
    return float(losses.sum() + np.abs(coef).sum() / C)


def timed(fit: Callable[..., Fit], *args: object) -> tuple[float, Fit | None]:
    """Seconds of a fit, the mean of several short ones; None if it failed."""
    start, n_fits = time.process_time(), 0
    try:
        with warnings.catch_warnings(), limit(SECONDS):
            warnings.simplefilter("ignore")
            while n_fits == 0 or time.process_time() - start < SHORT:
                found, n_fits = fit(*args), n_fits + 1
    except Exception:
        return SECONDS, None
    return (time.process_time() - start) / n_fits, found


def race(name: str, X: object, y: np.ndarray, C: float, label: str) -> str:
    """A row of the table."""
    best = ours(X, y, C, 1e-12)
    least = value(X, y, C, best)
    n_used = np.count_nonzero(np.any(best[0], axis=0))
    results = []
    for peer in PEERS:
        # With two classes saga has been slower than all others wherever it was tried.
        if (peer is saga) == (len(np.unique(y)) == 2):
            continue
        spent = 0.0
        for tol in TOLERANCES:
            seconds, fit = timed(peer, X, y, C, tol)
            spent += seconds
            if fit is not None:
                reached = value(X, y, C, fit)
                least = min(least, reached)
                if reached <= least * (1 + ACCURACY):
                    results.append((seconds, peer.__name__))
                    break
            if fit is None or spent > SECONDS:
                break
    seconds, fit = min((timed(ours, X, y, C, ACCURACY) for _ in range(2)), key=itemgetter(0))
    gap = value(X, y, C, fit) / least - 1
    cells = {peer.__name__: "-" for peer in PEERS}
    for other, peer_name in results:
        cells[peer_name] = f"{other / seconds:.2f}"
    fastest = min((other for other, _ in results), default=np.inf)
    row = [name, label, str(n_used), f"{seconds:.3f}", f"{gap:.0e}", f"**{fastest / seconds:.2f}**"]
    return "| " + " | ".join(row + list(cells.values())) + " |"


def main() -> None:
    """Print the table."""
    chosen = sys.argv[1:] or list(PROBLEMS)
    head = ["data", "C", "used", "seconds", "gap", "fastest / ours"] + [p.__name__ for p in PEERS]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head), flush=True)
    small, labels = generators.gaussian(1, 200, 5)
    for peer in PEERS:  # what is compiled is compiled
        timed(peer, small, labels, 0.1, 1e-3)
        timed(peer, sparse.csr_matrix(small), labels, 0.1, 1e-3)
    for name in chosen:
        X, y = PROBLEMS[name]()
        y = np.asarray(y).astype(np.int64)
        first = C_max(X, y)
        for C, label in ((10 * first, "10 C_max"), (100 * first, "100 C_max"), (1.0, "1")):
            print(race(name, X, y, C, label), flush=True)


if __name__ == "__main__":
    main()
