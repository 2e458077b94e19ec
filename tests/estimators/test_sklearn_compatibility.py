"""Everything of scikit-learn that a classifier meets."""

from __future__ import annotations

import copy
import pickle

import joblib
import numpy as np
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from packaging.version import Version
from sklearn.base import clone, is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import check_class_weight_classifiers, parametrize_with_checks
from sklearn.utils.metadata_routing import get_routing_for_object

from bce_logistic import GDLogisticRegression

from ..common import CHECKED, every_solver, needs_scikit_learn, problem, weights


def expected_failures(estimator):
    """Checks that do not hold, and why."""
    failures = {}
    if estimator.batch_size is not None or estimator.early_stopping:
        reason = "Which rows share a batch, or are held out, depends on how often a row is there."
        failures["check_sample_weight_equivalence_on_dense_data"] = reason
        failures["check_sample_weight_equivalence_on_sparse_data"] = reason
    if estimator.early_stopping:
        reason = "partial_fit refuses early stopping."
        failures["check_estimators_partial_fit_n_features"] = reason
        failures["check_n_features_in_after_fitting"] = reason
        failures["check_fit_score_takes_y"] = reason
    return failures


# The checks fit data without asking how hard they are: not every fit converges, some have more
# columns than rows and no penalty, and some leave a class without weight.
@pytest.mark.filterwarnings("ignore:The classes .* have no weight:UserWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::bce_logistic.CollinearityWarning")
@parametrize_with_checks(
    [GDLogisticRegression(**params) for params in CHECKED],
    expected_failed_checks=expected_failures,
)
def test_checks_of_scikit_learn(estimator, check):
    if not estimator.fit_intercept and check.func is check_class_weight_classifiers:
        # Weights of 1e7 to one make no class win at the origin.
        pytest.skip("Without an intercept no linear model passes, LogisticRegression neither.")
    check(estimator)


def twins(solver, **params):
    """The estimator, and scikit-learn's that it is to agree with."""
    ours = GDLogisticRegression(**{**solver, "max_iter": 100_000}, **params)
    return ours, LogisticRegression(tol=1e-8, max_iter=10_000, **params)


def iris():
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def test_what_it_is():
    model = GDLogisticRegression()
    tags = get_tags(model)
    assert is_classifier(model)
    assert tags.input_tags.sparse
    assert tags.classifier_tags.multi_class
    assert not tags.input_tags.allow_nan
    assert tags.target_tags.required
    assert tags.array_api_support == (Version(scipy.__version__) >= Version("1.14"))
    assert not get_tags(GDLogisticRegression(batch_size=8)).array_api_support
    assert not get_tags(GDLogisticRegression(early_stopping=True)).array_api_support


@every_solver
def test_clone(solver):
    X, y = problem()
    model = GDLogisticRegression(**solver, C=3.0, class_weight={0: 1.0, 1: 2.0}).fit(X, y)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not hasattr(copied, "coef_")
    assert_array_equal(copied.fit(X, y).coef_, model.coef_)


@every_solver
@pytest.mark.parametrize(
    "copied",
    [lambda model: pickle.loads(pickle.dumps(model)), copy.deepcopy],
    ids=["pickle", "deepcopy"],
)
def test_copies_predict_and_go_on(solver, copied):
    X, y = problem()
    params = {**solver, "max_iter": 10, "tol": 0.0, "warm_start": True}
    model = GDLogisticRegression(**params).fit(X, y)
    other = copied(model)
    assert_array_equal(other.predict_proba(X), model.predict_proba(X))
    other.fit(X, y)
    assert not np.array_equal(other.coef_, model.coef_)
    assert_array_equal(other.coef_, model.fit(X, y).coef_)


@every_solver
def test_in_a_pipeline(solver):
    X, y = problem()
    ours, theirs = (make_pipeline(StandardScaler(), model).fit(X, y) for model in twins(solver))
    assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-5)
    assert_allclose(ours.score(X, y), theirs.score(X, y), rtol=1e-15)


