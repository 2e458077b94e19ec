"""Cross-validation of Dask collections is that of the rows in memory."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, ShuffleSplit

from bce_logistic import GDLogisticRegressionCV
from bce_logistic.rows.dask import DaskRows

from ..common import problem, weights

dask = pytest.importorskip("dask")
da = pytest.importorskip("dask.array")

CS = [0.01, 1.0, 100.0]
pytestmark = pytest.mark.filterwarnings("ignore:C_=.* is the .* of Cs:UserWarning")


@pytest.fixture(autouse=True)
def _synchronous():
    with dask.config.set(scheduler="synchronous"):
        yield


def collections(*arrays, chunks=((50, 0, 70, 80),)):
    return tuple(da.from_array(a, chunks=chunks + ((-1,) if a.ndim == 2 else ())) for a in arrays)


def both(X, y, s=None, chunks=((50, 0, 70, 80),), **params):
    """The same fit in memory and on collections."""
    params = {"Cs": CS, "cv": KFold(3, shuffle=True, random_state=0), "tol": 1e-12, **params}
    memory = GDLogisticRegressionCV(**params).fit(X, y, s)
    lazy = collections(*([X, y] if s is None else [X, y, s]), chunks=chunks)
    return memory, GDLogisticRegressionCV(**params).fit(*lazy)


def same(memory, distributed):
    assert_allclose(distributed.scores_, memory.scores_, rtol=1e-6)
    assert distributed.C_ == memory.C_
    assert_allclose(distributed.coef_, memory.coef_, rtol=1e-4, atol=1e-6)
    assert_allclose(distributed.cv_predictions_, memory.cv_predictions_, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("scoring", ["neg_log_loss", "accuracy", "neg_brier_score", "roc_auc"])
def test_scores_and_choice(scoring):
    X, y = problem(400, 4)
    same(*both(X, y, weights(400), scoring=scoring, chunks=((150, 0, 70, 180),)))


@pytest.mark.parametrize(
    "params",
    [
        {"cv": 4},
        {"cv": ShuffleSplit(3, test_size=0.3, random_state=0)},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
    ],
    ids=str,
)
def test_folds_and_parameters(params):
    X, y = problem(400, 4)
    same(*both(X, y, **params, chunks=((150, 0, 70, 180),)))


def test_several_classes():
    X, y = problem(120, 3, n_classes=3)
    same(*both(X, y, Cs=[0.1, 1.0], cv=KFold(2), chunks=((50, 70),)))


def test_a_few_passes_for_all_fits(monkeypatch):
    """The shared passes, not one fit after the other."""
    X, y = problem(4000, 4)
    rows = []
    with_cells = DaskRows.with_cells
    monkeypatch.setattr(
        DaskRows, "with_cells", lambda self, c: rows.append(with_cells(self, c)) or rows[-1]
    )
    Cs = np.logspace(-3, 3, 10)
    cv = KFold(5, shuffle=True, random_state=0)
    lazy = collections(X, y, chunks=((1500, 1000, 1500),))
    model = GDLogisticRegressionCV(Cs=Cs, cv=cv, tol=1e-11).fit(*lazy)
    assert rows[0].passes <= 15  # of 50 fits, to 1e-11
    memory = GDLogisticRegressionCV(Cs=Cs, cv=cv, tol=1e-11).fit(X, y)
    assert_allclose(model.scores_, memory.scores_, rtol=1e-5)
    assert model.C_ == memory.C_


def test_frames():
    pandas = pytest.importorskip("pandas")
    frames = pytest.importorskip("dask.dataframe")
    X, y = problem(200, 4)
    frame = frames.from_pandas(pandas.DataFrame(X, columns=list("abcd")), npartitions=3)
    labels = frames.from_pandas(pandas.Series(y), npartitions=3)
    model = GDLogisticRegressionCV(Cs=CS, cv=3, tol=1e-12).fit(frame, labels)
    memory = GDLogisticRegressionCV(Cs=CS, cv=3, tol=1e-12).fit(X, y)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert_allclose(model.scores_, memory.scores_, rtol=1e-6)


def test_other_scores_are_refused():
    X, y = problem(200, 4)
    with pytest.raises(ValueError, match="On Dask collections scoring must be one of"):
        GDLogisticRegressionCV(Cs=CS, scoring="f1").fit(*collections(X, y))


def test_score_of_a_fitted_model():
    X, y = problem(200, 4)
    lazy = collections(X, y)
    model = GDLogisticRegressionCV(Cs=CS, scoring="accuracy").fit(*lazy)
    assert_allclose(model.score(*lazy), get_scorer("accuracy")(model, X, y))
    model.set_params(scoring="neg_log_loss")
    with pytest.raises(ValueError, match="only the accuracy is computed"):
        model.score(*lazy)


def test_a_feature_that_is_not_finite_is_named():
    X, y = problem(200, 4)
    X[130, 2] = np.inf
    with pytest.raises(ValueError, match=r"X\[130, 2\]"):
        GDLogisticRegressionCV(Cs=CS, cv=3).fit(*collections(X, y))
