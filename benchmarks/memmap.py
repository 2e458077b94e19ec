"""Fit rows in a file that is larger than what the fit may hold, and print what it took.

    python benchmarks/memmap.py
    python benchmarks/memmap.py --rows 1000000

Writes a file of float32 features, 6 GB by default, where --folder says, maps it to memory, fits,
and deletes it. Memory is anonymous memory, RssAnon of /proc/self/status: pages of the file that
the system keeps in memory are not counted, what the fit allocates is.
"""

import argparse
import re
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from benchmark_utils.counted_passes import CountedPasses

N_FEATURES = 30
ROWS_AT_A_TIME = 1 << 18


class AnonymousMemory:
    """The most anonymous memory of this process beyond what it had, looked at now and then."""

    def __enter__(self) -> "AnonymousMemory":
        self.start = self.most = _anonymous()
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()
        self.mib = (self.most - self.start) / 2**10

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self.most = max(self.most, _anonymous())


def _anonymous() -> int:
    """Anonymous memory of this process, in KiB."""
    (found,) = re.findall(r"RssAnon:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(found)


def write(path: Path, n_rows: int) -> np.ndarray:
    """Write correlated features of different scales; give labels, one byte each."""
    rng = np.random.default_rng(0)
    mix = np.linalg.cholesky(0.9 ** np.abs(np.subtract.outer(*[np.arange(N_FEATURES)] * 2)))
    mix = (mix * np.geomspace(0.1, 10, N_FEATURES)[:, None]).T.astype(np.float32)
    w = rng.normal(size=N_FEATURES).astype(np.float32) / np.abs(mix).sum(axis=0)
    y = np.empty(n_rows, dtype=np.int8)
    with path.open("wb") as file:
        for start in range(0, n_rows, ROWS_AT_A_TIME):
            n = min(ROWS_AT_A_TIME, n_rows - start)
            X = rng.standard_normal((n, N_FEATURES), np.float32) @ mix
            X.tofile(file)
            y[start : start + n] = X @ w + rng.logistic(size=n) > 0.5
    return y


def read(X: np.ndarray) -> float:
    """Add all numbers, some rows at a time."""
    parts = (X[i : i + ROWS_AT_A_TIME] for i in range(0, len(X), ROWS_AT_A_TIME))
    return float(sum(np.add.reduce(part, axis=None) for part in parts))


def timed(function: object, *args: object) -> tuple[object, float, float]:
    """Result, seconds, and MiB of anonymous memory."""
    start = time.perf_counter()
    with AnonymousMemory() as memory:
        result = function(*args)
    return result, time.perf_counter() - start, memory.mib


def main() -> None:
    """Write, read, fit, predict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the file is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "X.float32"
        y = write(path, options.rows)
        X = np.memmap(path, np.float32, "r", shape=(options.rows, N_FEATURES))
        print(f"{options.rows:,} x {N_FEATURES} float32, {X.nbytes / 1e9:.2f} GB on disk")
        _, read_seconds, _ = timed(read, X)
        print(f"one read: {read_seconds:.1f} s, {X.nbytes / read_seconds / 1e9:.2f} GB/s")
        model, seconds, mib = timed(CountedPasses().fit, X, y)
        print(
            f"fit: {model.passes} passes, {seconds:.1f} s = {seconds / read_seconds:.1f} reads, "
            f"{mib:.0f} MiB of anonymous memory; stopped by {model.stop_reason_}"
        )
        _, seconds, mib = timed(model.predict, X)
        print(f"predict: {seconds:.1f} s, {mib:.0f} MiB of anonymous memory")


if __name__ == "__main__":
    main()
