"""Time the fit of a Dask array against dask-ml, and print how its passes grow with the rows.

    python benchmarks/dask_scaling.py
    python benchmarks/dask_scaling.py --rows 500000 --most-rows 1000000

Needs dask, distributed and, to compare with, dask-ml. The cluster is this machine: two processes
with one thread each. The rows are made by the workers and persisted there.
"""

import argparse
import warnings
from collections.abc import Iterator
from statistics import median

import dask
import dask.array as da
import numpy as np
from distributed import Client, LocalCluster, wait

from bce_logistic import GDLogisticRegression
from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.generated import N_STREAMED_FEATURES, streamed_rows
from benchmark_utils.measure import timed

CHUNK = 250_000
# Rounds in which the fastest solver of dask-ml and ours take turns.
ROUNDS = 3
# Solvers of dask-ml, and the seconds of a fit after which no longer one is tried.
PEERS = ("newton", "lbfgs", "admm")
PATIENCE = 60.0


def persisted(n_rows: int) -> tuple[da.Array, da.Array]:
    """Rows and labels in the memory of the workers."""
    size = min(CHUNK, n_rows // 4)
    chunks = [dask.delayed(streamed_rows, nout=2)(k, size) for k in range(1, n_rows // size + 1)]
    shape = size, N_STREAMED_FEATURES
    X = da.concatenate([da.from_delayed(rows, shape, float) for rows, _ in chunks])
    y = da.concatenate([da.from_delayed(labels, shape[:1], np.int8) for _, labels in chunks])
    X, y = dask.persist(X, y)
    wait([X, y])
    return X, y


def coefficients(model: object) -> np.ndarray:
    """Coefficients, the intercept last."""
    return np.append(np.ravel(model.coef_), model.intercept_)


def peer(solver: str, n_iter: int) -> object:
    """dask-ml's estimator, which is to make so many iterations."""
    from dask_ml.linear_model import LogisticRegression

    return LogisticRegression(solver=solver, C=1.0, tol=1e-12, max_iter=n_iter)


def peer_fits(solver: str, X: da.Array, y: da.Array) -> Iterator[tuple[int, np.ndarray, float]]:
    """Iterations, coefficients and seconds of dask-ml's solver, more and more iterations."""
    n_iter, seconds = 1, 0.0
    while seconds < PATIENCE:
        model, seconds = timed(peer(solver, n_iter).fit, X, y)
        yield n_iter, coefficients(model), seconds
        n_iter = max(n_iter + 1, int(1.4 * n_iter))


def race(n_rows: int, peers: list[str]) -> None:
    """Print the time to come within 1e-6 of the minimum, ours and dask-ml's."""
    X, y = persisted(n_rows)
    X_here, y_here = dask.compute(X, y)
    reference = GDLogisticRegression(tol=1e-14).fit(X_here, y_here)
    w_best = coefficients(reference)
    objective = CrossEntropy(X_here, y_here, C=1.0)
    least = objective.value(w_best[None, :-1], w_best[-1:])

    def gap(w: np.ndarray) -> float:
        return objective.value(w[None, :-1], w[-1:]) / least - 1

    _, read = timed(lambda: X.sum().compute())
    print(f"{n_rows:,} x {X.shape[1]} float64, {X.nbytes / 1e9:.2f} GB in {X.npartitions} chunks")
    print(f"X.sum().compute(): {read:.2f} s")
    exact = GDLogisticRegression(tol=1e-14).fit(X, y)
    error = np.abs(coefficients(exact) - w_best).max() / np.abs(w_best).max()
    print(f"coefficients, against those of the same rows in memory: {error:.1e}")
    _, seconds = timed(GDLogisticRegression().fit, X_here, y_here)
    print(f"bce_logistic on the array in memory, two threads: {seconds:.2f} s")
    reached: dict[str, tuple[float, int]] = {}
    for solver in peers:
        found = "not reached"
        for n_iter, w, seconds in peer_fits(solver, X, y):
            found = f"{seconds:.2f} s at max_iter={n_iter}, gap {gap(w):.1e}"
            if gap(w) <= 1e-6:
                reached[solver] = seconds, n_iter
                break
        print(f"dask-ml, {solver}: {found}", flush=True)
    fastest = min(reached, key=reached.__getitem__)
    n_iter = reached[fastest][1]
    ours, theirs = [], []
    for _ in range(ROUNDS):
        model, seconds = timed(CountedPasses().fit, X, y)
        ours.append(seconds)
        theirs.append(timed(peer(fastest, n_iter).fit, X, y)[1])
    print(
        f"{ROUNDS} rounds in turn: bce_logistic, nothing set: {median(ours):.2f} s, "
        f"{model.passes} passes, gap {gap(coefficients(model)):.1e}; dask-ml, {fastest}: "
        f"{median(theirs):.2f} s; ratio {median(theirs) / median(ours):.1f}"
    )


def passes(most_rows: int) -> None:
    """Print passes and time, rows times ten from line to line."""
    for n_rows in (10**5, 10**6, 10**7):
        if n_rows <= most_rows:
            X, y = persisted(n_rows)
            GDLogisticRegression().fit(X, y)
            model, seconds = timed(CountedPasses().fit, X, y)
            print(
                f"{n_rows:,} rows in {X.npartitions} chunks: {model.passes} passes, "
                f"{seconds:.2f} s, {seconds / n_rows * 1e9:.0f} ns a row",
                flush=True,
            )


def main() -> None:
    """Race, then scale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--most-rows", type=int, default=10_000_000)
    parser.add_argument("--peers", nargs="+", default=PEERS, help="solvers of dask-ml")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # dask-ml's, of what is outdated in it
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, memory_limit=0, dashboard_address=":0"
        ) as cluster,
        Client(cluster),
    ):
        passes(options.most_rows)
        race(options.rows, options.peers)


if __name__ == "__main__":
    main()
