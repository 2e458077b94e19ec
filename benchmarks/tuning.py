"""Choose C by cross-validation: GDLogisticRegressionCV, a grid search, and LogisticRegressionCV.

python benchmarks/tuning.py race        # time, 20 values of C and 5 folds
python benchmarks/tuning.py promise     # 200 random problems and splitters
python benchmarks/tuning.py loo         # approximate and exact leave-one-out
python benchmarks/tuning.py dask        # two worker processes
"""

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneOut,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
)
from sklearn.preprocessing import scale

from atlas.drawn import Draw
from atlas.generators import Data, gaussian, genes
from atlas.promise import KINDS
from bce_logistic import GDLogisticRegression, GDLogisticRegressionCV
from bce_logistic.solvers import many_models
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.generated import N_STREAMED_FEATURES, streamed_rows, zipf_text
from benchmark_utils.report import aligned

CS = np.logspace(-4, 4, 20)
SHUFFLED = StratifiedKFold(5, shuffle=True, random_state=0)
TIGHT = GDLogisticRegression(tol=1e-16, max_iter=20_000, n_jobs=1)
SCIKIT_LEARN = {
    "newton-cholesky": (1e-4, 1e-6),
    "lbfgs": (1e-4, 1e-6, 1e-8),
    "newton-cg": (1e-4, 1e-6),
}
"""Solvers and tolerances of LogisticRegressionCV, the loosest first."""
SECONDS = 100.0
"""A solver whose fits of one fold take longer is not tried at a smaller tolerance."""


def flights() -> Data:
    from benchmark_utils.flights import flights_dense

    return flights_dense()


def toy(load: Callable[..., Data]) -> Data:
    X, y = load(return_X_y=True)
    return scale(X), y


