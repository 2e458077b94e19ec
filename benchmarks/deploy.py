"""Print a table of the cost of a fitted model in service, beside LogisticRegression.

    python benchmarks/deploy.py

Time of the processor on one thread, both classes in turns, for one row and for a million, the
memory that NumPy requests in the meantime, and the size of a pickle. Both are fitted with their
defaults, to standardised features. The ratio is LogisticRegression's number over ours: above 1,
ours is smaller.
"""

import pickle
import time
import tracemalloc
import warnings
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import scale
from threadpoolctl import threadpool_limits

from bce_logistic import GDLogisticRegression
from benchmark_utils.generated import streamed_rows, zipf_text

ONE_ROW_CALLS = 2000
REPEATS = 4
Row = tuple[str, str, list[float], float]
MILLION = 1_000_000


def seconds(functions: list[Callable[[], object]], n_calls: int, repeats: int) -> list[float]:
    """Smallest time of a call of each function, over series of calls in turns."""
    best = [np.inf] * len(functions)
    for _ in range(repeats):
        for k, function in enumerate(functions):
            start = time.process_time()
            for _ in range(n_calls):
                function()
            best[k] = min(best[k], (time.process_time() - start) / n_calls)
    return best


def peak_mib(function: Callable[[], object]) -> float:
    """Most memory that was requested while a function ran, beyond that at its start."""
    tracemalloc.start()
    function()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak / 2**20


def classes(scores: np.ndarray, n_classes: int) -> np.ndarray:
    """Labels in as many classes, equally frequent, by the size of noisy scores."""
    noisy = scores + np.random.default_rng(0).logistic(size=len(scores))
    return np.searchsorted(np.quantile(noisy, np.arange(1, n_classes) / n_classes), noisy)


def rows() -> Iterator[Row]:
    X, y_binary = streamed_rows(0, MILLION)
    X = scale(X, copy=False)
    for n_classes in (2, 5):
        y = y_binary if n_classes == 2 else classes(X[:, 0], n_classes)
        pair = [
            cls().fit(X[:20_000], y[:20_000]) for cls in (GDLogisticRegression, LogisticRegression)
        ]
        where = f"{n_classes} classes"
        frame = pd.DataFrame(X[:1])
        for name, row in (("array", X[:1]), ("data frame", frame)):
            calls = [partial(model.predict_proba, row) for model in pair]
            times = seconds(calls, ONE_ROW_CALLS // REPEATS, REPEATS)
            yield f"`predict_proba` of one row, {name}, {where}", "µs", times, 1e-6
        calls = [partial(model.predict_proba, X) for model in pair]
        yield f"`predict_proba` of 1,000,000 x 30, {where}", "ms", seconds(calls, 1, REPEATS), 1e-3
        memory = [peak_mib(call) for call in calls]
        yield f"memory for that, {where}", "MiB", memory, 1.0
        size = [float(len(pickle.dumps(model))) for model in pair]
        yield f"pickle, 30 features, {where}", "bytes", size, 1.0
    pair = [GDLogisticRegression(n_jobs=1), LogisticRegression()]
    calls = [partial(model.fit, X, y_binary) for model in pair]
    yield "`fit` of 1,000,000 x 30, 2 classes", "s", seconds(calls, 1, 2), 1.0
    yield "memory for that", "MiB", [peak_mib(call) for call in calls], 1.0
    X, y = zipf_text(5000, 50_000, 60, 0)
    size = [float(len(pickle.dumps(model.fit(X, y)))) for model in pair]
    yield "pickle, 50,000 features", "kB", size, 1e3


def main() -> None:
    print("| | unit | ours | LogisticRegression | ratio |")
    print("|---|---|---:|---:|---:|")
    with threadpool_limits(1), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for what, unit, (mine, theirs), size in rows():
            print(
                f"| {what} | {unit} | {mine / size:,.4g} | {theirs / size:,.4g} | "
                f"{theirs / mine:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