def table():
    """A data frame with numbers and categories, and labels."""
    pandas = pytest.importorskip("pandas")
    X, y = problem(n_features=3)
    frame = pandas.DataFrame(X, columns=["a", "b", "c"])
    frame["colour"] = np.array(["red", "green", "blue"])[np.arange(len(y)) % 3]
    return frame, pandas.Series(np.where(y, "yes", "no"))


@every_solver
@pytest.mark.parametrize("sparse_threshold", [0.0, 1.0], ids=["dense", "sparse"])
def test_behind_a_column_transformer(solver, sparse_threshold):
    frame, y = table()
    columns = make_column_transformer(
        (StandardScaler(), ["a", "b", "c"]),
        (OneHotEncoder(), ["colour"]),
        sparse_threshold=sparse_threshold,
    )
    ours, theirs = (make_pipeline(columns, model).fit(frame, y) for model in twins(solver))
    assert_allclose(ours.predict_proba(frame), theirs.predict_proba(frame), rtol=1e-5)
    assert scipy.sparse.issparse(ours[:-1].transform(frame)) == bool(sparse_threshold)


def test_names_come_through_pandas_output():
    frame, y = table()
    columns = ColumnTransformer(
        [
            ("numbers", StandardScaler(), ["a", "b", "c"]),
            ("colour", OneHotEncoder(sparse_output=False), ["colour"]),
        ],
        verbose_feature_names_out=False,
    )
    pipeline = make_pipeline(columns, GDLogisticRegression(solver="gd", max_iter=20, tol=0.0))
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert_array_equal(
        pipeline[-1].feature_names_in_, ["a", "b", "c", "colour_blue", "colour_green", "colour_red"]
    )
    assert type(pipeline.predict_proba(frame)) is np.ndarray
    with sklearn.config_context(transform_output="pandas"):
        assert type(pipeline.fit(frame, y).predict(frame)) is np.ndarray


def test_grid_search_in_processes():
    X, y = iris()
    ours, theirs = (
        GridSearchCV(model, {"C": [0.01, 1.0, 100.0]}, cv=3, n_jobs=n_jobs).fit(X, y)
        for model, n_jobs in zip(
            twins({"solver": "gd", "nesterov": True, "tol": 1e-8}), (2, None), strict=True
        )
    )
    assert ours.best_params_ == theirs.best_params_
    assert_allclose(
        ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-12
    )


@every_solver
@pytest.mark.parametrize("scoring", ["neg_log_loss", "roc_auc_ovr", "accuracy"])
def test_cross_validation(solver, scoring):
    X, y = iris()
    ours, theirs = (cross_val_score(model, X, y, cv=3, scoring=scoring) for model in twins(solver))
    assert_allclose(ours, theirs, rtol=1e-4)


def test_cross_validated_predictions():
    X, y = iris()
    ours, theirs = (
        cross_val_predict(model, X, y, cv=3, method="predict_log_proba")
        for model in twins({"solver": "gd", "nesterov": True, "tol": 1e-8})
    )
    assert_allclose(ours, theirs, rtol=1e-3)


META = {
    "calibration": lambda model: CalibratedClassifierCV(model, cv=3),
    "one versus rest": OneVsRestClassifier,
    "voting": lambda model: VotingClassifier([("a", model), ("b", clone(model))], voting="soft"),
    "stacking": lambda model: StackingClassifier([("a", model)], clone(model), cv=3),
    "bagging": lambda model: BaggingClassifier(model, n_estimators=3, random_state=0),
}


@every_solver
@pytest.mark.parametrize("meta", META.values(), ids=META)
def test_inside_another_estimator(solver, meta):
    X, y = iris()
    ours, theirs = (meta(model).fit(X, y).predict_proba(X) for model in twins(solver))
    assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@every_solver
def test_in_a_chain(solver):
    X, y = problem()
    Y = np.column_stack([y, X[:, 0] + X[:, 1] > 0])
    ours, theirs = (ClassifierChain(model).fit(X, Y).predict_proba(X) for model in twins(solver))
    assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@every_solver
def test_selection_of_features(solver):
    X, y = problem(n_features=8)
    for select in (
        lambda model: RFE(model, n_features_to_select=3),
        SelectFromModel,
    ):
        ours, theirs = (select(model).fit(X, y).get_support() for model in twins(solver))
        assert_array_equal(ours, theirs)


