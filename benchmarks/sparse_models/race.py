"""Race with an L1 penalty to a relative accuracy of 1e-6, by processor time on one thread.

Run it from the folder ``benchmarks``::

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 NUMBA_NUM_THREADS=1 \\
        python -m sparse_models.race [name ...] > race.md

Every peer is called with tolerances from loose to tight, until its objective is within 1e-6 of the
best one known; its time is that of the first that is. It is given 20 times as long as our fit, at
least two seconds: "> 20" says that it took longer, "-" that no tolerance led there. A cell is empty
if the peer does not solve the problem. A fit of ours has ``tol=1e-6``; "gap" is its true accuracy.

celer has no intercept, snapml does not return it with an L1 penalty, and liblinear penalises it:
they get a constant column of 1,000, whose coefficient is penalised by next to nothing.
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
TOLERANCES = (1e-2, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10)
PATIENCE, LEAST_SECONDS = 20, 2
INTERCEPT_SCALING = 1000.0
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
def limit(seconds: float) -> Iterator[None]:
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
    """scikit-learn's."""
    model = LogisticRegression(
        l1_ratio=1,
        C=C,
        solver="liblinear",
        tol=tol,
        max_iter=10_000,
        intercept_scaling=INTERCEPT_SCALING,
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

    is_binary = y.max() == 1
    model = Classifier(
        loss="logistic" if is_binary else "multiclass-logistic",
        penalty="l1",
        fit_intercept=True,
        lambda_1=1 / (C * len(y)),
        tol=tol,
        max_iter=2000,
        verbose=False,
        n_threads=1,
    )
    model.fit(X, y * 2 - 1 if is_binary else y)
    coef = np.squeeze(model.coef_)
    return (coef[None] if is_binary else coef.T), np.ravel(model.intercept_)


def celer(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """celer's working sets and proximal Newton."""
    from celer import LogisticRegression as Celer

    A = with_constant(X)
    A = A.tocsc() if sparse.issparse(A) else np.asfortranarray(A)
    return without_constant(Celer(C=C, tol=tol, max_iter=200).fit(A, y).coef_)


def snapml(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """Snap ML's coordinate descent."""
    from snapml import LogisticRegression as Snap

    model = Snap(penalty="l1", dual=False, regularizer=1 / C, tol=tol, max_iter=10_000, n_jobs=1)
    return without_constant(model.fit(with_constant(X), y).coef_)


def adelie(X: object, y: np.ndarray, C: float, tol: float) -> Fit:
    """adelie's coordinate descent inside reweighting, for a single strength."""
    return adelie_path(X, y, np.array([C]), tol)[-1]


def adelie_path(X: object, y: np.ndarray, Cs: np.ndarray, tol: float) -> list[Fit]:
    """The same along a path of strengths."""
    import adelie as ad

    A = np.asfortranarray(X)
    if sparse.issparse(X):
        A = ad.matrix.sparse(sparse.csc_matrix(X), method="naive", n_threads=1)
    state = ad.grpnet(
        X=A,
        glm=ad.glm.binomial(y=y.astype(np.float64), dtype=np.float64),
        lmda_path=1 / (Cs * len(y)),
        tol=tol,
        irls_tol=tol,
        early_exit=False,
        progress_bar=False,
        n_threads=1,
    )
    coefs = state.betas.toarray()
    return [(coef[None], np.ravel(b)) for coef, b in zip(coefs, state.intercepts, strict=True)]


def with_constant(X: object) -> object:
    """The features and a large constant."""
    constant = np.full((X.shape[0], 1), INTERCEPT_SCALING)
    if sparse.issparse(X):
        return sparse.csr_matrix(sparse.hstack([X, sparse.csr_array(constant)]))
    return np.hstack([X, constant])


def without_constant(w: np.ndarray) -> Fit:
    """Coefficients and intercept, from those of the features and the constant."""
    w = np.ravel(w)
    return w[None, :-1], INTERCEPT_SCALING * w[-1:]


PEERS = (liblinear, saga, skglm, cyanure, celer, snapml, adelie)
SEVERAL_CLASSES = (saga, cyanure)


def value(X: object, y: np.ndarray, C: float, fit: Fit) -> float:
    """The objective."""
    coef, intercept = (np.asarray(part, float) for part in fit)
    Z = np.asarray(X @ coef.T) + intercept
    Z = np.column_stack([np.zeros(len(y)), Z]) if Z.shape[1] == 1 else Z
    losses = logsumexp(Z, axis=1) - Z[np.arange(len(y)), y]
    return float(losses.sum() + np.abs(coef).sum() / C)


def timed(seconds: float, fit: Callable[..., Fit], *args: object) -> tuple[float, Fit | None]:
    """Seconds of a fit, the mean of several short ones; None if it failed or was too slow."""
    start, n_fits = time.process_time(), 0
    try:
        with warnings.catch_warnings(), limit(seconds):
            warnings.simplefilter("ignore")
            while n_fits == 0 or time.process_time() - start < SHORT:
                found, n_fits = fit(*args), n_fits + 1
    except Exception as error:  # adelie replaces that of the limit by one of its own
        if isinstance(error, TimeIsUpError) or time.process_time() - start >= seconds:
            return np.inf, None
        print(f"{fit.__name__}: {error!r}"[:200], file=sys.stderr)
        return 0.0, None
    return (time.process_time() - start) / n_fits, found


def race(name: str, X: object, y: np.ndarray, C: float, label: str) -> str:
    """A row of the table."""
    best = ours(X, y, C, 1e-12)
    least, n_used = value(X, y, C, best), np.count_nonzero(np.any(best[0], axis=0))
    seconds, fit = min((timed(600, ours, X, y, C, ACCURACY) for _ in range(2)), key=itemgetter(0))
    assert fit is not None
    patience = max(PATIENCE * seconds, LEAST_SECONDS)
    cells, fastest = [], np.inf
    for peer in PEERS:
        # With two classes saga has been slower than all others wherever it was tried.
        if peer in SEVERAL_CLASSES if y.max() > 1 else peer is not saga:
            spent, least = to_accuracy(peer, (X, y, C), least, patience)
            fastest = min(fastest, spent) if np.isfinite(spent) else fastest
            too_slow = f"> {patience / seconds:.0f}" if spent > 0 else "-"
            cells.append(f"{spent / seconds:.2f}" if 0 < spent < np.inf else too_slow)
        else:
            cells.append("")
    gap = value(X, y, C, fit) / least - 1
    ratio = f"**{fastest / seconds:.2f}**" if fastest < np.inf else ""
    row = [name, label, str(n_used), f"{seconds:.4f}", f"{gap:.0e}", ratio]
    return "| " + " | ".join(row + cells) + " |"


def to_accuracy(
    peer: Callable[..., Fit],
    problem: tuple[object, np.ndarray, float],
    least: float,
    patience: float,
) -> tuple[float, float]:
    """Seconds until a peer is accurate, and the least value seen.

    The seconds are infinite where it is too slow, negative where no tolerance leads there.
    """
    for tol in TOLERANCES:
        seconds, fit = timed(patience, peer, *problem, tol)
        if fit is None:
            return (seconds if seconds > 0 else -np.inf), least
        reached = value(*problem, fit)
        least = min(least, reached)
        if reached <= least * (1 + ACCURACY):
            return min(seconds, timed(patience, peer, *problem, tol)[0]), least
    return -np.inf, least


def main() -> None:
    """Print the table."""
    chosen = sys.argv[1:] or list(PROBLEMS)
    head = ["data", "C", "used", "seconds", "gap", "fastest / ours"] + [p.__name__ for p in PEERS]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head), flush=True)
    small, labels = generators.gaussian(1, 200, 5)
    for peer in PEERS:  # what is compiled is compiled
        timed(60, peer, small, labels, 0.1, 1e-3)
        timed(60, peer, sparse.csr_matrix(small), labels, 0.1, 1e-3)
    for name in chosen:
        X, y = PROBLEMS[name]()
        y = np.asarray(y).astype(np.int64)
        first = C_max(X, y)
        for C, label in ((10 * first, "10 C_max"), (100 * first, "100 C_max"), (1.0, "1")):
            print(race(name, X, y, C, label), flush=True)


if __name__ == "__main__":
    main()
