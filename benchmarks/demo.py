"""Compare `GDLogisticRegression` with scikit-learn's `LogisticRegression` on two data sets.

Run it with ``make demo`` or ``python benchmarks/demo.py``. It takes about a minute, prints a table
for each data set and draws how fast each solver comes down to the optimum.
"""

import argparse
import calendar
import os
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from bce_logistic import GDLogisticRegression, GDLogisticRegressionCV
from benchmark_utils import flights
from benchmark_utils.cross_entropy import CrossEntropy
from benchmark_utils.measure import timed

TOL = 1e-6
MAX_ITER = 10_000
COMPARED: Sequence[BaseEstimator] = (
    GDLogisticRegression(tol=TOL, max_iter=MAX_ITER),
    LogisticRegression(tol=TOL, max_iter=MAX_ITER),
)
FEWEST_FLIGHTS = 1000
"""A category with fewer flights is left out of the list of the largest coefficients."""

NUMERIC_IN_WORDS = {
    "distance": "distance {:.0f} miles longer",
    "temp": "{:.0f} °F warmer",
    "humid": "humidity {:.0f} % points higher",
    "wind_speed": "wind {:.0f} mph stronger",
    "wind_gust": "gusts {:.0f} mph stronger",
    "wind_east": "wind {:.0f} mph more from the east",
    "wind_north": "wind {:.0f} mph more from the north",
    "precip": "rain {:.2f} inches an hour heavier",
    "pressure": "air pressure {:.0f} hPa higher",
    "visib": "visibility {:.0f} miles farther",
}


@dataclass(frozen=True)
class Task:
    """A data set, the question asked of it, and how the answer is sought."""

    question: str
    X: Any
    y: Any
    preprocessing: BaseEstimator
    grid: np.ndarray
    n_folds: int
    n_search: int | None = None
    """The number of rows that C is chosen on; None: all rows that are fitted."""


@dataclass(frozen=True)
class Result:
    """What one estimator made of a task."""

    name: str
    pipeline: Any
    C: float
    objective: float
    log_loss: float
    accuracy: float
    roc_auc: float
    n_iter: int
    fit_seconds: float
    search_seconds: float

    @property
    def coef(self) -> np.ndarray:
        return self.pipeline[-1].coef_.ravel()


def breast_cancer_task() -> Task:
    data = load_breast_cancer(as_frame=True)
    return Task(
        question="Breast cancer: is a tumour benign?",
        X=data.data,
        y=data.target,
        preprocessing=StandardScaler(),
        grid=np.logspace(-3, 3, 7),
        n_folds=5,
    )


def flights_task() -> Task:
    X, y = flights.flights_frame()
    # Temperature and humidity already say what the dew point says.
    X = X.drop(columns="dewp")
    numeric = [name for name in flights.NUMERIC if name in X]
    return Task(
        question="Flights: does a flight from New York arrive more than "
        f"{flights.LATE_AFTER_MINUTES} minutes late?",
        X=X,
        y=y,
        preprocessing=ColumnTransformer(
            [
                ("numeric", StandardScaler(), numeric),
                ("categorical", OneHotEncoder(handle_unknown="ignore"), flights.CATEGORICAL),
            ],
            verbose_feature_names_out=False,
        ),
        grid=np.logspace(-3, 2, 6),
        n_folds=3,
        n_search=20_000,
    )


def run(task: Task, classifier: BaseEstimator) -> Result:
    """Choose C by cross-validation, fit all training rows with it, grade on the held-out rows."""
    X_fit, X_test, y_fit, y_test = split(task)
    X_search, y_search = rows_to_search(task)
    pipeline = make_pipeline(clone(task.preprocessing), clone(classifier))
    parameter = f"{pipeline.steps[-1][0]}__C"
    search = GridSearchCV(
        pipeline,
        {parameter: task.grid},
        scoring="neg_log_loss",
        cv=StratifiedKFold(task.n_folds, shuffle=True, random_state=0),
        refit=False,
    )
    _, search_seconds = timed(search.fit, X_search, y_search)

    # The preprocessing is the same for both: only the classifier is timed.
    pipeline.set_params(**search.best_params_)
    features = pipeline[:-1].fit_transform(X_fit)
    _, fit_seconds = timed(pipeline[-1].fit, features, y_fit)

    probability = pipeline.predict_proba(X_test)[:, 1]
    return Result(
        name=type(classifier).__name__,
        pipeline=pipeline,
        C=float(search.best_params_[parameter]),
        objective=objective(pipeline[-1], features, y_fit),
        log_loss=log_loss(y_test, probability),
        accuracy=accuracy_score(y_test, pipeline.predict(X_test)),
        roc_auc=roc_auc_score(y_test, probability),
        n_iter=int(np.max(pipeline[-1].n_iter_)),
        fit_seconds=fit_seconds,
        search_seconds=search_seconds,
    )


def split(task: Task) -> list[Any]:
    """Split the rows into three quarters to fit and one quarter to grade, stratified by label."""
    return train_test_split(task.X, task.y, test_size=0.25, stratify=task.y, random_state=0)


