"""Print how passes, time and memory of the default solver grow with the data.

    python benchmarks/scaling.py

Each line is a fit of the default solver in a process of its own: passes over the data, the time of
the fit over the time of `X.sum()`, and the most memory that the fit took beyond the data.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import psutil
from scipy import sparse

from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.flights import flights_dense, flights_one_hot
from benchmark_utils.generated import ar1

CASES: dict[str, Callable] = {
    "correlated Gaussian, 100,000 x 30": lambda: ar1(100_000, 30, 0.9),
    "correlated Gaussian, 1,000,000 x 30": lambda: ar1(1_000_000, 30, 0.9),
    "correlated Gaussian, 10,000,000 x 30": lambda: ar1(10_000_000, 30, 0.9),
    "the same in float32": lambda: _single(*ar1(10_000_000, 30, 0.9)),
    "flights, dense": flights_dense,
    "flights, one-hot": flights_one_hot,
}


def _single(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return X.astype(np.float32), y


class PeakMemory:
    """The most resident memory of this process, looked at every millisecond."""

    def __enter__(self) -> "PeakMemory":
        self.start = self.most = psutil.Process().memory_info().rss
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._done.wait(0.001):
            self.most = max(self.most, process.memory_info().rss)


def measure(name: str) -> dict[str, float]:
    """Fit once for the memory and five times for the time."""
    X, y = CASES[name]()
    numbers = X.data if sparse.issparse(X) else X
    with PeakMemory() as memory:
        model = CountedPasses().fit(X, y)
    fits, reads = [], []
    for _ in range(5):
        fits.append(_seconds(lambda: CountedPasses().fit(X, y)))
        reads.append(_seconds(numbers.sum))
    return {
        "passes": model.passes,
        "milliseconds": 1e3 * median(fits),
        "reads": median(fits) / median(reads),
        "MiB beyond X": (memory.most - memory.start) / 2**20,
        "MiB of X": numbers.nbytes / 2**20,
    }


def _seconds(function: Callable) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main() -> None:
    """Measure every case in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", choices=CASES, help=argparse.SUPPRESS)
    case = parser.parse_args().case
    if case:
        print(json.dumps(measure(case)))
        return
    header = f"{'data':38}{'passes':>8}{'fit, ms':>10}{'fit / X.sum()':>15}"
    print(header + f"{'MiB beyond X':>14}{'MiB of X':>10}")
    for name in CASES:
        command = [sys.executable, __file__, "--case", name]
        found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
        print(
            f"{name:38}{found['passes']:8d}{found['milliseconds']:10.1f}{found['reads']:15.1f}"
            f"{found['MiB beyond X']:14.1f}{found['MiB of X']:10.1f}"
        )


if __name__ == "__main__":
    main()
