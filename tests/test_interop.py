"""Fitted models in file formats, converters, explainers, searches and notebooks."""

from __future__ import annotations

import copy
import io
import pickle
import re
from pathlib import Path

import joblib
import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import AdaBoostClassifier
from sklearn.exceptions import InconsistentVersionWarning, UnsetMetadataPassedError
from sklearn.feature_selection import SequentialFeatureSelector
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer, log_loss
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    KFold,
    TunedThresholdClassifierCV,
    cross_validate,
)
from sklearn.multiclass import OneVsOneClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import estimator_html_repr

import bce_logistic
from bce_logistic import GDLogisticRegression, GDLogisticRegressionCV

from .common import needs_scikit_learn, problem, weights

ROOT = Path(__file__).resolve().parents[1]
every_number_of_classes = pytest.mark.parametrize("n_classes", [2, 3])

PACKAGE, VERSION = "bce_logistic.", bce_logistic.__version__
ALWAYS = {"estimators.logistic_regression.GDLogisticRegression"}
RESUMED = {"estimators.fitted_state.WarmStart", "descent.loop.DescentState"}
# Types that skops asks for besides ALWAYS, for each kind of model in SECURITY.md.
KINDS = {
    "preconditioned": ({}, set()),
    "gd": ({"solver": "gd"}, RESUMED | {"descent.directions.SteepestDescent"}),
    "early stopping": (
        {"solver": "gd", "early_stopping": True},
        RESUMED | {"descent.directions.SteepestDescent"},
    ),
    "heavy ball": ({"momentum": 0.9}, RESUMED | {"descent.directions.HeavyBall"}),
    "Nesterov": (
        {"momentum": 0.9, "nesterov": True, "learning_rate": 0.1},
        RESUMED | {"descent.directions.Nesterov"},
    ),
    "accelerated": (
        {"nesterov": True},
        RESUMED | {"descent.directions.AcceleratedDescent", "descent.directions.AcceleratedState"},
    ),
    "mini-batches": (
        {"batch_size": 20, "average": True},
        RESUMED | {"descent.directions.SteepestDescent", "solvers.stochastic.EpochState"},
    ),
    "mini-batches, heavy ball": (
        {"batch_size": 20, "momentum": 0.5},
        RESUMED | {"descent.directions.HeavyBall", "solvers.stochastic.EpochState"},
    ),
}
every_kind = pytest.mark.parametrize(("params", "more"), KINDS.values(), ids=KINDS)


def named_data(n_classes=2, dtype=np.float64, **kwargs):
    X, y = problem(n_classes=n_classes, **kwargs)
    return X.astype(dtype), np.array(["a", "b", "c"])[y]


def unfinished(**params):
    """A model that stops after three passes and would go on from there."""
    params = {"max_iter": 3, "tol": 0.0, "warm_start": True, **params}
    return GDLogisticRegression(**params)


# ONNX


def through_onnx(model, X):
    """Labels and probabilities that ONNX Runtime gives for a converted model."""
    skl2onnx = pytest.importorskip("skl2onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    converted = skl2onnx.to_onnx(model, X[:1], options={"zipmap": False})
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["label", "probabilities"], {"X": X})


@every_number_of_classes
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_onnx_has_the_same_probabilities(n_classes, dtype, rtol):
    X, y = named_data(n_classes, dtype)
    model = GDLogisticRegression().fit(X, y)
    labels, probabilities = through_onnx(model.to_sklearn(), X)
    assert probabilities.dtype == dtype
    assert_allclose(probabilities, model.predict_proba(X), rtol=rtol)
    assert_array_equal(labels, model.predict(X))


def test_onnx_of_a_pipeline():
    X, y = named_data()
    X = 100 * X + 7
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(X, y)
    converted = make_pipeline(pipeline[0], pipeline[-1].to_sklearn())
    assert_allclose(through_onnx(converted, X)[1], pipeline.predict_proba(X), rtol=1e-12)


