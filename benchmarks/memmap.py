"""Fit rows in a file that is larger than what the fit may hold, and print what it took.

    python benchmarks/memmap.py
    python benchmarks/memmap.py --rows 1000000

Writes a file of float32 features, 6 GB by default, where --folder says, maps it to memory, fits,
and deletes it. Memory is anonymous memory: pages of the file that the system keeps in memory are
not counted, what the fit allocates is.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmark_utils.counted_passes import CountedPasses
from benchmark_utils.generated import N_STREAMED_FEATURES, streamed_rows
from benchmark_utils.measure import PeakMemory, timed

ROWS_AT_A_TIME = 1 << 18


def write(path: Path, n_rows: int) -> np.ndarray:
    """Write the features; return the labels, one byte each."""
    labels = []
    with path.open("wb") as file:
        for seed, start in enumerate(range(0, n_rows, ROWS_AT_A_TIME)):
            X, y = streamed_rows(seed, min(ROWS_AT_A_TIME, n_rows - start))
            X.astype(np.float32).tofile(file)
            labels.append(y)
    return np.concatenate(labels)


def read(X: np.ndarray) -> float:
    """Add all numbers, some rows at a time."""
    parts = (X[i : i + ROWS_AT_A_TIME] for i in range(0, len(X), ROWS_AT_A_TIME))
    return float(sum(np.add.reduce(part, axis=None) for part in parts))


def watched(function: Callable[..., Any], *args: object) -> tuple[Any, float, float]:
    """Result, seconds, and MiB of anonymous memory."""
    with PeakMemory(anonymous=True) as memory:
        result, seconds = timed(function, *args)
    return result, seconds, memory.mib


def main() -> None:
    """Write, read, fit, predict."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000_000)
    parser.add_argument("--folder", type=Path, default=None, help="where the file is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "X.float32"
        y = write(path, options.rows)
        X = np.memmap(path, np.float32, "r", shape=(options.rows, N_STREAMED_FEATURES))
        print(f"{X.shape[0]:,} x {X.shape[1]} float32, {X.nbytes / 1e9:.2f} GB on disk")
        _, read_seconds = timed(read, X)
        print(f"one read: {read_seconds:.1f} s, {X.nbytes / read_seconds / 1e9:.2f} GB/s")
        model, seconds, mib = watched(CountedPasses().fit, X, y)
        print(
            f"fit: {model.passes} passes, {seconds:.1f} s = "
            f"{seconds / read_seconds:.1f} reads, {mib:.0f} MiB of anonymous memory; "
            f"stopped by {model.stop_reason_}"
        )
        _, seconds, mib = watched(model.predict, X)
        print(f"predict: {seconds:.1f} s, {mib:.0f} MiB of anonymous memory")


if __name__ == "__main__":
    main()
