"""The plot of scores against C."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import CVScoresDisplay, GDLogisticRegression, GDLogisticRegressionCV

from ..common import problem

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
pytestmark = pytest.mark.filterwarnings("ignore:C_=.* is the .* of Cs:UserWarning")


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def model():
    X, y = problem(100, 4)
    return GDLogisticRegressionCV(Cs=[1.0, 0.01, 0.1, 100.0], cv=3).fit(X, y)


def test_mean_error_and_choice(model):
    display = CVScoresDisplay.from_estimator(model)
    order = np.argsort(model.Cs_)
    scores = model.scores_[:, 0, order]
    assert_allclose(display.line_.get_xdata(), model.Cs_[order])
    assert_allclose(display.line_.get_ydata(), scores.mean(axis=0))
    error = scores.std(axis=0, ddof=1) / np.sqrt(3)
    (path,) = display.band_.get_paths()
    lowest, highest = path.vertices[:, 1].min(), path.vertices[:, 1].max()
    assert_allclose(lowest, (scores.mean(axis=0) - error).min())
    assert_allclose(highest, (scores.mean(axis=0) + error).max())
    assert display.chosen_.get_xdata()[0] == model.C_
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_ylabel() == "neg_log_loss"
    assert display.fold_lines_ == []


def test_losses_and_folds(model):
    figure, ax = plt.subplots()
    display = CVScoresDisplay.from_estimator(
        model, negate_score=True, show_folds=True, ax=ax, line_kwargs={"color": "red"}
    )
    assert display.figure_ is figure
    assert (display.line_.get_ydata() > 0).all()
    assert display.line_.get_color() == "red"
    assert len(display.fold_lines_) == 3
    assert display.ax_.get_ylabel() == "log_loss"


def test_pipelines_and_one_fold():
    X, y = problem(100, 4)
    cv = [(np.arange(60), np.arange(60, 100))]
    model = make_pipeline(StandardScaler(), GDLogisticRegressionCV(Cs=[0.1, 1.0, 10.0], cv=cv))
    display = CVScoresDisplay.from_estimator(model.fit(X, y), name="mine")
    assert display.band_ is None
    assert display.ax_.get_ylabel() == "mine"


def test_without_a_refit_no_c_is_marked():
    X, y = problem(100, 4)
    model = GDLogisticRegressionCV(Cs=[0.1, 1.0], cv=3, refit=False).fit(X, y)
    assert CVScoresDisplay.from_estimator(model).chosen_ is None


def test_other_estimators_are_refused():
    X, y = problem()
    with pytest.raises(TypeError, match="GDLogisticRegression has no scores"):
        CVScoresDisplay.from_estimator(GDLogisticRegression().fit(X, y))
