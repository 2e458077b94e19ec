"""Run other tools with GDLogisticRegression where LogisticRegression stood, and compare.

    python benchmarks/ecosystem.py
    python benchmarks/ecosystem.py fairlearn shap

Each tool does the same work twice, once with either class, both fitted to the last digits. The
number in the table is the largest difference between the results. A tool that is not installed is
left out; several of them need environments of their own.
"""

from __future__ import annotations

import argparse
import tempfile
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from bce_logistic import GDLogisticRegression

TRUSTED = ["bce_logistic.estimators.logistic_regression.GDLogisticRegression"]  # by skops
Make = Callable[..., ClassifierMixin]
TOOLS: dict[str, tuple[str, Callable[[Make], Any]]] = {}


def scikit_learn(**params: Any) -> ClassifierMixin:
    """LogisticRegression, to the last digits."""
    return LogisticRegression(solver="newton-cholesky", tol=1e-12, max_iter=1000, **params)


def ours(**params: Any) -> ClassifierMixin:
    """The estimator that takes its place."""
    return GDLogisticRegression(tol=1e-14, **params)


def tool(package: str, work: str) -> Callable:
    """Register the work of a package."""

    def register(function: Callable[[Make], Any]) -> Callable[[Make], Any]:
        TOOLS[package] = (work, function)
        return function

    return register


def cancer(n_features: int = 8) -> tuple[np.ndarray, np.ndarray]:
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X[:, :n_features]), y


