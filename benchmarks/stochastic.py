"""Mini-batches against SGDClassifier, and a stream that no memory holds.

    python benchmarks/stochastic.py            flights: a few epochs of both, over ten seeds
    python benchmarks/stochastic.py --epochs   time of an epoch by the size of a batch
    python benchmarks/stochastic.py --stream   20,000,000 generated rows, never held at once

Times are medians; the competitors take turns. The machine should have nothing else to do.
"""

import argparse
import warnings
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression
from benchmark_utils.flights import flights_dense, flights_one_hot
from benchmark_utils.measure import PeakMemory, timed

SEEDS = range(10)
EPOCHS = (1, 3, 5)
BATCH_SIZES = (1, 32, 256, 4096)


def flights() -> tuple[np.ndarray, ...]:
    """Standardised flights: 80 % to learn from, the rest held out."""
    X, y = flights_dense()
    X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.2, random_state=0)
    scaler = StandardScaler().fit(X_train)
    return scaler.transform(X_train), scaler.transform(X_test), y_train, y_test


def ours(
    n_samples: int, epochs: int, seed: int, learning_rate: float, batch_size: int = 256
) -> GDLogisticRegression:
    """Steps of constant size; the last third of the iterates is averaged."""
    updates = epochs * -(-n_samples // batch_size)
    return GDLogisticRegression(
        batch_size=batch_size,
        learning_rate=learning_rate,
        average=2 * updates // 3,
        max_iter=epochs,
        tol=0.0,
        random_state=seed,
    )


def theirs(n_samples: int, epochs: int, seed: int, **schedule: Any) -> SGDClassifier:
    """The same penalty (alpha = 1 / (C n)), and the same third averaged."""
    return SGDClassifier(
        loss="log_loss",
        alpha=1 / n_samples,
        average=2 * epochs * n_samples // 3,
        max_iter=epochs,
        tol=None,
        random_state=seed,
        **schedule,
    )


def best_settings(data: tuple[np.ndarray, ...]) -> tuple[float, dict[str, Any]]:
    """The step of ours and the schedule of theirs with the least held-out loss in three epochs."""
    X, X_test, y, y_test = data
    schedules: list[dict[str, Any]] = [{}]
    for rate in (0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03):
        schedules.append({"learning_rate": "constant", "eta0": rate})
        schedules.append({"learning_rate": "invscaling", "eta0": 30 * rate, "power_t": 0.25})

    def loss(model: Any) -> float:
        return log_loss(y_test, model.fit(X, y).predict_proba(X_test))

    rate = min((0.1, 0.3, 0.5, 1.0), key=lambda rate: loss(ours(len(y), 3, 0, rate)))
    return rate, min(schedules, key=lambda schedule: loss(theirs(len(y), 3, 0, **schedule)))


def race() -> None:
    data = X, X_test, y, y_test = flights()
    optimum = GDLogisticRegression(tol=1e-10).fit(X, y)
    least = log_loss(y_test, optimum.predict_proba(X_test))
    rate, schedule = best_settings(data)
    print(f"{len(y):,} x {X.shape[1]} to learn from; held-out loss of the optimum {least:.6f} nats")
    print(f"ours with the best of 4 steps: learning_rate={rate}, batch_size=256")
    print(f"SGDClassifier with the best of 13 schedules: {schedule or 'its default'}")
    print("| epochs | estimator | s an epoch | loss above the optimum's, % | spread, % |")
    print("|---:|---|---:|---:|---:|")
    for epochs in EPOCHS:
        seconds: dict[str, list[float]] = {"GDLogisticRegression": [], "SGDClassifier": []}
        excess: dict[str, list[float]] = {name: [] for name in seconds}
        for seed in SEEDS:
            for name, model in (
                ("GDLogisticRegression", ours(len(y), epochs, seed, rate)),
                ("SGDClassifier", theirs(len(y), epochs, seed, **schedule)),
            ):
                seconds[name].append(timed(model.fit, X, y)[1])
                loss = log_loss(y_test, model.predict_proba(X_test))
                excess[name].append(100 * (loss / least - 1))
        for name in seconds:
            print(
                f"| {epochs} | {name} | {median(seconds[name]) / epochs:.3f} "
                f"| {median(excess[name]):.4f} | {np.ptp(excess[name]):.4f} |"
            )


def epochs_a_second() -> None:
    X, _, y, _ = flights()
    X_sparse, y_sparse = flights_one_hot()
    print("| batch size | dense flights, s an epoch | one-hot flights, s an epoch |")
    print("|---:|---:|---:|")
    for batch_size in BATCH_SIZES:
        cells = []
        for features, labels in ((X, y), (X_sparse, y_sparse)):
            runs = []
            for _ in range(1 if batch_size == 1 else 3):
                model = ours(len(labels), 1, 0, 1e-3, batch_size)
                runs.append(timed(model.fit, features, labels)[1])
            cells.append(f"{median(runs):.3f}")
        print(f"| {batch_size} | {' | '.join(cells)} |")
    for name, (features, labels) in {"dense": (X, y), "one-hot": (X_sparse, y_sparse)}.items():
        peer = theirs(len(labels), 1, 0, learning_rate="constant", eta0=1e-3)
        print(f"SGDClassifier, {name}: {timed(peer.fit, features, labels)[1]:.3f} s an epoch")


def stream(n_samples: int, batch: int = 10_000, n_features: int = 30) -> Iterator[tuple]:
    """Batches of a logistic model with correlated features, one after the other."""
    rng = np.random.default_rng(0)
    w = rng.normal(size=n_features) / 3
    for _ in range(n_samples // batch):
        X = rng.normal(size=(batch, n_features))
        X[:, 1:] += 0.5 * X[:, :-1]
        yield X, (X @ w + rng.logistic(size=batch) > 0).astype(int), w


def learn_stream(n_samples: int) -> None:
    model = GDLogisticRegression(batch_size=500, learning_rate=0.3, average=1000)
    first, seconds = 0.0, 0.0
    with PeakMemory() as memory:
        for k, (X, y, _) in enumerate(stream(n_samples)):
            seconds += timed(model.partial_fit, X, y, classes=[0, 1])[1]
            first = memory.most if k == 10 else first
    _, _, w = next(stream(10_000))
    error = np.linalg.norm(model.coef_ - w) / np.linalg.norm(w)
    print(
        f"{n_samples:,} rows x {len(w)} in {model.n_iter_[0]:,} calls, {seconds:.1f} s of learning"
    )
    print(
        f"memory of the process: {memory.most / 2**20:.0f} MiB at most, "
        f"{first / 2**20:.0f} MiB after 10"
    )
    print(f"relative distance of the coefficients from those of the model: {error:.2e}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", action="store_true", help="time of an epoch by batch size")
    parser.add_argument("--stream", action="store_true", help="learn a stream")
    parser.add_argument("--rows", type=int, default=20_000_000, help="rows of the stream")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    if arguments.stream:
        learn_stream(arguments.rows)
    elif arguments.epochs:
        epochs_a_second()
    else:
        race()
