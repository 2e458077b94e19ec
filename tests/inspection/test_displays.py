"""Plots show what the fits hold."""

import builtins
import itertools
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bce_logistic import (
    GDLogisticRegression,
    LossCurveDisplay,
    RegularizationPathDisplay,
    regularization_path,
)

from ..common import every_solver, problem, weights

CS = [0.01, 1.0, 100.0]


@pytest.fixture(autouse=True)
def closed_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def fitted():
    return GDLogisticRegression(solver="gd", tol=1e-5).fit(*problem())


def labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@every_solver
@pytest.mark.parametrize("curve", ["loss", "gradient_norm"])
def test_a_curve_is_that_of_the_fit(solver, curve):
    model = GDLogisticRegression(**solver).fit(*problem())
    display = LossCurveDisplay.from_estimator(model, curve=curve)
    values = getattr(model, f"{curve}_curve_")
    x, y = display.line_.get_data()
    assert_array_equal(display.values, values)
    assert_array_equal(y, values)
    assert_array_equal(x, np.arange(len(values)))
    assert display.curve == curve
    assert "nats" in display.ax_.get_ylabel()
    assert display.ax_.get_xlabel() == "iterations"
    assert display.ax_.get_yscale() == "linear"
    assert isinstance(display.line_, matplotlib.lines.Line2D)
    assert display.figure_ is display.ax_.figure


def test_the_distance_to_a_minimum_is_drawn_where_it_is_positive(fitted):
    minimum = np.sort(fitted.loss_curve_)[2]
    display = LossCurveDisplay.from_estimator(fitted, minimum=minimum)
    y = display.line_.get_ydata()
    assert_allclose(y[:-3], fitted.loss_curve_[:-3] - minimum, rtol=1e-15)
    assert np.isnan(y[-3:]).all()
    assert display.ax_.get_yscale() == "log"
    assert "above its minimum" in display.ax_.get_ylabel()


def test_the_axis_is_logarithmic_on_demand(fitted):
    display = LossCurveDisplay.from_estimator(fitted, curve="gradient_norm", log_scale=True)
    assert display.ax_.get_yscale() == "log"
    assert_array_equal(display.line_.get_ydata(), fitted.gradient_norm_curve_)


def test_several_fits_share_one_axis(fitted):
    default = GDLogisticRegression().fit(*problem())
    first = LossCurveDisplay.from_estimator(fitted)
    second = LossCurveDisplay.from_estimator(default, name="default", ax=first.ax_)
    assert second.ax_ is first.ax_
    assert second.figure_ is first.figure_
    assert first.ax_.get_lines() == [first.line_, second.line_]
    assert labels(first.ax_) == ["GDLogisticRegression", "default"]


def test_of_a_pipeline_the_curve_is_that_of_its_last_step():
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression()).fit(*problem())
    display = LossCurveDisplay.from_estimator(pipeline)
    assert_array_equal(display.values, pipeline[-1].loss_curve_)
    assert labels(display.ax_) == ["GDLogisticRegression"]


def test_the_line_can_be_styled(fitted):
    display = LossCurveDisplay.from_estimator(fitted, line_kwargs={"color": "red", "label": "x"})
    assert display.line_.get_color() == "red"
    assert labels(display.ax_) == ["x"]


def test_a_curve_without_a_name_has_no_legend():
    display = LossCurveDisplay(values=[3.0, 2.0, 1.0], curve="validation_loss").plot()
    assert_array_equal(display.line_.get_ydata(), [3, 2, 1])
    assert "validation rows" in display.ax_.get_ylabel()
    assert display.ax_.get_legend() is None
    assert labels(display.plot(name="validation").ax_) == ["validation"]


def test_the_validation_loss_is_drawn_if_a_fit_has_one():
    model = GDLogisticRegression(tol=1e-3).fit(*problem())
    with pytest.raises(ValueError, match=r"no validation_loss_curve_.*early_stopping=True"):
        LossCurveDisplay.from_estimator(model, curve="validation_loss")
    model.validation_loss_curve_ = np.array([0.7, 0.5])
    display = LossCurveDisplay.from_estimator(model, curve="validation_loss")
    assert_array_equal(display.line_.get_ydata(), [0.7, 0.5])


def test_a_curve_needs_a_fitted_classifier_and_a_known_name(fitted):
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(GDLogisticRegression())
    with pytest.raises(ValueError, match=r"curve must be one of .*got 'accuracy'"):
        LossCurveDisplay.from_estimator(fitted, curve="accuracy")
    with pytest.raises(ValueError, match="curve must be one of"):
        LossCurveDisplay(values=[1.0], curve="accuracy").plot()
    with pytest.raises(
        ValueError, match=r"LogisticRegression has no loss_curve_.*Pipeline that ends"
    ):
        LossCurveDisplay.from_estimator(LogisticRegression().fit(*problem()))
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(make_pipeline(StandardScaler(), GDLogisticRegression()))
    assert plt.get_fignums() == []