def people(n_samples: int = 600) -> tuple[pd.DataFrame, pd.Series]:
    """A table with a category, a group and missing numbers."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "age": rng.normal(45, 12, n_samples),
            "income": rng.lognormal(10, 0.5, n_samples),
            "city": rng.choice(["Bonn", "Graz", "Lyon", "Turin"], n_samples),
            "sex": rng.choice(["f", "m"], n_samples),
        }
    )
    score = 0.05 * (X["age"] - 45) + (X["city"] == "Graz") - 0.5 * (X["sex"] == "f")
    return X, (score + rng.logistic(size=n_samples) > 0).astype(int)


@tool("imbalanced-learn", "`SMOTE` in a pipeline; `BalancedBaggingClassifier`")
def imbalanced_learn(make: Make) -> Any:
    from imblearn.ensemble import BalancedBaggingClassifier
    from imblearn.over_sampling import SMOTE
    from imblearn.pipeline import make_pipeline

    X, y = cancer()
    X, y = X[y == 1].tolist() + X[y == 0][:40].tolist(), [1] * (y == 1).sum() + [0] * 40
    pipeline = make_pipeline(SMOTE(random_state=0), make()).fit(X, y)
    bagging = BalancedBaggingClassifier(make(), n_estimators=5, random_state=0).fit(X, y)
    return pipeline.predict_proba(X), bagging.predict_proba(X)


@tool("MAPIE", "`SplitConformalClassifier`, `CrossConformalClassifier`")
def mapie(make: Make) -> Any:
    from mapie.classification import CrossConformalClassifier, SplitConformalClassifier

    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))
    X, y = X[order], y[order]
    split = SplitConformalClassifier(make().fit(X[:70], y[:70]), confidence_level=0.9)
    split.conformalize(X[70:110], y[70:110])
    cross = CrossConformalClassifier(make(), confidence_level=0.9, random_state=0)
    cross.fit_conformalize(X[:110], y[:110])
    return [model.predict_set(X[110:])[1].astype(float) for model in (split, cross)]


@tool("fairlearn", "`ExponentiatedGradient`, `ThresholdOptimizer`")
def fairlearn(make: Make) -> Any:
    from fairlearn.postprocessing import ThresholdOptimizer
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient

    X, y = people()
    group, X = X["sex"], scale(pd.get_dummies(X, dtype=float))
    reduction = ExponentiatedGradient(make(), DemographicParity(), max_iter=10)
    reduction.fit(X, y, sensitive_features=group)
    thresholds = ThresholdOptimizer(estimator=make(), predict_method="predict_proba")
    thresholds.fit(X, y, sensitive_features=group)
    labels = thresholds.predict(X, sensitive_features=group, random_state=0)
    return reduction._pmf_predict(X), np.asarray(labels, dtype=float)


@tool("optuna", "a study of `C`")
def optuna(make: Make) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    X, y = cancer()

    def objective(trial: optuna.Trial) -> float:
        model = make(C=trial.suggest_float("C", 1e-3, 1e3, log=True))
        return cross_val_score(model, X, y, scoring="neg_log_loss", cv=3).mean()

    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
    study.optimize(objective, n_trials=15)
    return [trial.value for trial in study.trials]


@tool("skore", "`EstimatorReport`, `CrossValidationReport`")
def skore(make: Make) -> Any:
    from skore import CrossValidationReport, EstimatorReport

    X, y = cancer()
    report = EstimatorReport(
        make(), X_train=X[:400], y_train=y[:400], X_test=X[400:], y_test=y[400:], pos_label=1
    )
    cross = CrossValidationReport(make(), X, y, splitter=3, pos_label=1)
    coefficients = report.inspection.coefficients().frame()
    return [
        report.metrics.log_loss(),
        report.metrics.roc_auc(),
        coefficients.select_dtypes("number").to_numpy(),
        cross.metrics.log_loss().to_numpy(dtype=float),
    ]


@tool("mlflow", "`log_model` and `load_model`; `autolog` of a search")
def mlflow(make: Make) -> Any:
    import mlflow
    from sklearn.model_selection import GridSearchCV

    X, y = cancer()
    with tempfile.TemporaryDirectory() as folder:
        mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
        mlflow.create_experiment("race", artifact_location=f"{folder}/artifacts")
        mlflow.set_experiment("race")
        with mlflow.start_run():
            logged = mlflow.sklearn.log_model(
                make().fit(X, y), name="model", skops_trusted_types=TRUSTED
            )
        loaded = mlflow.pyfunc.load_model(logged.model_uri).predict(X)
        again = mlflow.sklearn.load_model(logged.model_uri).predict_proba(X)
        mlflow.sklearn.autolog()
        with mlflow.start_run() as run:
            GridSearchCV(make(), {"C": [0.1, 1.0]}, scoring="neg_log_loss", cv=3).fit(X, y)
        metrics = mlflow.get_run(run.info.run_id).data.metrics
    return [loaded.astype(float), again, metrics["best_cv_score"], metrics["training_log_loss"]]


@tool("shap", "`LinearExplainer`, `Explainer` of probabilities")
def shap(make: Make) -> Any:
    import shap

    X, y = cancer()
    model = make().fit(X, y)
    linear = shap.LinearExplainer(model, shap.maskers.Independent(X, max_samples=100))(X)
    of_probabilities = shap.Explainer(model.predict_proba, X[:50], seed=0)(X[:20], silent=True)
    return linear.values, of_probabilities.values


@tool("skl2onnx", "a registered converter, and ONNX Runtime")
def skl2onnx(make: Make) -> Any:
    import onnxruntime
    import skl2onnx
    from skl2onnx.operator_converters.linear_classifier import (
        convert_sklearn_linear_classifier,
    )
    from skl2onnx.shape_calculators.linear_classifier import (
        calculate_linear_classifier_output_shapes,
    )

    def convert(scope: Any, operator: Any, container: Any) -> None:
        operator.raw_operator = operator.raw_operator.to_sklearn()
        convert_sklearn_linear_classifier(scope, operator, container)

    skl2onnx.update_registered_converter(
        GDLogisticRegression,
        "GDLogisticRegression",
        calculate_linear_classifier_output_shapes,
        convert,
        options={
            "zipmap": [True, False, "columns"],
            "nocl": [True, False],
            "output_class_labels": [True, False],
            "raw_scores": [True, False],
        },
    )
    results = []
    for X, y in (cancer(), load_iris(return_X_y=True)):
        pipeline = make_pipeline(StandardScaler(), make()).fit(X, y)
        exported = skl2onnx.to_onnx(pipeline, X[:1], options={"zipmap": False})
        session = onnxruntime.InferenceSession(exported.SerializeToString())
        labels, probabilities = session.run(None, {"X": X})
        results += [labels.astype(float), probabilities]
    return results


@tool("dask-ml", "`GridSearchCV`, `ParallelPostFit`")
def dask_ml(make: Make) -> Any:
    import dask.array as da
    from dask_ml.model_selection import GridSearchCV
    from dask_ml.wrappers import ParallelPostFit

    X, y = cancer()
    search = GridSearchCV(make(), {"C": [0.1, 1.0, 10.0]}, scoring="neg_log_loss", cv=3)
    search.fit(X, y)
    wrapped = ParallelPostFit(make().fit(X, y))
    lazy = wrapped.predict_proba(da.from_array(X, chunks=(100, X.shape[1])))
    return search.cv_results_["mean_test_score"], lazy.compute()


@tool("category_encoders", "`TargetEncoder`, `WOEEncoder` in a pipeline")
def category_encoders(make: Make) -> Any:
    from category_encoders import TargetEncoder, WOEEncoder

    X, y = people()
    return [
        make_pipeline(encoder, StandardScaler(), make()).fit(X, y).predict_proba(X)
        for encoder in (TargetEncoder(), WOEEncoder())
    ]


@tool("feature-engine", "`RecursiveFeatureElimination`, an encoder in a pipeline")
def feature_engine(make: Make) -> Any:
    from feature_engine.encoding import OneHotEncoder
    from feature_engine.selection import RecursiveFeatureElimination

    X, y = people()
    encoded = make_pipeline(OneHotEncoder(drop_last=True), StandardScaler(), make()).fit(X, y)
    numbers = pd.DataFrame(cancer()[0]).add_prefix("x")
    selection = RecursiveFeatureElimination(make(), cv=3, threshold=0.001)
    selection.fit(numbers, pd.Series(cancer()[1]))
    kept = numbers.columns.isin(selection.get_feature_names_out()).astype(float)
    return encoded.predict_proba(X), kept, list(selection.performance_drifts_.values())


@tool("model-diagnostics", "`compute_bias`, `decompose` of its predictions")
def model_diagnostics(make: Make) -> Any:
    from model_diagnostics.calibration import compute_bias
    from model_diagnostics.scoring import LogLoss, decompose

    X, y = cancer()
    predicted = make().fit(X, y).predict_proba(X)[:, 1]
    bias = compute_bias(y_obs=y, y_pred=predicted, feature=X[:, 0])
    parts = decompose(y_obs=y, y_pred=predicted, scoring_function=LogLoss())
    return bias["bias_mean"].to_numpy(), parts.select(parts.columns[-4:]).to_numpy().astype(float)


@tool("cleanlab", "`CleanLearning` and the label issues that it finds")
def cleanlab(make: Make) -> Any:
    from cleanlab.classification import CleanLearning

    X, y = load_iris(return_X_y=True)
    y = y.copy()
    y[::17] = (y[::17] + 1) % 3
    learner = CleanLearning(make(), seed=0, cv_n_folds=3).fit(X, y)
    issues = learner.get_label_issues()
    return learner.predict_proba(X), issues.drop(columns="given_label").to_numpy(dtype=float)


@tool("econml", "`LinearDRLearner` with it for the propensity")
def econml(make: Make) -> Any:
    from econml.dr import LinearDRLearner
    from sklearn.linear_model import LinearRegression

    X, treated, outcome = trial()
    learner = LinearDRLearner(
        model_propensity=make(), model_regression=LinearRegression(), cv=3, random_state=0
    )
    learner.fit(outcome, treated, X=X)
    return learner.effect(X), np.ravel(learner.effect_interval(X))


@tool("DoubleML", "`DoubleMLIRM` with it for the propensity")
def double_ml(make: Make) -> Any:
    import doubleml
    from sklearn.linear_model import LinearRegression

    X, treated, outcome = trial()
    data = doubleml.DoubleMLData.from_arrays(X, outcome, treated)
    np.random.seed(0)  # noqa: NPY002 - DoubleML draws its folds from it
    model = doubleml.DoubleMLIRM(data, LinearRegression(), make(), n_folds=3).fit()
    return model.coef, model.se


@tool("scikit-lego", "`Thresholder`, `GroupedClassifier`, `ZeroInflatedRegressor`")
def scikit_lego(make: Make) -> Any:
    from sklearn.linear_model import LinearRegression
    from sklego.meta import GroupedClassifier, Thresholder, ZeroInflatedRegressor

    X, y = cancer()
    thresholder = Thresholder(make(), threshold=0.3).fit(X, y)
    table = pd.DataFrame(X).add_prefix("x").assign(group=np.arange(len(y)) % 2)
    grouped = GroupedClassifier(make(), groups=["group"]).fit(table, y)
    inflated = ZeroInflatedRegressor(make(), LinearRegression()).fit(X, y * (2 + X[:, 0]))
    return (
        thresholder.predict(X).astype(float),
        grouped.predict_proba(table),
        inflated.predict(X),
    )


def trial(n_samples: int = 500) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Covariates, a treatment that depends on them, and an outcome."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n_samples, 4))
    treated = (X[:, 0] + rng.logistic(size=n_samples) > 0).astype(int)
    return X, treated, treated * (1 + X[:, 1]) + X @ rng.normal(size=4) + rng.normal(size=n_samples)


def largest_difference(found: Any, expected: Any) -> float:
    """Largest absolute difference of numbers, or of lists of them."""
    if isinstance(found, (list, tuple)):
        pairs = zip(found, expected, strict=True)
        return max(largest_difference(*pair) for pair in pairs)
    return float(np.max(np.abs(np.asarray(found, float) - np.asarray(expected, float))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tools", nargs="*", choices=[[], *TOOLS])
    for package in parser.parse_args().tools or TOOLS:
        work, run = TOOLS[package]
        try:
            installed = version(package)
        except PackageNotFoundError:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            difference = largest_difference(run(ours), run(scikit_learn))
        print(f"| {package} {installed} | {work} | {difference:.0e} |", flush=True)


if __name__ == "__main__":
    main()
