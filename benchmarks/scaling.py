"""Print how passes, time and memory of the default solver grow with the data.

    python benchmarks/scaling.py

Each line is a fit of the default solver in a process of its own: passes over the data, the time of
the fit over the time of `X.sum()`, and the most memory that the fit took beyond the data.
"""

import sys
from collections.abc import Callable
from multiprocessing import get_context
from statistics import median

import numpy as np
from scipy import sparse

from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.flights import flights_dense, flights_one_hot
from benchmark_utils.generated import ar1
from benchmark_utils.measure import PeakMemory, timed


def _single(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return X.astype(np.float32), y


CASES: dict[str, Callable] = {
    "correlated Gaussian, 100,000 x 30": lambda: ar1(100_000, 30, 0.9),
    "correlated Gaussian, 1,000,000 x 30": lambda: ar1(1_000_000, 30, 0.9),
    "correlated Gaussian, 10,000,000 x 30": lambda: ar1(10_000_000, 30, 0.9),
    "the same in float32": lambda: _single(*ar1(10_000_000, 30, 0.9)),
    "flights, dense": flights_dense,
    "flights, one-hot": flights_one_hot,
}


def measure(name: str) -> str:
    """Fit once for the memory and five times for the time; return the line of the table."""
    X, y = CASES[name]()
    numbers = X.data if sparse.issparse(X) else X
    with PeakMemory() as memory:
        model = CountedPasses().fit(X, y)
    fits, reads = [], []
    for _ in range(5):
        fits.append(timed(CountedPasses().fit, X, y)[1])
        reads.append(timed(numbers.sum)[1])
    return (
        f"{name:38}{model.passes:8d}{1e3 * median(fits):10.1f}"
        f"{median(fits) / median(reads):15.1f}{memory.mib:14.1f}{numbers.nbytes / 2**20:10.1f}"
    )


def main() -> None:
    """Measure every case in a process of its own."""
    header = f"{'data':38}{'passes':>8}{'fit, ms':>10}{'fit / X.sum()':>15}"
    print(header + f"{'MiB beyond X':>14}{'MiB of X':>10}")
    with get_context("spawn").Pool(1, maxtasksperchild=1) as processes:
        for line in processes.imap(measure, sys.argv[1:] or CASES):
            print(line, flush=True)


if __name__ == "__main__":
    main()