@every_solver
def test_a_path_is_that_of_separate_fits(solver):
    X, y = problem()
    s = weights(len(y))
    model = GDLogisticRegression(**solver)
    display = RegularizationPathDisplay.from_estimator(model, X, y, Cs=CS, sample_weight=s)
    separate = [GDLogisticRegression(**solver, C=C).fit(X, y, sample_weight=s).coef_[0] for C in CS]
    assert_allclose(display.coefs, separate, rtol=1e-6)
    assert_array_equal(display.Cs, CS)
    for j, line in enumerate(display.lines_):
        assert_array_equal(line.get_xdata(), CS)
        assert_array_equal(line.get_ydata(), display.coefs[:, j])
    assert display.ax_.get_xscale() == "log"
    assert display.ax_.get_lines() == display.lines_
    assert display.figure_ is display.ax_.figure
    assert list(display.feature_names) == ["x0", "x1", "x2", "x3"]
    assert vars(model) == vars(GDLogisticRegression(**solver))


def test_each_fit_of_a_path_starts_from_the_one_before():
    passes = []

    class Recorder(GDLogisticRegression):
        def fit(self, X, y, sample_weight=None):
            super().fit(X, y, sample_weight=sample_weight)
            passes.append(self.n_iter_[0])
            return self

    X, y = problem()
    RegularizationPathDisplay.from_estimator(Recorder(), X, y, Cs=[1.0, 1.0, 1.001])
    assert passes[0] > passes[1]
    assert passes[0] > passes[2]


def test_a_path_goes_up_and_an_int_is_a_number_of_strengths():
    X, y = problem()
    from_above = RegularizationPathDisplay.from_estimator(GDLogisticRegression(), X, y, Cs=CS[::-1])
    assert_array_equal(from_above.Cs, CS)
    display = RegularizationPathDisplay.from_estimator(GDLogisticRegression(), X, y, Cs=5)
    assert_allclose(display.Cs, [1e-4, 1e-2, 1, 1e2, 1e4], rtol=1e-14)


def test_features_have_their_names():
    pandas = pytest.importorskip("pandas")
    X, y = problem()
    frame = pandas.DataFrame(X, columns=list("abcd"))
    display = RegularizationPathDisplay.from_estimator(GDLogisticRegression(), frame, y, Cs=CS)
    assert [line.get_label() for line in display.lines_] == list("abcd")
    by_size = np.argsort(-np.abs(display.coefs[-1]))
    assert [text.get_text() for text in display.texts_] == ["abcd"[j] for j in by_size]

    rows = scipy.sparse.csr_array(X)
    display = RegularizationPathDisplay.from_estimator(
        GDLogisticRegression(), rows, y, Cs=CS, feature_names=list("ABCD")
    )
    assert [line.get_label() for line in display.lines_] == list("ABCD")


def test_only_the_largest_coefficients_are_named():
    display = RegularizationPathDisplay(
        Cs=[1.0, 2.0], coefs=[[0, 9, 0], [1, -2, 3]], feature_names=list("abc")
    ).plot(n_named=2)
    # b is the last to vanish; of a and c, which come up together, c is larger.
    assert [text.get_text() for text in display.texts_] == ["b", "c"]
    assert [text.xy for text in display.texts_] == [(1, -2), (1, 3)]
    assert display.lines_[0].get_color() == "0.8"
    assert_array_equal(display.count_line_.get_ydata(), [1, 3])
    assert display.plot(n_named=0).texts_ == []
    dense = RegularizationPathDisplay(Cs=[1.0], coefs=[[1, 2]], feature_names=list("ab")).plot()
    assert dense.count_line_ is None


def test_names_do_not_cover_each_other():
    ends = np.array([0.0, 5.0, 0.01, -0.01, 0.0])
    display = RegularizationPathDisplay(
        Cs=[1.0, 2.0], coefs=[np.zeros(5), ends], feature_names=list("abcde")
    ).plot()
    display.figure_.canvas.draw()
    boxes = {text.get_text(): text.get_window_extent() for text in display.texts_}
    heights = sorted((box.y0, box.y1) for box in boxes.values())
    assert all(below[1] <= above[0] for below, above in itertools.pairwise(heights))
    assert boxes["d"].y0 < boxes["a"].y0 < boxes["c"].y0 < boxes["b"].y0
    assert max(line.get_xdata().max() for line in display.lines_) == display.ax_.get_xlim()[1]


def test_a_path_can_be_drawn_on_given_axes_and_styled():
    _, ax = plt.subplots()
    X, y = problem()
    display = RegularizationPathDisplay.from_estimator(
        GDLogisticRegression(), X, y, Cs=CS, ax=ax, line_kwargs={"linestyle": ":"}
    )
    assert display.ax_ is ax
    assert {line.get_linestyle() for line in display.lines_} == {":"}