def rows_to_search(task: Task) -> tuple[Any, Any]:
    """The rows that C is chosen on: those to fit, or some of them."""
    X_fit, _, y_fit, _ = split(task)
    if task.n_search is None:
        return X_fit, y_fit
    X, _, y, _ = train_test_split(
        X_fit, y_fit, train_size=task.n_search, stratify=y_fit, random_state=0
    )
    return X, y


def compare_searches(task: Task, n_values: int = 10) -> None:
    """Choose among more values of C, in three ways, on rows that are preprocessed once."""
    X, y = rows_to_search(task)
    X = clone(task.preprocessing).fit_transform(X)
    Cs = np.geomspace(task.grid.min(), task.grid.max(), n_values)
    cv = StratifiedKFold(task.n_folds, shuffle=True, random_state=0)
    model = GDLogisticRegressionCV(Cs=Cs, cv=cv, tol=TOL, max_iter=MAX_ITER)
    _, seconds = timed(model.fit, X, y)
    rows = {
        "GDLogisticRegressionCV": [
            f"{model.C_:.4g}", f"{-model.scores_.mean(axis=0).max():.6f}", f"{seconds:.2f} s", ""
        ]
    }  # fmt: skip
    for classifier in COMPARED:
        search = GridSearchCV(classifier, {"C": Cs}, scoring="neg_log_loss", cv=cv)
        _, longer = timed(search.fit, X, y)
        rows[f"GridSearchCV({type(classifier).__name__})"] = [
            f"{search.best_params_['C']:.4g}",
            f"{-search.best_score_:.6f}",
            f"{longer:.2f} s",
            f"{longer / seconds:.0f} times",
        ]
    print(
        f"\nThe choice of C again, now among {n_values} values and with a fit of all these rows "
        "in the\nend. GDLogisticRegressionCV fits every fold and every C together:\n"
    )
    print_table(rows, ["chosen C", "log-loss", "time", "as long"])


def compare(task: Task) -> list[Result]:
    """Run both estimators on a task and print them side by side."""
    _, X_test, y_fit, y_test = split(task)
    results = [run(task, classifier) for classifier in COMPARED]
    n_features = results[0].coef.size

    heading(task.question)
    print(f"{len(y_fit):,} rows to fit and {len(y_test):,} rows held out, both drawn at random.")
    print(f"{X_test.shape[1]} columns make {n_features} features, scaled or one-hot encoded.")
    print(
        f"C is one of {len(task.grid)} values from {task.grid.min():g} to {task.grid.max():g}, "
        f"chosen by {task.n_folds}-fold cross-validation"
    )
    if task.n_search is None:
        print("on the rows to fit.")
    else:
        print(
            f"on {task.n_search:,} of the rows to fit, to keep the demo short; "
            "the final fit sees all of them."
        )
    print()

    rows = {
        "chosen C": [f"{r.C:.4g}" for r in results],
        "objective per row, fitted rows": [f"{r.objective:.8f}" for r in results],
        "log-loss, held-out rows": [f"{r.log_loss:.6f}" for r in results],
        "accuracy, held-out rows": [f"{r.accuracy:.4f}" for r in results],
        "ROC AUC, held-out rows": [f"{r.roc_auc:.4f}" for r in results],
        "iterations of the final fit": [f"{r.n_iter:,}" for r in results],
        "time of the final fit": [f"{r.fit_seconds:.3f} s" for r in results],
        "time of the search for C": [f"{r.search_seconds:.1f} s" for r in results],
    }
    print_table(rows, [r.name for r in results])

    ours, theirs = results
    majority = max(np.mean(y_test), 1 - np.mean(y_test))
    difference = np.max(np.abs(ours.coef - theirs.coef))
    print()
    print("Both minimise the same objective: cross-entropy and penalty. The lower one is nearer.")
    print(f"The more frequent answer alone has an accuracy of {majority:.4f}.")
    print(
        f"Largest difference between the coefficients: {difference:.1e} "
        f"(largest coefficient: {np.max(np.abs(theirs.coef)):.2g})."
    )
    if ours.C != theirs.C:
        print("The two searches chose a different C: the coefficients need not agree.")
    compare_searches(task)
    return results


def print_table(rows: Mapping[str, Sequence[str]], header: Sequence[str]) -> None:
    """Print rows of text under a header, the numbers aligned to the right."""
    widths = [
        max(len(text) for text in column) for column in zip(header, *rows.values(), strict=True)
    ]
    first = max(len(label) for label in rows)
    for label, cells in [("", header), *rows.items()]:
        aligned = "   ".join(f"{c:>{w}}" for c, w in zip(cells, widths, strict=True))
        print(f"  {label:<{first}}   {aligned}".rstrip())


def heading(text: str) -> None:
    print(f"\n\n{text}\n{'=' * len(text)}")


