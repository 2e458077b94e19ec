"""Callbacks of scikit-learn: the events, and requests to stop."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV

from bce_logistic import GDLogisticRegression

from ..common import problem, weights

callback = pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9 has callbacks")

FITS = {
    "preconditioned": {"C": 100.0},
    "gd": {"solver": "gd"},
    "mini-batches": {"batch_size": 20},
    "mean": {"batch_size": 20, "average": True},
}
every_fit = pytest.mark.parametrize("params", FITS.values(), ids=FITS)


class Recorder:
    """Records all events; requests to stop at the end of an iteration."""

    def __init__(self, stop_after=None):
        self.stop_after = stop_after
        self.events, self.models, self.samples = [], [], []

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(("begin", context.task_name, context.task_id))

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(("end", context.task_name, context.task_id))
        if context.task_name == "iteration":
            self.models.append(fitted_estimator)
            self.samples.append((X, y, metadata))
        return self.stop_after is not None and len(self.models) == self.stop_after


def data(n_classes=2):
    X, y = problem(100, n_classes=n_classes)
    return X, np.array(["a", "b", "c"])[y]


@every_fit
@pytest.mark.parametrize("n_classes", [2, 3])
def test_one_subtask_an_iteration(params, n_classes):
    X, y = data(n_classes)
    recorder = Recorder()
    model = GDLogisticRegression(**params, max_iter=12, tol=0.0).set_callbacks(recorder)
    model.fit(X, y, weights(100))
    n = len(model.loss_curve_) - 1
    assert n > 2
    expected = [
        event for k in range(n) for event in (("begin", "iteration", k), ("end", "iteration", k))
    ]
    fit = ("fit", 0)
    assert recorder.events == [
        "setup", ("begin", *fit), *expected, ("end", *fit), "teardown",
    ]  # fmt: skip


@every_fit
@pytest.mark.parametrize("n_classes", [2, 3])
def test_callbacks_see_the_data_and_the_current_model(params, n_classes):
    X, y = data(n_classes)
    s = weights(100)
    recorder = Recorder()
    model = GDLogisticRegression(**params, max_iter=6, tol=0.0).set_callbacks(recorder).fit(X, y, s)
    plain = clone(model).set_callbacks().fit(X, y, s)
    assert_array_equal(model.coef_, plain.coef_)
    for seen_X, seen_y, metadata in recorder.samples:
        assert_array_equal(seen_X, X)
        assert_array_equal(seen_y, y)
        assert metadata["sample_weight"] is s
    if "average" not in params and "batch_size" not in params:
        for k, fitted in enumerate(recorder.models[:-1]):
            loss = log_loss(y, fitted.predict_proba(X), sample_weight=s)
            penalty = (fitted.coef_**2).sum() / (2 * model.C * s.sum())
            assert_allclose(loss + penalty, model.loss_curve_[k + 1], rtol=1e-12)
    assert_array_equal(recorder.models[-1].coef_, model.coef_)
    assert_array_equal(recorder.models[-1].predict(X), model.predict(X))


@every_fit
def test_a_request_to_stop_ends_the_fit(params):
    X, y = data()
    recorder = Recorder(stop_after=3)
    model = GDLogisticRegression(**params, max_iter=50, tol=0.0).set_callbacks(recorder).fit(X, y)
    assert model.stop_reason_ == "callback"
    assert not model.converged_
    assert len(model.loss_curve_) == 4
    assert model.n_iter_[0] == 3
    assert recorder.events.count(("end", "iteration", 2)) == 1
    assert ("begin", "iteration", 3) not in recorder.events
    assert recorder.events[-1] == "teardown"
    assert_array_equal(recorder.models[-1].coef_, model.coef_)


def test_the_descent_may_end_just_when_it_is_asked_to():
    X, y = data()
    recorder = Recorder(stop_after=7)
    model = GDLogisticRegression(solver="gd", max_iter=7, tol=0.0).set_callbacks(recorder)
    assert model.fit(X, y).stop_reason_ == "max_iter"


@every_fit
@pytest.mark.parametrize("iteration", [0, 1, 4])
@pytest.mark.parametrize("hook", ["begin", "end"])
def test_an_error_in_a_callback_leaves_the_previous_fit_whole(params, hook, iteration):
    class Failing(Recorder):
        def fail(self, which, context):
            if which == hook and (context.task_name, context.task_id) == ("iteration", iteration):
                raise RuntimeError("broken callback")

        def on_fit_task_begin(self, estimator, context):
            self.fail("begin", context)

        def on_fit_task_end(self, estimator, context):
            self.fail("end", context)

    X, y = data()
    failing = Failing()
    model = GDLogisticRegression(**params, max_iter=20, tol=0.0).fit(X, y)
    before = {name: value for name, value in vars(model).items() if name != "_skl_callbacks"}
    model.set_callbacks(failing)
    with pytest.raises(RuntimeError, match="broken callback"):
        model.fit(-X, y)
    assert failing.events[-1] == "teardown"
    after = {name: value for name, value in vars(model).items() if name != "_skl_callbacks"}
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_search_shows_its_fits_and_monitors_them(n_jobs, capsys):
    pytest.importorskip("rich")
    X, y = data()
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    inner = GDLogisticRegression(solver="gd", max_iter=5, tol=0.0).set_callbacks(monitor)
    search = GridSearchCV(inner, {"C": [0.1, 10.0]}, cv=2, n_jobs=n_jobs)
    search.set_callbacks(callback.ProgressBar()).fit(X, y)
    assert "GDLogisticRegression" in capsys.readouterr().out
    iterations = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert len(iterations) == (2 * 2 + 1) * 5
    final = [row["neg_log_loss"] for row in iterations if row["task_id"] == 4]
    expected = -log_loss(y, search.best_estimator_.predict_proba(X))
    assert np.abs(np.array(final) - expected).min() <= 1e-12


def test_a_monitor_records_the_curve():
    X, y = data()
    monitor = callback.ScoringMonitor(scoring="neg_log_loss")
    model = GDLogisticRegression(solver="gd", C=np.inf, max_iter=6, tol=0.0)
    model.set_callbacks(monitor).fit(X, y)
    iterations = [row for row in monitor.get_logs().data if row["task_name"] == "iteration"]
    assert_allclose([row["neg_log_loss"] for row in iterations], -model.loss_curve_[1:], rtol=1e-12)
