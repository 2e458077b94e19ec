"""The forest plot shows the numbers of the table."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import CoefficientDisplay, GDLogisticRegression, inference_table

from ..common import problem

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
plt = pytest.importorskip("matplotlib.pyplot")
pandas = pytest.importorskip("pandas")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def data(n_classes=2):
    X, y = problem(n_samples=300, n_classes=n_classes)
    X = pandas.DataFrame(X, columns=["age", "income", "size", "price"])
    return X, y, GDLogisticRegression(C=np.inf).fit(X, y)


def drawn(display):
    """Names, values, and ends of the intervals, as they are in the axes."""
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    points, _, (bars,) = display.errorbar_
    ends = np.array([segment[:, 0] for segment in bars.get_segments()])
    return names, points.get_xdata(), ends


@pytest.mark.parametrize("odds_ratio", [False, True])
def test_the_numbers_are_those_of_the_table(odds_ratio):
    X, y, model = data()
    display = CoefficientDisplay.from_estimator(model, X, y, odds_ratio=odds_ratio, level=0.9)
    table = inference_table(model, X, y, level=0.9).drop("intercept")
    names, values, ends = drawn(display)
    columns = ["coef", "ci_low", "ci_high"]
    columns = ["odds_ratio", "odds_ratio_low", "odds_ratio_high"] if odds_ratio else columns
    assert names == list(table.index)
    assert_allclose(values, table[columns[0]], rtol=1e-14)
    assert_allclose(ends, table[columns[1:]], rtol=1e-12)
    assert display.ax_.get_xscale() == ("log" if odds_ratio else "linear")
    assert_array_equal(display.line_.get_xdata(), [odds_ratio] * 2)
    assert "its 90 % interval" in display.ax_.get_xlabel()
    assert display.ax_.get_ylim() == (3.5, -0.5)  # the first feature at the top
    assert display.figure_ is display.ax_.figure


def test_a_pipeline_and_options_of_the_table():
    X, y, _ = data()
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression(C=np.inf)).fit(X, y)
    _, ax = plt.subplots()
    display = CoefficientDisplay.from_estimator(
        pipeline,
        X,
        y,
        cov_type="HC0",
        intercept=True,
        feature_names=list("abcd"),
        ax=ax,
        errorbar_kwargs={"color": "red"},
    )
    names, _, ends = drawn(display)
    expected = inference_table(pipeline, X, y, cov_type="HC0")
    assert names == [*"abcd", "intercept"]
    assert_allclose(ends, expected[["ci_low", "ci_high"]], rtol=1e-12)
    assert display.ax_ is ax
    assert display.errorbar_[0].get_color() == "red"


def test_one_class_of_several():
    X, y, model = data(3)
    table = inference_table(model, X, y)
    display = CoefficientDisplay.from_estimator(model, X, y, target=2)
    assert_allclose(drawn(display)[1], table.loc[2].drop("intercept")["coef"], rtol=1e-14)
    for target in (None, 0, "2"):
        with pytest.raises(ValueError, match=r"one of the classes \[1, 2\]"):
            CoefficientDisplay.from_estimator(model, X, y, target=target)


def test_columns_left_out_are_named():
    X, y, _ = data()
    X["again"] = X["age"]
    with pytest.warns(UserWarning, match="collinear"):
        model = GDLogisticRegression(C=np.inf).fit(X, y)
    display = CoefficientDisplay.from_estimator(model, X, y, drop_collinear=True)
    assert display.ax_.get_yticklabels()[-1].get_text() == "again"
    assert np.isnan(display.values[-1])
    assert np.isfinite(display.values[:-1]).all()


def test_values_can_be_drawn_again():
    display = CoefficientDisplay(values=[1.0], low=[0.5], high=[2.0], feature_names=["a"])
    assert display.plot() is display
    _, values, ends = drawn(display)
    assert_array_equal(values, [1.0])
    assert_array_equal(ends, [[0.5, 2.0]])


def test_without_matplotlib(monkeypatch):
    X, y, model = data()
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"CoefficientDisplay draws with matplotlib.*pip install"):
        CoefficientDisplay.from_estimator(model, X, y)