def print_reasons(result: Result, task: Task, n_shown: int = 10) -> None:
    """Print the largest coefficients of the flights in words."""
    preprocessing, classifier = result.pipeline[0], result.pipeline[-1]
    names = preprocessing.get_feature_names_out()
    scaler = preprocessing.named_transformers_["numeric"]
    spreads = dict(zip(scaler.get_feature_names_out(), scaler.scale_, strict=True))
    airlines, airports = flights.airline_names(), flights.airport_names()

    def in_words(name: str) -> str:
        if name in NUMERIC_IN_WORDS:
            return NUMERIC_IN_WORDS[name].format(spreads[name])
        column, level = name.split("_", 1)
        match column:
            case "carrier":
                return airlines[level]
            case "origin":
                return f"from {airports[level]} ({level})"
            case "dest":
                return f"to {airports.get(level, 'airport')} ({level})"
            case "month":
                return f"in {calendar.month_name[int(level)]}"
            case "weekday":
                return f"on a {level}"
            case _:
                return f"leaves between {level}:00 and {level}:59"

    X_fit = split(task)[0]
    frequent = {
        f"{column}_{level}"
        for column in flights.CATEGORICAL
        for level, count in X_fit[column].value_counts().items()
        if count >= FEWEST_FLIGHTS
    }
    coefficients = dict(zip(names, classifier.coef_.ravel(), strict=True))
    shown = {k: v for k, v in coefficients.items() if k in NUMERIC_IN_WORDS or k in frequent}
    ordered = sorted(shown, key=shown.__getitem__)

    def rows(chosen: Sequence[str]) -> dict[str, list[str]]:
        return {
            in_words(name): [f"{shown[name]:+.3f}", f"x {np.exp(shown[name]):.2f}"]
            for name in chosen
        }

    heading("What makes a flight late, says " + result.name)
    print("A coefficient is added to the log of the odds of being late: the odds are multiplied by")
    print("its exponential. A number counts against its mean, per standard deviation. A category")
    print(
        f"counts against the average one of its column (those with under {FEWEST_FLIGHTS:,} "
        "flights are not shown).\n"
    )
    later, earlier = rows(ordered[: -n_shown - 1 : -1]), rows(ordered[:n_shown])
    blank = {"": ["", ""]}
    print_table(later | blank | earlier, ["coefficient", "odds"])


def draw_loss_curves(path: Path, n_passes: int = 200) -> None:
    """Draw how each solver comes down to the optimum of the flights, pass by pass."""
    X, y = flights.flights_dense()
    common = {"C": 1.0, "tol": 0.0, "max_iter": n_passes}
    solvers: dict[str, tuple[str, dict[str, Any]]] = {
        'solver="gd": plain gradient descent': ("C7", {"solver": "gd"}),
        'solver="gd", momentum=0.9': ("C1", {"solver": "gd", "momentum": 0.9}),
        'solver="gd", nesterov=True': ("C2", {"solver": "gd", "nesterov": True}),
        'solver="preconditioned", the default': ("C0", {"tol": 1e-12}),
    }
    curves = {}
    with warnings.catch_warnings():
        # The textbook solvers are stopped on purpose before they arrive.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for label, (_, parameters) in solvers.items():
            model = GDLogisticRegression(**(common | parameters)).fit(X, y)
            curves[label] = np.asarray(model.loss_curve_)
    exact = LogisticRegression(C=1.0, solver="newton-cholesky", tol=1e-10).fit(X, y)
    optimum = min(objective(exact, X, y), *(curve.min() for curve in curves.values()))

    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    for label, curve in curves.items():
        # Below 1e-14 there is only rounding.
        gap = np.maximum(curve - optimum, 1e-14)
        marker = "o" if len(gap) < n_passes // 4 else None
        color = solvers[label][0]
        axes.semilogy(np.arange(len(gap)), gap, color=color, marker=marker, ms=4, label=label)
    axes.set(
        title=f"Down to the optimum: {X.shape[0]:,} flights, {X.shape[1]} features, C = 1",
        xlabel="passes over the data",
        ylabel="objective above the optimum (nats per flight)",
        xlim=(0, n_passes),
    )
    axes.grid(alpha=0.3)
    axes.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def objective(model: Any, X: Any, y: Any) -> float:
    """The penalised cross-entropy per row that both estimators minimise."""
    total = CrossEntropy(X, np.asarray(y, int), model.C)
    return total.value(model.coef_, model.intercept_) / len(y)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("demo_output"),
        metavar="DIR",
        help="folder of the figure (default: %(default)s)",
    )
    output = parser.parse_args(arguments).output

    start = time.perf_counter()
    print("The same logistic regression, fitted in two ways, side by side.")
    for classifier in COMPARED:
        print(f"  {classifier}")
    print(f"Times are those of this machine with {os.cpu_count()} cores.")
    compare(breast_cancer_task())
    task = flights_task()
    results = compare(task)
    print_reasons(results[0], task)
    figure = output / "loss_curve.png"
    draw_loss_curves(figure)
    print(f"\nThe figure {figure} shows how each solver comes down to the optimum.")
    print(f"All this took {time.perf_counter() - start:.0f} s.")


if __name__ == "__main__":
    main()