def test_onnx_needs_the_model_of_scikit_learn_or_a_converter():
    skl2onnx = pytest.importorskip("skl2onnx")

    class Unknown(GDLogisticRegression):
        """Of a type that no other test registers."""

    X, y = named_data()
    with pytest.raises(skl2onnx.common.exceptions.MissingShapeCalculator):
        skl2onnx.to_onnx(Unknown().fit(X, y), X[:1])


@every_number_of_classes
def test_the_converter_of_the_documentation(n_classes):
    pytest.importorskip("skl2onnx")
    (page,) = re.findall(
        r"```python\n(import skl2onnx\nfrom skl2onnx.operator_converters.*?)```",
        (ROOT / "docs/interop.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    exec(page, {"GDLogisticRegression": GDLogisticRegression})
    X, y = named_data(n_classes)
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(X, y)
    labels, probabilities = through_onnx(pipeline, X)
    assert_allclose(probabilities, pipeline.predict_proba(X), rtol=1e-12)
    assert_array_equal(labels, pipeline.predict(X))


# skops


def through_skops(model, expected):
    """A model written and read again, with exactly these types of the package allowed."""
    skops_io = pytest.importorskip("skops.io")
    data = skops_io.dumps(model)
    trusted = sorted(PACKAGE + name for name in expected)
    assert sorted(skops_io.get_untrusted_types(data=data)) == trusted
    return skops_io.loads(data, trusted=trusted)


@every_kind
@every_number_of_classes
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_skops_keeps_the_model_and_what_it_goes_on_from(params, more, n_classes):
    X, y = named_data(n_classes)
    model = unfinished(**params).fit(X, y)
    again = through_skops(model, ALWAYS | more)
    assert again.get_params() == model.get_params()
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    before = model.coef_
    assert_array_equal(again.fit(X, y).coef_, model.fit(X, y).coef_)
    assert not np.array_equal(model.coef_, before)


@pytest.mark.parametrize(
    ("params", "rule"),
    [
        ({}, "SteepestDescent"),
        ({"average": True}, "SteepestDescent"),
        ({"momentum": 0.5}, "HeavyBall"),
    ],
    ids=["plain", "mean", "heavy ball"],
)
def test_skops_keeps_the_place_in_a_stream(params, rule):
    X, y = named_data()
    model = GDLogisticRegression(class_weight="balanced", **params)
    model.partial_fit(X[:30], y[:30], classes=["a", "b"])
    stream = {f"descent.directions.{rule}", "solvers.stochastic.EpochState"}
    again = through_skops(model, ALWAYS | RESUMED | stream)
    for one in (model, again):
        one.partial_fit(X[30:], y[30:])
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert_array_equal(again.loss_curve_, model.loss_curve_)


def test_skops_keeps_a_pipeline():
    X, y = named_data()
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(X, y)
    again = through_skops(pipeline, ALWAYS)
    assert_array_equal(again.predict_proba(X), pipeline.predict_proba(X))


@pytest.mark.parametrize("params", [{}, {"solver": "gd", "max_iter": 3}], ids=["auto", "gd"])
@pytest.mark.parametrize(
    "data",
    [lambda: load_digits(return_X_y=True), lambda: problem(20_000, 30)],
    ids=["digits", "20,000 x 30"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_skops_asks_for_the_estimator_alone_where_nothing_goes_on(data, params):
    X, y = data()
    model = GDLogisticRegression(**params).fit(X, y)
    again = through_skops(model, ALWAYS)
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_skops_needs_no_trust_for_the_model_of_scikit_learn():
    X, y = named_data()
    model = GDLogisticRegression().fit(X, y)
    again = through_skops(model.to_sklearn(), set())
    assert_allclose(again.predict_proba(X), model.predict_proba(X), rtol=1e-13)


def test_the_types_are_those_of_the_security_page():
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"`bce_logistic\.([\w.]+\.[A-Z]\w+)`", page))
    assert listed == ALWAYS.union(*(more for _, more in KINDS.values()))


# SHAP


@every_number_of_classes
def test_shap_values_are_coefficients_times_deviations(n_classes):
    shap = pytest.importorskip("shap")
    X, y = named_data(n_classes)
    model = GDLogisticRegression().fit(X, y)
    everything = shap.maskers.Independent(X, max_samples=len(X))
    explanation = shap.LinearExplainer(model, everything)(X)
    deviations = X - X.mean(axis=0)
    expected = deviations[:, :, np.newaxis] * model.coef_.T
    expected = expected[:, :, 0] if n_classes == 2 else expected
    assert_allclose(explanation.values, expected, rtol=1e-12, atol=1e-14)
    # They add up to the scores.
    scores = explanation.base_values + explanation.values.sum(axis=1)
    assert_allclose(scores, model.decision_function(X), rtol=1e-12, atol=1e-13)


# Copies


@pytest.mark.parametrize(
    ("params", "n_arrays"),
    [
        ({}, 1),
        ({"warm_start": True}, 1),
        ({"solver": "gd"}, 1),
        # The coefficients with the intercept, where the descent stood, and the velocity.
        ({"momentum": 0.9, "warm_start": True}, 3),
        ({"batch_size": 20, "momentum": 0.9}, 3),
    ],
    ids=["default", "default, warm", "gd", "gd, warm", "mini-batches"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_pickle_is_as_large_as_the_coefficients_and_what_goes_on(params, n_arrays):
    X, y = problem(100, 20_000, 3, density=0.01)
    model = GDLogisticRegression(max_iter=20, **params).fit(csr_array(X), y)
    size = len(pickle.dumps(model))
    assert n_arrays <= size / model.coef_.nbytes < n_arrays + 0.02


COPIES = {
    "pickle": lambda model: pickle.loads(pickle.dumps(model)),
    "joblib": lambda model: through_joblib(model),
    "cloudpickle": lambda model: through_cloudpickle(model),
    "deepcopy": copy.deepcopy,
}
every_copy = pytest.mark.parametrize("copied", COPIES.values(), ids=COPIES)


def through_joblib(model):
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    return joblib.load(file)


def through_cloudpickle(model):
    cloudpickle = pytest.importorskip("cloudpickle")
    return pickle.loads(cloudpickle.dumps(model))


@every_copy
@every_kind
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_copies_are_whole_and_independent(copied, params, more):
    X, y = named_data()
    model = unfinished(**params).fit(X, y)
    before = model.coef_.copy()
    again = copied(model)
    assert vars(again).keys() == vars(model).keys()
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    again.fit(X, y)
    assert not np.array_equal(again.coef_, before)
    assert_array_equal(model.coef_, before)
    assert_array_equal(model.fit(X, y).coef_, again.coef_)


@pytest.mark.parametrize("estimator", [GDLogisticRegression, GDLogisticRegressionCV])
@every_copy
def test_a_file_of_another_version_warns(copied, estimator, monkeypatch):
    X, y = named_data()
    model = estimator().fit(X, y)
    pickled = pickle.dumps(make_pipeline(StandardScaler(), model))
    monkeypatch.setattr(bce_logistic, "__version__", "999.1")
    with pytest.warns(InconsistentVersionWarning) as caught:
        again = pickle.loads(pickled)
    message = rf"bce_logistic.{estimator.__name__} from version {VERSION} when using version 999.1"
    assert re.search(message, str(caught[0].message))
    assert len(caught) == 1
    # What is loaded is of the new version.
    assert vars(copied(again[-1])).keys() == vars(model).keys()


def test_a_file_without_a_version_is_of_another():
    X, y = named_data()
    model = GDLogisticRegression().fit(X, y)
    again = GDLogisticRegression()
    with pytest.warns(InconsistentVersionWarning, match="from version before 0.1.0"):
        again.__setstate__(vars(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_skops_files_hold_the_version_too(monkeypatch):
    skops_io = pytest.importorskip("skops.io")
    X, y = named_data()
    data = skops_io.dumps(GDLogisticRegression().fit(X, y))
    monkeypatch.setattr(bce_logistic, "__version__", "999.1")
    with pytest.warns(InconsistentVersionWarning, match=f"from version {VERSION} when using"):
        skops_io.loads(data, trusted=[PACKAGE + name for name in ALWAYS])


class Unportable:
    """A callback that nobody can pickle."""

    def __init__(self):
        self.seen = lambda: None

    def setup(self, estimator, context): ...

    def teardown(self, estimator, context): ...

    def on_fit_task_begin(self, estimator, context): ...

    def on_fit_task_end(self, estimator, context, **what_there_is): ...


@every_copy
def test_without_its_callbacks_a_model_is_like_any_other(copied):
    needs_scikit_learn("1.9", "there were no callbacks")
    X, y = named_data()
    model = GDLogisticRegression().set_callbacks(Unportable()).fit(X, y)
    with pytest.raises((AttributeError, pickle.PicklingError), match="lambda"):
        pickle.dumps(model)
    again = copied(model.set_callbacks())
    assert vars(again).keys() == vars(GDLogisticRegression().fit(X, y)).keys()
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@every_kind
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_clone_knows_nothing_of_the_fit(params, more):
    X, y = named_data()
    model = unfinished(**params)
    unfitted = set(vars(model))
    first = model.fit(X, y).coef_.copy()
    again = clone(model.fit(X, y))
    assert set(vars(again)) == unfitted
    assert_array_equal(again.fit(X, y).coef_, first)


# Metadata routing


@pytest.fixture
def routing():
    with sklearn.config_context(enable_metadata_routing=True):
        yield


def weighted(model):
    """A pipeline of which only the last step asks for weights."""
    scale = StandardScaler().set_fit_request(sample_weight=False)
    return Pipeline([("scale", scale), ("model", model.set_fit_request(sample_weight=True))])


def weighted_scorer():
    return get_scorer("accuracy").set_score_request(sample_weight=True)


@pytest.mark.usefixtures("routing")
def test_weights_reach_every_fit_of_a_search():
    X, y = named_data()
    s = weights(len(y))
    params = {"model__C": [0.01, 1.0]}
    search = GridSearchCV(weighted(GDLogisticRegression()), params, scoring=weighted_scorer(), cv=3)
    search.fit(X, y, sample_weight=s)
    scaled = StandardScaler().fit_transform(X)
    expected = GDLogisticRegression(C=search.best_params_["model__C"]).fit(scaled, y, s)
    assert_array_equal(search.predict_proba(X), expected.predict_proba(scaled))
    assert np.abs(expected.coef_ - expected.fit(scaled, y).coef_).max() > 1e-3


@pytest.mark.usefixtures("routing")
def test_weights_reach_every_fold():
    X, y = named_data()
    s = weights(len(y))
    folds = KFold(3)
    results = cross_validate(
        weighted(GDLogisticRegression()),
        X,
        y,
        cv=folds,
        scoring=weighted_scorer(),
        params={"sample_weight": s},
        return_estimator=True,
    )
    for k, (train, test) in enumerate(folds.split(X)):
        scale = StandardScaler().fit(X[train])
        expected = GDLogisticRegression().fit(scale.transform(X[train]), y[train], s[train])
        assert_array_equal(results["estimator"][k][-1].coef_, expected.coef_)
        score = expected.score(scale.transform(X[test]), y[test], s[test])
        assert_allclose(results["test_score"][k], score, rtol=1e-12)


@pytest.mark.usefixtures("routing")
def test_weights_that_nobody_asked_for_are_refused():
    X, y = named_data()
    search = GridSearchCV(GDLogisticRegression(), {"C": [1.0]}, cv=3)
    with pytest.raises(UnsetMetadataPassedError, match="sample_weight"):
        search.fit(X, y, sample_weight=weights(len(y)))


# Notebooks


def links(estimator):
    return re.findall(r'href="([^"]*)"', estimator_html_repr(estimator))


def test_in_a_notebook_it_shows_what_it_is_and_no_dead_link():
    # No documentation of this package is published: the diagram links to none.
    X, y = named_data()
    model = GDLogisticRegression(C=3.0)
    for shown in (model, model.fit(X, y)):
        assert "GDLogisticRegression" in estimator_html_repr(shown)
        assert links(shown) == []
    pipeline = make_pipeline(StandardScaler(), model)
    for shown in (pipeline, pipeline.fit(X, y)):
        assert "GDLogisticRegression" in estimator_html_repr(shown)
        assert links(shown)
        assert all(
            re.match(r"https://scikit-learn\.org/.*/sklearn\.", link) for link in links(shown)
        )


# In the place of LogisticRegression


def twins(**params):
    """The estimator, and the one that it can stand for."""
    return (
        GDLogisticRegression(tol=1e-13, **params),
        LogisticRegression(solver="newton-cholesky", tol=1e-12, **params),
    )


def on_two_classes(meta):
    return lambda model, X, y: meta(model).fit(X, np.where(y == "c", "b", y)).predict_proba(X)


def one_versus_one(model, X, y):
    return OneVsOneClassifier(model).fit(X, y).decision_function(X)


def self_training(model, X, y):
    known = np.where(np.arange(len(y)) % 3, np.unique(y, return_inverse=True)[1], -1)
    return SelfTrainingClassifier(model, max_iter=3).fit(X, known).predict_proba(X)


def several_outputs(model, X, y):
    Y = np.column_stack([y, X[:, 0] > 0])
    return np.hstack(MultiOutputClassifier(model).fit(X, Y).predict_proba(X))


def boosted(model, X, y):
    return AdaBoostClassifier(model, n_estimators=5).fit(X, y).predict_proba(X)


def selected(model, X, y):
    select = SequentialFeatureSelector(model, n_features_to_select=2, scoring="neg_log_loss", cv=3)
    return select.fit(X, y).get_support()


def tuned_threshold(model):
    return TunedThresholdClassifierCV(model, scoring="balanced_accuracy", cv=3, random_state=0)


def fixed_threshold(model):
    return FixedThresholdClassifier(model, threshold=0.3)


PLACES = {
    "one versus one": one_versus_one,
    "self-training": self_training,
    "several outputs": several_outputs,
    "boosting": boosted,
    "features one by one": selected,
    "tuned threshold": on_two_classes(tuned_threshold),
    "fixed threshold": on_two_classes(fixed_threshold),
}


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_in_the_place_of_logistic_regression(place):
    X, y = named_data(3, n_samples=150)
    ours, theirs = (place(model, X, y) for model in twins())
    assert_allclose(ours, theirs, rtol=1e-4, atol=1e-7)


def test_the_same_threshold_and_labels():
    X, y = named_data(n_samples=300)
    ours, theirs = (tuned_threshold(model).fit(X, y) for model in twins())
    assert_allclose(ours.best_threshold_, theirs.best_threshold_, rtol=1e-5)
    # A score interpolated between thresholds, which agree to about 1e-7.
    assert_allclose(ours.best_score_, theirs.best_score_, rtol=1e-8)
    assert_array_equal(ours.predict(X), theirs.predict(X))


@every_number_of_classes
def test_a_search_cannot_tell_one_from_the_other(n_classes):
    X, y = named_data(n_classes, n_samples=150)
    pipeline = Pipeline([("scale", StandardScaler()), ("model", "passthrough")])
    grid = {"model": list(twins()), "model__C": [0.01, 1.0, np.inf]}
    search = GridSearchCV(pipeline, grid, scoring="neg_log_loss", cv=3).fit(X, y)
    results = search.cv_results_
    scores = np.array([results[f"split{k}_test_score"] for k in range(3)])
    is_ours = [isinstance(model, GDLogisticRegression) for model in results["param_model"]]
    ours, theirs = scores[:, is_ours], scores[:, np.logical_not(is_ours)]
    assert ours.shape == theirs.shape == (3, 3)
    assert_allclose(ours, theirs, rtol=1e-6)
    assert_allclose(log_loss(y, search.predict_proba(X)), -search.score(X, y), rtol=1e-12)