@every_solver
def test_importance_by_permutation(solver):
    X, y = problem(n_samples=200)
    ours, theirs = (
        permutation_importance(
            model.fit(X, y), X, y, scoring="neg_log_loss", n_repeats=3, random_state=0
        ).importances
        for model in twins(solver)
    )
    assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("response_method", ["predict_proba", "decision_function", "predict"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_decision_boundary(response_method, n_classes):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from sklearn.inspection import DecisionBoundaryDisplay

    if n_classes > 2 and response_method != "predict":
        needs_scikit_learn("1.7", "one class was shown")
    X, y = problem(n_features=2, n_classes=n_classes)
    model = GDLogisticRegression(solver="gd", max_iter=20, tol=0.0).fit(X, y)
    display = DecisionBoundaryDisplay.from_estimator(
        model, X, response_method=response_method, grid_resolution=10
    )
    expected = getattr(model, response_method)(np.c_[display.xx0.ravel(), display.xx1.ravel()])
    if response_method == "predict_proba" and n_classes == 2:
        expected = expected[:, 1]
    assert_allclose(np.ravel(display.response), np.ravel(expected), rtol=1e-12)
    pyplot.close("all")


def fit_coefficients(model, X, y, s):
    return model.fit(X, y, s).coef_


def is_mapped(X):
    array = X.data if scipy.sparse.issparse(X) else X
    return isinstance(array, np.memmap) or isinstance(array.base, np.memmap)


@every_solver
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
def test_memory_mapped_data(solver, layout, tmp_path):
    X, y = problem(density=0.5)
    data = layout(X), y, weights(len(y))
    joblib.dump(data, tmp_path / "data")
    mapped = joblib.load(tmp_path / "data", mmap_mode="r")
    assert is_mapped(mapped[0])
    model = GDLogisticRegression(**solver)
    assert_array_equal(fit_coefficients(model, *mapped), fit_coefficients(model, *data))
    assert_array_equal(model.predict_proba(mapped[0]), model.predict_proba(data[0]))


def test_data_that_joblib_maps_for_its_workers():
    X, y = problem(n_samples=500)
    s = weights(len(y))
    models = [GDLogisticRegression(solver="gd", C=C, max_iter=50, tol=0.0) for C in (0.1, 10.0)]
    results = joblib.Parallel(n_jobs=2, max_nbytes=1000, mmap_mode="r")(
        joblib.delayed(fit_coefficients)(model, X, y, s) for model in models
    )
    for model, coef in zip(models, results, strict=True):
        assert_array_equal(coef, fit_coefficients(model, X, y, s))


@every_solver
def test_weights_are_routed(solver):
    X, y = iris()
    s = weights(len(y)) + 0.1
    ours, theirs = twins(solver)
    with sklearn.config_context(enable_metadata_routing=True):
        requests = get_routing_for_object(
            GDLogisticRegression().set_fit_request(sample_weight=True)
        )
        assert requests.fit.requests["sample_weight"] is True
        scorer = get_scorer("neg_log_loss").set_score_request(sample_weight=True)
        scores = [
            cross_val_score(
                make_pipeline(
                    StandardScaler().set_fit_request(sample_weight=True),
                    model.set_fit_request(sample_weight=True),
                ),
                X,
                y,
                cv=3,
                scoring=scorer,
                params={"sample_weight": s},
            )
            for model in (ours, theirs)
        ]
        unweighted = cross_val_score(
            ours.set_fit_request(sample_weight=False),
            X,
            y,
            cv=3,
            scoring="neg_log_loss",
            params={},
        )
    assert_allclose(*scores, rtol=1e-4)
    assert np.abs(scores[0] - unweighted).max() > 1e-3


def test_parameters_are_shown():
    assert repr(GDLogisticRegression(C=3.0)) == "GDLogisticRegression(C=3.0)"
    assert "GDLogisticRegression" in GDLogisticRegression()._repr_html_()


def test_parameters_are_keywords():
    with pytest.raises(TypeError, match="positional"):
        GDLogisticRegression(1.0)