def test_a_path_is_that_of_the_class_asked_for():
    X, y = problem(n_classes=3)
    y = np.array(["red", "green", "blue"])[y]
    model = GDLogisticRegression(tol=1e-12)
    reference = GDLogisticRegression(tol=1e-12, C=10).fit(X, y)
    for target, coef in zip(reference.classes_, reference.coef_, strict=True):
        display = RegularizationPathDisplay.from_estimator(model, X, y, Cs=[1, 10], target=target)
        assert_allclose(display.coefs[-1], coef, rtol=1e-6)
    with pytest.raises(ValueError, match=r"\['blue', 'green', 'red'\], got None"):
        RegularizationPathDisplay.from_estimator(model, X, y)
    X, y = problem()
    display = RegularizationPathDisplay.from_estimator(model, X, y, Cs=[1], target=1)
    assert_allclose(display.coefs, model.fit(X, y).coef_, rtol=1e-12)
    with pytest.raises(ValueError, match=r"one of the classes \[1\], got 0"):
        RegularizationPathDisplay.from_estimator(model, X, y, target=0)


def test_a_path_of_soft_labels():
    X, y = problem(n_classes=3)
    Y = 0.9 * np.eye(3)[y] + 0.1 / 3
    display = RegularizationPathDisplay.from_estimator(
        GDLogisticRegression(), X, Y, Cs=[1.0], target=2
    )
    assert_allclose(display.coefs, GDLogisticRegression().fit(X, Y).coef_[[2]], rtol=1e-10)
    with pytest.raises(ValueError, match=r"one of the classes \[0, 1, 2\]"):
        RegularizationPathDisplay.from_estimator(GDLogisticRegression(), X, Y, Cs=[1.0])


def test_a_path_that_was_computed_is_drawn():
    X, y = problem(n_classes=3)
    path = regularization_path(X, y, Cs=7, l1_ratio=0.9)
    display = RegularizationPathDisplay.from_path(path, target=2, n_named=2)
    assert_array_equal(display.coefs, path.coefs[:, 2])
    assert_array_equal(display.Cs, path.Cs)
    assert_array_equal(display.count_line_.get_ydata(), (path.coefs[:, 2] != 0).sum(axis=1))
    with pytest.raises(ValueError, match="target must be one of"):
        RegularizationPathDisplay.from_path(path)


@pytest.mark.parametrize("Cs", [[], [0.0, 1.0], [-1.0], [np.inf], [np.nan], 0])
def test_strengths_must_fit_on_a_logarithmic_axis(Cs):
    with pytest.raises(ValueError, match="positive and finite"):
        RegularizationPathDisplay.from_estimator(GDLogisticRegression(), *problem(), Cs=Cs)


def test_a_path_needs_a_classifier_and_as_many_names_as_features():
    X, y = problem()
    pipeline = make_pipeline(StandardScaler(), GDLogisticRegression())
    with pytest.raises(TypeError, match=r"Pipeline .*C and warm_start.*transformed X"):
        RegularizationPathDisplay.from_estimator(pipeline, X, y)
    with pytest.raises(ValueError, match="2 feature_names for 4 features"):
        RegularizationPathDisplay.from_estimator(
            GDLogisticRegression(), X, y, feature_names=["a", "b"]
        )


def test_a_path_of_scikit_learns_estimator_is_the_same():
    X, y = problem()
    reference = LogisticRegression(solver="newton-cholesky", tol=1e-10)
    theirs = RegularizationPathDisplay.from_estimator(reference, X, y, Cs=CS)
    ours = RegularizationPathDisplay.from_estimator(GDLogisticRegression(tol=1e-13), X, y, Cs=CS)
    assert_allclose(ours.coefs, theirs.coefs, rtol=1e-6)


@pytest.mark.parametrize(
    "draw",
    [
        lambda model: LossCurveDisplay.from_estimator(model),
        lambda model: LossCurveDisplay(values=[1.0]).plot(),
        lambda model: RegularizationPathDisplay.from_estimator(model, *problem()),
        lambda model: RegularizationPathDisplay(Cs=[1], coefs=[[1]], feature_names=["a"]).plot(),
    ],
)
def test_without_matplotlib_the_error_says_what_to_install(draw, fitted, monkeypatch):
    def without_matplotlib(name, *arguments):
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(f"No module named {name!r}")
        return real_import(name, *arguments)

    real_import = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    with pytest.raises(ImportError, match="pip install matplotlib"):
        draw(fitted)


def test_the_package_does_not_import_matplotlib():
    code = "import sys, bce_logistic; sys.exit('matplotlib' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