RACES: dict[str, tuple[Callable[[], Data], Any, tuple[str, ...]]] = {
    "flights, 327,346 x 57": (flights, SHUFFLED, ("newton-cholesky", "lbfgs")),
    "100,000 x 40": (
        partial(gaussian, 0, 100_000, 40, 0.5), SHUFFLED, ("newton-cholesky", "lbfgs")
    ),
    "100,000 x 200": (
        partial(gaussian, 0, 100_000, 200, 0.5), SHUFFLED, ("newton-cholesky", "lbfgs")
    ),
    "breast cancer, 569 x 30": (partial(toy, load_breast_cancer), SHUFFLED, tuple(SCIKIT_LEARN)),
    "2,000 x 20": (partial(gaussian, 0, 2000, 20, 0.3), SHUFFLED, tuple(SCIKIT_LEARN)),
    "200 x 2,000": (partial(gaussian, 0, 200, 2000, 0.3), SHUFFLED, ("lbfgs", "newton-cg")),
    "text, 60,000 x 50,000": (zipf_text, SHUFFLED, ("lbfgs", "newton-cg")),
    "digits, 1,797 x 64, 10 classes": (partial(toy, load_digits), SHUFFLED, tuple(SCIKIT_LEARN)),
    "digits sorted by class, unshuffled": (
        lambda: tuple(part[np.argsort(load_digits().target // 5, kind="stable")]
                      for part in toy(load_digits)),
        KFold(5),
        tuple(SCIKIT_LEARN),
    ),
}  # fmt: skip


def gap(X: Any, y: np.ndarray, C: float, model: Any, minimum: float) -> float:
    """How far a model is above the minimum of its objective, relative to it."""
    return CrossEntropy(X, y, C).value(*model) / minimum - 1


def minima(X: Any, y: np.ndarray, Cs: Iterable[float]) -> list[float]:
    """Minimum of the objective for each C, nearly."""
    found, model = [], clone(TIGHT).set_params(warm_start=True)
    for C in Cs:
        model.set_params(C=C).fit(X, y)
        found.append(CrossEntropy(X, y, C).value(model.coef_, model.intercept_))
    return found


def seconds(function: Callable[[], Any]) -> tuple[Any, float]:
    """Result, and seconds of the processor."""
    start = time.process_time()
    result = function()
    return result, time.process_time() - start


def race(only: str) -> None:
    """Time of all folds and of the last fit, of one thread; peers whose fits are within 1e-6."""
    header = (
        "data",
        "ours (s)",
        "largest gap",
        "grid search / ours",
        "LogisticRegressionCV / ours",
    )
    rows: list[tuple[str, ...]] = [header]
    for name, (load, splitter, solvers) in RACES.items():
        if only not in name:
            continue
        X, y = load()
        splits = [*splitter.split(np.zeros((len(y), 1)), y)]
        large = X.shape[0] * X.shape[1] > 1e6
        first, repeats = splits[: 1 if large else None], 1 if large else 3
        share = len(splits) / len(first)
        ours = GDLogisticRegressionCV(Cs=CS, cv=splits, tol=1e-6, n_jobs=1)
        peer = GDLogisticRegression(tol=1e-6, n_jobs=1)
        search = GridSearchCV(peer, {"C": CS}, cv=first, scoring="neg_log_loss", refit=False)
        clone(ours).fit(X, y)
        mine, of_search, of_refit = [], [], []
        for _ in range(repeats):
            model, spent = seconds(partial(clone(ours).fit, X, y))
            mine.append(spent)
            of_search.append(share * seconds(partial(clone(search).fit, X, y))[1])
            of_refit.append(seconds(partial(clone(peer).set_params(C=model.C_).fit, X, y))[1])
        best = min(mine)
        train = splits[0][0]
        lowest = minima(X[train], y[train], CS)
        paths = model.coefs_paths_[0, 0], model.intercepts_paths_[0, 0]
        largest = max(
            gap(X[train], y[train], C, at, low)
            for C, *at, low in zip(CS, *paths, lowest, strict=True)
        )
        theirs = list(_scikit_learn(X, y, first, share, solvers, lowest, min(of_refit)))
        fastest = min(theirs, default=(np.inf, "none within 1e-6"))
        rows.append(
            (
                name,
                f"{best:.3g}",
                f"{largest:.1e}",
                f"{(min(of_search) + min(of_refit)) / best:.1f}",
                f"{fastest[0] / best:.1f} ({fastest[1]})",
            )
        )
        print(rows[-1], flush=True)
    print(f"\n{aligned(rows, [False, *[True] * 3, False])}")


def _scikit_learn(
    X: Any,
    y: np.ndarray,
    splits: list,
    share: float,
    solvers: Iterable[str],
    lowest: list[float],
    refit: float,
) -> Iterator[tuple[float, str]]:
    """Seconds of each solver at its loosest tolerance that gets every C within 1e-6."""
    train = splits[0][0]
    for solver in solvers:
        for tol in SCIKIT_LEARN[solver]:
            model = LogisticRegressionCV(
                Cs=CS, cv=splits, solver=solver, tol=tol, max_iter=10_000, refit=False,
                l1_ratios=(0.0,), scoring="neg_log_loss", use_legacy_attributes=False,
            )  # fmt: skip
            fitted, spent = seconds(partial(model.fit, X, y))
            paths = fitted.coefs_paths_[0, 0]
            largest = max(
                gap(X[train], y[train], C, (w[:, :-1], w[:, -1]), low)
                for C, w, low in zip(CS, paths, lowest, strict=True)
            )
            print(f"  {solver} {tol:g}: {share * spent:.3g} s, gap {largest:.1e}", flush=True)
            if largest <= 1e-6:
                yield share * spent + refit, f"{solver}, tol={tol:g}"
                break
            if spent > SECONDS:
                break


SPLITTERS: dict[str, Callable[[int], Any]] = {
    "stratified, shuffled": lambda seed: StratifiedKFold(5, shuffle=True, random_state=seed),
    "stratified, in order": lambda seed: StratifiedKFold(4),
    "shuffled": lambda seed: KFold(3, shuffle=True, random_state=seed),
    "repeated": lambda seed: RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=seed),
    "drawn": lambda seed: ShuffleSplit(4, test_size=0.3, random_state=seed),
    "groups": lambda seed: GroupKFold(3),
}


def promise(n_problems: int, seed: int, tol: float | str) -> int:
    """Compare every C and fold with a fit of its own; return how many problems are bad."""
    bad, worst_gap, worst_score, n_models, other_choice = 0, 0.0, 0.0, 0, 0
    for number in range(n_problems):
        draw = Draw(seed, number)
        kind, splitter = (str(draw.rng.choice(list(names))) for names in (KINDS, SPLITTERS))
        n, p, classes = (
            draw.between(100, 3000),
            draw.between(5, 200),
            int(draw.rng.choice([2, 2, 3])),
        )
        X, y = KINDS[kind](draw, n, p, classes)(seed=int(draw.rng.integers(2**31)))
        Cs = np.sort(10 ** draw.rng.uniform(-4, 4, 4))
        groups = np.arange(len(y)) % 7
        # In half of them, "many rows" begin earlier, so that this way is tried, too.
        many_models.MIN_TALL_SIZE = (number % 2) * 2_000_000
        try:
            splits = [*SPLITTERS[splitter](number).split(X, y, groups)]
            model = GDLogisticRegressionCV(Cs=Cs, cv=splits, tol=tol, n_jobs=1).fit(X, y)
        except ValueError as error:  # folds without a class, mostly
            print(f"number {number}: {kind}, {splitter}: refused: {error}", flush=True)
            continue
        gaps, scores = np.empty((len(splits), 4)), np.empty((len(splits), 4))
        for f, (train, test) in enumerate(splits):
            for k, C in enumerate(Cs):
                alone = clone(TIGHT).set_params(C=C).fit(X[train], y[train])
                low = CrossEntropy(X[train], y[train], C).value(alone.coef_, alone.intercept_)
                at = model.coefs_paths_[f, 0, k], model.intercepts_paths_[f, 0, k]
                gaps[f, k] = gap(X[train], y[train], C, at, low)
                own = alone.predict_proba(X[test])[np.arange(len(test)), y[test]]
                eps = np.finfo(float).eps
                scores[f, k] = np.log(np.clip(own, eps, 1 - eps)).mean()
        error = np.abs(model.scores_[:, 0] - scores) / np.maximum(1, np.abs(scores))
        same = Cs[scores.mean(axis=0).argmax()] == model.C_
        n_models += gaps.size
        worst_gap, worst_score = max(worst_gap, gaps.max()), max(worst_score, error.max())
        other_choice += not same
        if gaps.max() > 1e-6 or error.max() > 1e-6 or not same:
            bad += 1
            print(
                f"number {number}: {kind}, {X.shape[0]} x {X.shape[1]}, {classes} classes, "
                f"{splitter}: gap {gaps.max():.2g}, scores {error.max():.2g}, same choice {same}",
                flush=True,
            )
    print(
        f"{n_problems} problems, {n_models} models: largest gap {worst_gap:.2g}, largest "
        f"difference of a score {worst_score:.2g}, other choices {other_choice}, bad {bad}"
    )
    return bad


LEFT_OUT: dict[str, Callable[[], Data]] = {
    "iris, 150 x 4, 3 classes": partial(toy, load_iris),
    "wine, 178 x 13, 3 classes": partial(toy, load_wine),
    "breast cancer, 569 x 30": partial(toy, load_breast_cancer),
    "gaussian, 200 x 10": partial(gaussian, 0, 200, 10, 0.3),
    "gaussian, 100 x 60": partial(gaussian, 1, 100, 60, 0.5),
    "genes, 80 x 2,000": partial(genes, 0, 80, 2000),
}


def leave_one_out() -> None:
    """Approximate and exact leave-one-out: mean log-losses, the C chosen, the time."""
    rows: list[tuple[str, ...]] = [
        (
            "data",
            "C, approximate",
            "C, exact",
            "difference there",
            "largest difference",
            "time ratio",
        )
    ]
    for name, load in LEFT_OUT.items():
        X, y = load()
        Cs = np.logspace(-4, 2, 13)
        near, spent = seconds(partial(GDLogisticRegressionCV(Cs=Cs, cv="loo", n_jobs=1).fit, X, y))
        exact, longer = seconds(
            partial(GDLogisticRegressionCV(Cs=Cs, cv=LeaveOneOut(), n_jobs=1).fit, X, y)
        )
        difference = np.abs(near.scores_.mean(axis=0) - exact.scores_.mean(axis=0))[0]
        at = int(np.argmax(Cs == exact.C_))
        rows.append(
            (
                name,
                f"{near.C_:.2g}",
                f"{exact.C_:.2g}",
                f"{difference[at]:.1e}",
                f"{difference.max():.1e} at C={Cs[difference.argmax()]:.2g}",
                f"{longer / spent:.0f}",
            )
        )
        print(rows[-1], flush=True)
    print(f"\n{aligned(rows, [False, *[True] * 5])}")


def dask_cluster(n_rows: int) -> None:
    """Tune on a cluster of two processes: passes and time, and the time of one fit."""
    import dask.array
    from distributed import Client, LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1) as cluster, Client(cluster):
        n_chunks = 20
        parts = [streamed_rows(seed, n_rows // n_chunks) for seed in range(n_chunks)]
        X = dask.array.concatenate([dask.array.from_array(X, chunks=-1) for X, _ in parts])
        y = dask.array.concatenate([dask.array.from_array(y, chunks=-1) for _, y in parts])
        X, y = X.persist(), y.persist()
        del parts
        cv = KFold(5, shuffle=True, random_state=0)
        model = GDLogisticRegressionCV(Cs=np.logspace(-4, 4, 10), cv=cv, tol=1e-6)
        start = time.perf_counter()
        model.fit(X, y)
        tuned = time.perf_counter() - start
        start = time.perf_counter()
        GDLogisticRegression(C=model.C_, tol=1e-6).fit(X, y)
        once = time.perf_counter() - start
        print(
            f"{n_rows:,} x {N_STREAMED_FEATURES}, 10 C x 5 folds on two processes: {tuned:.1f} s; "
            f"one fit {once:.1f} s, so 51 of them {51 * once:.0f} s: {51 * once / tuned:.0f} times"
        )


def main() -> None:
    """Run one of the comparisons."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["race", "promise", "loo", "dask"])
    parser.add_argument("--only", default="", help="race: data whose name contains this")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument(
        "--tol", type=lambda tol: tol if tol == "auto" else float(tol), default="auto"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rows", type=int, default=5_000_000)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if options.what == "race":
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
        race(options.only)
    elif options.what == "promise":
        raise SystemExit(promise(options.problems, options.seed, options.tol) > 0)
    elif options.what == "loo":
        leave_one_out()
    else:
        dask_cluster(options.rows)


if __name__ == "__main__":
    main()
