"""Validation rows: the draw, the stop, and the coefficients that are kept."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import GDLogisticRegression
from bce_logistic.solvers.early_stopping import EarlyStopping, iterates_without_progress
from bce_logistic.validation.validation_set import draw_held_out

from ..common import every_layout, problem, weights

WAYS = {
    "preconditioned": {},
    "gd": {"solver": "gd", "nesterov": True},
    "mini-batches": {"batch_size": 16, "learning_rate": 0.5},
    "mean of mini-batches": {"batch_size": 16, "learning_rate": 0.5, "average": 10},
}
every_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def data(n_classes=2):
    """More features than the rows can teach: a weak penalty overfits."""
    X, y = problem(240, n_features=30, n_classes=n_classes)
    rng = np.random.default_rng(5)
    y = np.where(rng.random(240) < 0.3, rng.integers(0, n_classes, 240), y)
    return X[:120], y[:120], X[120:], y[120:]


def stopping(way, **params):
    return GDLogisticRegression(early_stopping=True, max_iter=300, C=1e4, **way, **params)


@every_way
@every_layout
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_coefficients_with_the_smallest_validation_loss_are_kept(way, layout, n_classes):
    X, y, X_val, y_val = data(n_classes)
    s_val = weights(120) + 0.1
    model = stopping(way).fit(
        layout(X), y, X_val=layout(X_val), y_val=y_val, sample_weight_val=s_val
    )
    curve = model.validation_loss_curve_
    found = log_loss(y_val, model.predict_proba(layout(X_val)), sample_weight=s_val)
    assert_allclose(found, curve.min(), rtol=1e-12)
    assert len(curve) == len(model.loss_curve_)
    # The fast solver may be at the optimum before, and mini-batches stand still there.
    expected = {"early_stopping"} if way == WAYS["gd"] else {"early_stopping", "tol"}
    assert model.stop_reason_ in expected
    best = int(curve.argmin())
    assert best < len(curve) - 1
    if model.stop_reason_ == "early_stopping":
        assert curve[-5:].min() > curve[:-5].min() - 1e-6


@every_way
def test_rows_without_weight_can_be_validation_rows(way):
    X, y, X_val, y_val = data()
    one = stopping(way).fit(X, y, X_val=X_val, y_val=y_val)
    X, y = np.concatenate([X, X_val]), np.concatenate([y, y_val])
    s = np.repeat([1.0, 0.0], 120)
    other = stopping(way).fit(X, y, s, X_val=X_val, y_val=y_val)
    assert_allclose(other.validation_loss_curve_.min(), one.validation_loss_curve_.min(), rtol=2e-2)
    if way:  # the fast solver may draw other rows
        assert_allclose(other.coef_, one.coef_, rtol=1e-9)


@every_way
@pytest.mark.parametrize("seed", [None, 3])
def test_drawn_validation_rows_give_the_same_fit_as_given_ones(way, seed):
    X, y, *_ = data()
    y = np.array(["no", "yes"])[y]
    drawn = stopping(way, random_state=seed, validation_fraction=0.25).fit(X, y)
    encoded = (y == "yes").astype(float)
    seed = 0 if seed is None else np.random.RandomState(seed).randint(np.iinfo(np.int32).max)
    rows = draw_held_out(encoded, np.ones(120), 0.25, seed)
    s = np.ones(120)
    s[rows] = 0
    given = stopping(way, random_state=drawn.random_state)
    given.fit(X, y, s, X_val=X[rows], y_val=y[rows])
    assert_allclose(drawn.validation_loss_curve_, given.validation_loss_curve_, rtol=1e-12)
    assert_allclose(drawn.coef_, given.coef_, rtol=1e-9)


def test_class_weights_apply_to_the_validation_rows():
    X, y, X_val, y_val = data()
    model = stopping({}, class_weight={1: 3.0}).fit(X, y, X_val=X_val, y_val=y_val)
    s_val = np.where(y_val == 1, 3.0, 1.0)
    found = log_loss(y_val, model.predict_proba(X_val), sample_weight=s_val)
    assert_allclose(found, model.validation_loss_curve_.min(), rtol=1e-12)


def test_a_later_fit_without_early_stopping_has_no_validation_curve():
    X, y, *_ = data()
    model = stopping({}).fit(X, y)
    model.set_params(early_stopping=False).fit(X, y)
    assert not hasattr(model, "validation_loss_curve_")


@pytest.mark.parametrize("patience", [1, 2, 5, 40])
@pytest.mark.parametrize("tol", [0.0, 0.05, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_iterates_without_progress_are_those_of_the_definition(patience, tol, seed):
    rng = np.random.default_rng(seed)
    losses = list(np.exp(-np.arange(30) / 5) + 0.1 * rng.normal(size=30).round(1))

    def no_progress(n):
        earlier, recent = losses[: n - patience], losses[n - patience : n]
        return n > patience and min(recent) > min(earlier) - tol

    expected = 0
    while no_progress(30 - expected):
        expected += 1
    assert iterates_without_progress(losses, patience, tol) == expected
    assert iterates_without_progress(losses[:patience], patience, tol) == 0


def test_a_loss_that_is_not_a_number_is_not_taken_for_one_without_progress():
    assert iterates_without_progress([1.0, 1.0, np.nan], patience=1, tol=0.1) == 0
    assert iterates_without_progress([1.0, 1.0], patience=1, tol=0.1) == 1


def test_tol_and_patience_decide_when_to_stop():
    class Loss:
        total_weight = 2.0

        def at(self, w):
            return type("Point", (), {"value": 2 * w})

    held_out = EarlyStopping(Loss(), tol=0.1, patience=2)
    assert [held_out.update(loss) for loss in [1.0, 0.8, 0.75, 0.71]] == [False, False, False, True]
    assert held_out.best == 0.71
    assert held_out.losses == [1.0, 0.8, 0.75, 0.71]


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_the_draw_takes_the_same_part_of_every_class(fraction):
    y = np.repeat([0, 1, 2], [100, 40, 20])
    s = np.ones(160)
    s[::20] = 0
    rows = draw_held_out(y, s, fraction, seed=0)
    assert (np.diff(rows) > 0).all()
    assert (s[rows] > 0).all()
    for k in range(3):
        assert abs((y[rows] == k).sum() - fraction * (y[s > 0] == k).sum()) <= 1
    assert set(rows) != set(draw_held_out(y, s, fraction, seed=1))


def test_a_class_too_small_to_be_on_both_sides():
    y = np.array([0] * 20 + [1])
    with pytest.raises(ValueError, match=r"early_stopping.*X_val"):
        GDLogisticRegression(early_stopping=True).fit(np.ones((21, 1)), y)


GIVEN = {
    "features alone": ({"X_val": [[1.0]]}, "y_val"),
    "labels alone": ({"y_val": [1]}, "X_val"),
    "weights alone": ({"sample_weight_val": [1]}, "X_val"),
    "other features": ({"X_val": [[1.0, 2.0]], "y_val": [1]}, "features"),
    "another class": ({"X_val": [[1.0]], "y_val": [7]}, "unseen"),
    "NaN": ({"X_val": [[np.nan]], "y_val": [1]}, "NaN"),
    "no weight": ({"X_val": [[1.0]], "y_val": [1], "sample_weight_val": [0]}, "no weight"),
}


@pytest.mark.parametrize(("given", "match"), GIVEN.values(), ids=GIVEN)
def test_invalid_validation_rows_are_refused(given, match):
    model = GDLogisticRegression(early_stopping=True)
    with pytest.raises(ValueError, match=match):
        model.fit([[0.0], [1.0], [2.0]], [0, 1, 0], **given)
    assert not hasattr(model, "coef_")


def test_validation_rows_without_early_stopping_are_refused():
    with pytest.raises(ValueError, match="early_stopping=True"):
        GDLogisticRegression().fit([[0.0], [1.0]], [0, 1], X_val=[[1.0]], y_val=[1])


def test_a_pipeline_transforms_the_validation_rows():
    X, y, X_val, y_val = data()
    with sklearn.config_context(enable_metadata_routing=True):
        inner = stopping({}).set_fit_request(X_val=True, y_val=True)
        pipeline = make_pipeline(StandardScaler(), inner, transform_input=["X_val"])
        pipeline.fit(X * 5 + 3, y, X_val=X_val * 5 + 3, y_val=y_val)
    scaler = StandardScaler().fit(X)
    alone = stopping({}).fit(scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val)
    assert_allclose(pipeline[-1].validation_loss_curve_, alone.validation_loss_curve_, rtol=1e-9)
