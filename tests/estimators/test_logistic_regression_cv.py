"""Choosing C: the fits, the scores and the choice are those of a grid search."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import scipy.sparse
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import get_scorer, make_scorer, zero_one_loss
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    StratifiedKFold,
    cross_val_score,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from bce_logistic import GDLogisticRegression, GDLogisticRegressionCV
from bce_logistic.estimators import grid_fits

from ..common import needs_scikit_learn, problem, weights
from .common import fitted_attributes, snapshot

CS = np.array([1.0, 1e-3, 0.03, 30.0])
TIGHT = {"tol": 1e-13, "fit_intercept": True}
SPLITTERS = {
    "stratified": StratifiedKFold(4),
    "shuffled": KFold(3, shuffle=True, random_state=0),
    "repeated": RepeatedStratifiedKFold(n_splits=3, n_repeats=2, random_state=0),
    "incomplete": ShuffleSplit(4, train_size=0.5, test_size=0.3, random_state=0),
    "iterable": [(np.arange(60), np.arange(60, 100)), (np.arange(20, 100), np.arange(20))],
}
every_splitter = pytest.mark.parametrize("cv", SPLITTERS.values(), ids=SPLITTERS)


# Grids are small here: the best C is often at an edge.
pytestmark = pytest.mark.filterwarnings("ignore:C_=.* is the .* of Cs:UserWarning")


def grid_search(X, y, cv, *, Cs=CS, scoring="neg_log_loss", groups=None, **params):
    search = GridSearchCV(
        GDLogisticRegression(**{**TIGHT, **params}), {"C": Cs}, cv=cv, scoring=scoring
    )
    return search.fit(X, y, groups=groups)


def split_scores(search):
    n_folds = search.n_splits_
    return np.array([search.cv_results_[f"split{f}_test_score"] for f in range(n_folds)])


def same_as_grid_search(model, search):
    assert_allclose(model.scores_[:, 0], split_scores(search), rtol=1e-6, atol=1e-9)
    assert search.best_params_["C"] == model.C_
    best = search.best_estimator_
    assert_allclose(model.coef_, best.coef_, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("n_classes", [2, 3])
@every_splitter
def test_the_same_as_a_grid_search(cv, n_classes):
    X, y = problem(100, 5, n_classes=n_classes)
    model = GDLogisticRegressionCV(Cs=CS, cv=cv, **TIGHT).fit(X, y)
    same_as_grid_search(model, grid_search(X, y, cv))


@pytest.mark.parametrize(
    "params",
    [{"fit_intercept": False}, {"class_weight": {0: 1.0, 1: 3.0}}],
    ids=["no intercept", "class weight"],
)
def test_parameters_reach_the_fits(params):
    X, y = problem(100, 5)
    params = {**TIGHT, **params}
    model = GDLogisticRegressionCV(Cs=CS, **params).fit(X, y)
    same_as_grid_search(model, grid_search(X, y, 5, **params))


@pytest.mark.parametrize("scoring", ["accuracy", "roc_auc", "neg_brier_score", "f1", None])
def test_scoring_by_name(scoring):
    X, y = problem(100, 5)
    model = GDLogisticRegressionCV(Cs=CS, scoring=scoring, **TIGHT).fit(X, y)
    same_as_grid_search(model, grid_search(X, y, 5, scoring=scoring))
    assert model.score(X, y) == get_scorer(scoring or "accuracy")(model, X, y)


def test_scoring_by_a_callable_that_sees_one_model_each():
    X, y = problem(100, 5)
    seen = []

    def scorer(model, X, y):
        seen.append((model.C, model.classes_.tolist(), model.predict_proba(X).shape))
        return -np.abs(model.decision_function(X)).mean() - (model.predict(X) != y).mean()

    model = GDLogisticRegressionCV(Cs=CS, scoring=scorer, **TIGHT).fit(X, y)
    assert seen == [(C, [0, 1], (20, 2)) for _ in range(5) for C in CS]
    same_as_grid_search(model, grid_search(X, y, 5, scoring=scorer))


@pytest.mark.parametrize("layout", [scipy.sparse.csr_array, scipy.sparse.csc_matrix])
def test_sparse_rows(layout):
    X, y = problem(100, 5, density=0.5)
    dense = GDLogisticRegressionCV(Cs=CS, **TIGHT).fit(X, y)
    sparse = GDLogisticRegressionCV(Cs=CS, **TIGHT).fit(layout(X), y)
    assert_allclose(sparse.scores_, dense.scores_, rtol=1e-6)
    assert_allclose(sparse.coef_, dense.coef_, rtol=1e-6)


def test_single_precision_stays():
    X, y = problem(100, 5)
    model = GDLogisticRegressionCV(Cs=CS).fit(X.astype(np.float32), y)
    assert model.coefs_paths_.dtype == model.coef_.dtype == np.float32
    assert_allclose(model.scores_, GDLogisticRegressionCV(Cs=CS).fit(X, y).scores_, rtol=1e-3)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_shapes_are_those_of_scikit_learn(n_classes):
    needs_scikit_learn("1.8", "the attributes have other shapes")
    X, y = problem(100, 5, n_classes=n_classes)
    ours = GDLogisticRegressionCV(Cs=CS, cv=3).fit(X, y)
    theirs = LogisticRegressionCV(
        Cs=CS, cv=3, l1_ratios=(0.0,), scoring="neg_log_loss", use_legacy_attributes=False,
        tol=1e-8, max_iter=10_000,
    ).fit(X, y)  # fmt: skip
    for name in ("Cs_", "l1_ratios_", "scores_", "n_iter_", "coef_", "intercept_"):
        assert np.shape(getattr(ours, name)) == np.shape(getattr(theirs, name)), name
    assert isinstance(ours.C_, float)
    assert (ours.C_, ours.l1_ratio_) == (theirs.C_, theirs.l1_ratio_)
    assert_allclose(ours.scores_, theirs.scores_, rtol=1e-3)
    paths = np.concatenate([ours.coefs_paths_, ours.intercepts_paths_[..., None]], axis=-1)
    assert paths.shape == theirs.coefs_paths_.shape
    assert_allclose(ours.coefs_paths_, theirs.coefs_paths_[..., :-1], rtol=0.02, atol=2e-3)


def test_the_refit_is_the_estimator_with_the_chosen_c():
    X, y = problem(100, 5)
    s = weights(100)
    model = GDLogisticRegressionCV(Cs=CS, class_weight="balanced").fit(X, y, s)
    alone = GDLogisticRegression(C=model.C_, class_weight="balanced").fit(X, y, s)
    for name, value in fitted_attributes(alone).items():
        if not name.startswith("_") and name != "n_iter_":
            assert_array_equal(getattr(model, name), value, err_msg=name)


def test_without_a_refit_the_folds_are_averaged():
    X, y = problem(100, 5)
    model = GDLogisticRegressionCV(Cs=CS, cv=3, refit=False).fit(X, y)
    best = model.scores_[:, 0].argmax(axis=1)
    assert CS[best].mean() == model.C_
    assert_allclose(model.coef_, model.coefs_paths_[range(3), 0, best].mean(axis=0))
    assert_allclose(model.intercept_, model.intercepts_paths_[range(3), 0, best].mean(axis=0))
    assert not hasattr(model, "gap_")
    assert model.predict_proba(X).shape == (100, 2)


def test_sample_weights_count_in_fits_and_scores():
    X, y = problem(100, 5)
    s = np.random.default_rng(0).integers(1, 4, 100)
    splits = [*StratifiedKFold(3).split(X, y)]
    weighted = GDLogisticRegressionCV(Cs=CS, cv=splits, **TIGHT).fit(X, y, s)
    rows = np.repeat(np.arange(100), s)
    repeated = [tuple(np.flatnonzero(np.isin(rows, part)) for part in split) for split in splits]
    model = GDLogisticRegressionCV(Cs=CS, cv=repeated, **TIGHT).fit(X[rows], y[rows])
    assert_allclose(weighted.scores_, model.scores_, rtol=1e-8)
    assert_allclose(weighted.coef_, model.coef_, rtol=1e-6)
    assert_allclose(weighted.cv_predictions_[rows], model.cv_predictions_, rtol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_held_out_predictions(n_classes):
    X, y = problem(100, 5, n_classes=n_classes)
    cv = ShuffleSplit(3, test_size=0.3, random_state=0)
    model = GDLogisticRegressionCV(Cs=CS, cv=cv, **TIGHT).fit(X, y)
    total, times = np.zeros((100, n_classes)), np.zeros((100, 1))
    for train, test in cv.split(X):
        fold = GDLogisticRegression(C=model.C_, **TIGHT).fit(X[train], y[train])
        total[test] += fold.predict_proba(X[test])
        times[test] += 1
    with np.errstate(invalid="ignore"):
        assert_allclose(model.cv_predictions_, total / times, rtol=1e-5)
    assert np.isnan(model.cv_predictions_).any()


def test_a_class_missing_from_a_fold_is_scored_as_impossible():
    X, y = problem(90, 4, n_classes=3)
    splits = [(np.flatnonzero(y != 2), np.flatnonzero(y == 2)), (np.arange(90), np.arange(90))]
    model = GDLogisticRegressionCV(Cs=[1.0], cv=splits, **TIGHT).fit(X, y)
    assert_allclose(model.scores_[0], np.log(np.finfo(float).eps), rtol=1e-6)
    rest = y != 2
    # Both classes have coefficients, and each pays: half the penalty on their difference.
    alone = GDLogisticRegression(C=2.0, **TIGHT).fit(X[rest], y[rest])
    w = model.coefs_paths_[0, 0, 0]
    assert_allclose(w[1] - w[0], alone.coef_[0], rtol=1e-4, atol=1e-6)
    assert_array_equal(model.classes_, [0, 1, 2])


def test_groups_reach_the_splitter():
    X, y = problem(100, 5)
    groups = np.arange(100) % 7
    for cv in (GroupKFold(3), LeaveOneGroupOut()):
        model = GDLogisticRegressionCV(Cs=CS, cv=cv, **TIGHT).fit(X, y, groups=groups)
        same_as_grid_search(model, grid_search(X, y, cv, groups=groups))


def test_metadata_routing():
    X, y = problem(100, 5)
    s, groups = weights(100) + 0.1, np.arange(100) % 5
    log_loss, unweighted_loss = get_scorer("neg_log_loss"), get_scorer("neg_log_loss")
    with sklearn.config_context(enable_metadata_routing=True):
        unweighted = GDLogisticRegressionCV(
            Cs=CS, cv=GroupKFold(3), scoring=unweighted_loss.set_score_request(sample_weight=False)
        ).set_fit_request(sample_weight=True)
        weighted = clone(unweighted).set_params(
            scoring=log_loss.set_score_request(sample_weight=True)
        )
        for model in (unweighted, weighted):
            pipeline = make_pipeline(model)
            pipeline.fit(X, y, sample_weight=s, groups=groups)
        assert weighted.score(X, y, sample_weight=s) == log_loss(weighted, X, y, sample_weight=s)
        with pytest.raises(TypeError, match="unexpected"):
            weighted.fit(X, y, sample_weight=s, nonsense=s)
    assert not np.allclose(unweighted.scores_, weighted.scores_)
    assert_array_equal(unweighted.coefs_paths_, weighted.coefs_paths_)
    native = GDLogisticRegressionCV(Cs=CS, cv=GroupKFold(3)).fit(X, y, s, groups=groups)
    assert_allclose(weighted.scores_, native.scores_, rtol=1e-12)


@pytest.mark.parametrize("method", ["fit", "score"])
def test_metadata_for_nobody_is_refused(method):
    X, y = problem()
    model = GDLogisticRegressionCV(Cs=CS).fit(X, y)
    with pytest.raises(ValueError, match=f"{method} got colours"):
        getattr(model, method)(X, y, colours=y)


def test_it_warns_when_the_choice_is_at_the_edge():
    X, y = problem(100, 5)
    with pytest.warns(UserWarning, match="the largest of Cs"):
        GDLogisticRegressionCV(Cs=[1e-4, 1e-3]).fit(X, y)


def test_one_standard_error_chooses_a_stronger_penalty():
    X, y = problem(100, 5)
    best = GDLogisticRegressionCV(Cs=20).fit(X, y)
    model = GDLogisticRegressionCV(Cs=20, selection="one_standard_error").fit(X, y)
    assert model.C_ < best.C_
    mean = model.scores_[:, 0].mean(axis=0)
    error = model.scores_[:, 0, mean.argmax()].std(ddof=1) / np.sqrt(5)
    assert mean[model.Cs_ == model.C_] >= mean.max() - error > mean[model.Cs_ < model.C_].max()


def test_without_penalty_in_the_grid():
    X, y = problem(200, 3)
    model = GDLogisticRegressionCV(Cs=[1.0, np.inf], **TIGHT).fit(X, y)
    same_as_grid_search(model, grid_search(X, y, 5, Cs=[1.0, np.inf]))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Cs": []}, "Found array with 0 sample"),
        ({"Cs": [1.0, 0.0]}, "Cs must be positive"),
        ({"Cs": [1.0, np.nan]}, "Cs must be positive"),
        ({"Cs": [[1.0]]}, "Cs must be positive"),
        ({"Cs": 0}, "Cs"),
        ({"selection": "worst"}, "selection"),
        ({"scoring": "no score"}, "no score"),
        ({"cv": [(np.arange(40, 80), np.arange(3))]}, "Fold 0 of cv trains on rows of one class"),
        (
            {"scoring": "roc_auc", "cv": [(np.arange(40, 80), np.arange(40))]},
            "not defined on the rows that fold 0",
        ),
    ],
)
def test_what_is_unusable_is_refused_and_the_fit_before_stays(params, message):
    X, y = problem(80)
    y = (np.arange(80) >= 40).astype(int)
    if "scoring" in params:
        y = np.r_[np.zeros(40, int), np.arange(40) % 2]
    model = GDLogisticRegressionCV(Cs=CS).fit(X, np.arange(80) % 2)
    before = {name: pickle.dumps(v) for name, v in fitted_attributes(model).items()}
    with pytest.raises(ValueError, match=message):
        model.set_params(**params).fit(X, y)
    assert {name: pickle.dumps(v) for name, v in fitted_attributes(model).items()} == before


def test_rows_without_weight_have_no_score():
    X, y = problem(80)
    s = np.ones(80)
    s[:20] = 0
    with pytest.raises(ValueError, match="held-out rows of fold 0 of cv have no weight"):
        GDLogisticRegressionCV(Cs=CS, cv=KFold(4)).fit(X, y, s)


@pytest.mark.parametrize("row", [3, 70])
def test_a_feature_that_is_not_finite_is_named(row):
    X, y = problem(80)
    X[row, 2] = np.nan
    with pytest.raises(ValueError, match=rf"X contains NaN[\s\S]*X\[{row}, 2\]"):
        GDLogisticRegressionCV(Cs=CS).fit(X, y)


def test_fits_that_do_not_converge_warn():
    X, y = problem(80)
    with pytest.warns(sklearn.exceptions.ConvergenceWarning, match="of the 12 fits of a fold"):
        GDLogisticRegressionCV(Cs=CS, cv=3, max_iter=0, refit=False).fit(X, y)


def test_verbose_prints_a_line_for_each_fit(capsys):
    X, y = problem(80)
    GDLogisticRegressionCV(Cs=[0.1, 1.0], cv=3, verbose=1).fit(X, y)
    lines = capsys.readouterr().out.splitlines()
    assert sorted(line.split(":")[0] for line in lines) == [
        f"fold {f}, C={C}" for f in range(3) for C in (0.1, 1)
    ]


def test_callbacks_get_an_event_for_each_fit():
    pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has callbacks")
    events = []

    class Recorder:
        def setup(self, estimator, context):
            events.append("setup")

        def teardown(self, estimator, context):
            events.append("teardown")

        def on_fit_task_begin(self, estimator, context):
            events.append(context.task_name)

        def on_fit_task_end(self, estimator, context):
            events.append(f"end of {context.task_name}")

    X, y = problem(80)
    GDLogisticRegressionCV(Cs=CS, cv=3).set_callbacks(Recorder()).fit(X, y)
    assert events[:2] == ["setup", "fit"]
    assert events[-2:] == ["end of fit", "teardown"]
    assert events.count("end of iteration") == 12


def test_it_works_where_estimators_do():
    X, y = problem(100, 5)
    names = np.array(["no", "yes"])[y]
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegressionCV(Cs=CS, cv=3))
    scores = cross_val_score(pipeline, X, names, cv=3)
    assert scores.shape == (3,)
    model = pipeline.fit(X, names)[-1]
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(X), model.predict(X))
    assert repr(clone(model)) == repr(model)
    assert_allclose(model.to_sklearn().predict_proba(X), model.predict_proba(X), rtol=1e-10)
    assert model.to_sklearn().C == model.C_


def test_data_are_not_written_to():
    X, y = problem(80)
    s = weights(80) + 0.1
    for array in (X, y, s):
        array.setflags(write=False)
    model = GDLogisticRegressionCV(Cs=CS).fit(X, y, s)
    before = snapshot(model)
    model.predict_proba(X)
    assert snapshot(model) == before


@parametrize_with_checks(
    [
        GDLogisticRegressionCV(Cs=[0.1, 1.0], cv=3, tol=1e-17),
        GDLogisticRegressionCV(Cs=[0.1, 1.0], cv=3, class_weight="balanced", tol=1e-17),
    ]
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


def test_a_custom_metric_without_weights():
    X, y = problem(80)
    scorer = make_scorer(zero_one_loss, greater_is_better=False)
    model = GDLogisticRegressionCV(Cs=CS, scoring=scorer, cv=3).fit(X, y)
    accuracy = GDLogisticRegressionCV(Cs=CS, scoring="accuracy", cv=3).fit(X, y)
    assert_allclose(model.scores_, accuracy.scores_ - 1, atol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_approximate_leave_one_out_is_near_the_exact_one(n_classes):
    X, y = problem(60, 3, n_classes=n_classes)
    Cs = [0.01, 0.1, 1.0]
    near = GDLogisticRegressionCV(Cs=Cs, cv="loo", **TIGHT).fit(X, y)
    exact = GDLogisticRegressionCV(Cs=Cs, cv=LeaveOneOut(), **TIGHT).fit(X, y)
    assert near.C_ == exact.C_
    assert near.scores_.shape == exact.scores_.shape == (60, 1, 3)
    assert_allclose(near.scores_.mean(axis=0), exact.scores_.mean(axis=0), rtol=0.01)
    assert_allclose(near.cv_predictions_, exact.cv_predictions_, atol=0.03)
    assert near.coefs_paths_.shape[:3] == near.n_iter_.shape == (1, 1, 3)
    assert_allclose(near.coef_, exact.coef_, rtol=1e-6)


def test_leave_one_out_in_fewer_rows_than_columns():
    X, y = problem(30, 50)
    near = GDLogisticRegressionCV(Cs=[1e-3, 1e-2], cv="loo", **TIGHT).fit(X, y)
    exact = GDLogisticRegressionCV(Cs=[1e-3, 1e-2], cv=LeaveOneOut(), **TIGHT).fit(X, y)
    assert_allclose(near.scores_.mean(axis=0), exact.scores_.mean(axis=0), rtol=0.01)
    assert near.C_ == exact.C_


@pytest.mark.parametrize(
    ("params", "arguments", "reason"),
    [
        ({"scoring": "roc_auc"}, {}, "a single row has no such score"),
        ({"Cs": [1.0, np.inf]}, {}, "leave out C=inf"),
        ({"scoring": get_scorer("neg_log_loss")}, {}, "a single row has no such score"),
        ({}, {"groups": np.arange(80) % 4}, "a group"),
        ({}, {"sample_weight": np.arange(80.0)}, "a row without weight"),
    ],
)
def test_leave_one_out_is_refused_with_a_reason(params, arguments, reason):
    X, y = problem(80)
    with pytest.raises(ValueError, match=f"cv='loo' does not suit here: .*{reason}"):
        GDLogisticRegressionCV(cv="loo", **params).fit(X, y, **arguments)


def test_leave_one_out_is_refused_for_data_that_it_does_not_suit(monkeypatch):
    X, y = problem(80)
    model = GDLogisticRegressionCV(cv="loo")
    with pytest.raises(ValueError, match="a class has a single row"):
        model.fit(X, np.arange(80) == 3)
    monkeypatch.setattr("bce_logistic.estimators.loo_fits.MAX_ROWS", 79)
    with pytest.raises(ValueError, match="folds cost as little"):
        model.fit(X, y)
    monkeypatch.setattr("bce_logistic.estimators.loo_fits.MAX_ROWS", 80)
    monkeypatch.setattr("bce_logistic.estimators.loo_fits.MAX_COEFFICIENTS", 4)
    with pytest.raises(ValueError, match="a Hessian of 5 coefficients"):
        model.fit(X, y)


def test_leave_one_out_with_routing():
    X, y = problem(60, 3)
    with sklearn.config_context(enable_metadata_routing=True):
        model = GDLogisticRegressionCV(Cs=[0.1, 1.0], cv="loo").fit(X, y)
    assert model.C_ == GDLogisticRegressionCV(Cs=[0.1, 1.0], cv="loo").fit(X, y).C_


@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_shares_of_the_l1_penalty(n_classes, refit):
    X, y = problem(100, 5, n_classes=n_classes)
    Cs, ratios = [0.03, 1.0, 0.3], [0.0, 1.0, 0.5]
    params = {"cv": 3, **TIGHT}
    model = GDLogisticRegressionCV(Cs=Cs, l1_ratios=ratios, refit=refit, **params).fit(X, y)
    search = GridSearchCV(
        GDLogisticRegression(**TIGHT),
        [{"l1_ratio": [ratio], "C": Cs} for ratio in ratios],
        cv=3,
        scoring="neg_log_loss",
    ).fit(X, y)
    assert model.scores_.shape == model.n_iter_.shape == (3, 3, 3)
    assert_allclose(model.scores_.reshape(3, 9), split_scores(search), rtol=1e-5)
    assert_array_equal(model.l1_ratios_, ratios)
    assert (model.coefs_paths_[:, 1, 0] == 0).any()
    assert (model.coefs_paths_[:, 0, 0] != 0).all()
    if refit:
        best = search.best_params_
        assert (model.C_, model.l1_ratio_) == (best["C"], best["l1_ratio"])
        assert_allclose(model.coef_, search.best_estimator_.coef_, rtol=1e-4, atol=1e-6)
    else:
        i, k = np.divmod(model.scores_.reshape(3, 9).argmax(axis=1), 3)
        assert_allclose(model.l1_ratio_, np.array(ratios)[i].mean())
        assert_allclose(model.coef_, model.coefs_paths_[range(3), i, k].mean(axis=0))


def test_penalty_weights_reach_the_fits():
    X, y = problem(100, 5)
    params = {**TIGHT, "penalty_weights": [0.0, 1, 5, 1, 1]}
    model = GDLogisticRegressionCV(Cs=CS, **params).fit(X, y)
    same_as_grid_search(model, grid_search(X, y, 5, **params))


def test_no_penalty_with_a_share_of_l1():
    X, y = problem(200, 3)
    model = GDLogisticRegressionCV(Cs=[1.0, np.inf], l1_ratios=[1.0], **TIGHT).fit(X, y)
    same_as_grid_search(model, grid_search(X, y, 5, Cs=[1.0, np.inf], l1_ratio=1.0))


@pytest.mark.parametrize("l1_ratios", [[], [-0.1], [1.5], [np.nan], [[0.5]]])
def test_unusable_shares_are_refused(l1_ratios):
    X, y = problem()
    with pytest.raises(ValueError, match="l1_ratios"):
        GDLogisticRegressionCV(Cs=CS, l1_ratios=l1_ratios).fit(X, y)


def test_leave_one_out_with_l1_is_refused():
    X, y = problem()
    with pytest.raises(ValueError, match="an L1 penalty has not"):
        GDLogisticRegressionCV(cv="loo", l1_ratios=[0.0, 0.5]).fit(X, y)


def test_leave_one_out_with_penalty_weights():
    X, y = problem(30, 50)
    weights_ = np.linspace(0.5, 2, 50)
    params = {"Cs": [1e-3, 1e-2], "penalty_weights": weights_, **TIGHT}
    near = GDLogisticRegressionCV(cv="loo", **params).fit(X, y)
    exact = GDLogisticRegressionCV(cv=LeaveOneOut(), **params).fit(X, y)
    assert_allclose(near.scores_.mean(axis=0), exact.scores_.mean(axis=0), rtol=0.01)


def test_models_that_do_not_converge_together_converge_alone(monkeypatch, capsys):
    X, y = problem(100, 5)
    alone = GDLogisticRegressionCV(Cs=CS, cv=3, **TIGHT).fit(X, y)
    together = grid_fits.minimize_together

    def some_fail(grid, seed):
        solution = together(grid, seed)
        solution.converged[1, [0, 2]] = False
        solution.W[1, [0, 2]] = 1e3
        return solution

    monkeypatch.setattr(grid_fits, "minimize_together", some_fail)
    model = GDLogisticRegressionCV(Cs=CS, cv=3, verbose=1, **TIGHT).fit(X, y)
    assert_allclose(model.scores_, alone.scores_, rtol=1e-6)
    assert_allclose(model.coefs_paths_, alone.coefs_paths_, rtol=1e-4, atol=1e-6)
    lines = [line.split(":")[0] for line in capsys.readouterr().out.splitlines()]
    assert sorted(lines) == sorted(f"fold {f}, C={C:.3g}" for f in range(3) for C in CS)


def test_arrays_of_another_library_give_attributes_there(monkeypatch):
    needs_scikit_learn("1.9", "arrays of other libraries are not dispatched")
    strict = pytest.importorskip("array_api_strict")
    pytest.importorskip("array_api_compat")
    monkeypatch.setenv("SCIPY_ARRAY_API", "1")
    X, y = problem(100, 4)
    memory = GDLogisticRegressionCV(Cs=CS, cv=3).fit(X, y)
    with sklearn.config_context(array_api_dispatch=True):
        there = strict.asarray(X)
        model = GDLogisticRegressionCV(Cs=CS, cv=3).fit(there, strict.asarray(y))
        predicted = model.predict_proba(there)
    assert type(model.coef_) is type(predicted) is type(there)
    assert_array_equal(model.scores_, memory.scores_)
    assert model.C_ == memory.C_
    assert_allclose(np.asarray(predicted), memory.predict_proba(X), rtol=1e-4)
