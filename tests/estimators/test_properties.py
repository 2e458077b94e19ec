"""What is true of every problem: checked on problems that hypothesis makes up.

The examples are the same in every run (see conftest.py). Features are multiples of small
numbers, so that sums over rows in another order differ only by rounding.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace

import hypothesis
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from bce_logistic import GDLogisticRegression

from ..common import derivative, fitted_value, objective, value

LAYOUTS = [np.ascontiguousarray, np.asfortranarray, scipy.sparse.csr_array, scipy.sparse.csc_matrix]
# Solvers of scikit-learn that solve problems of any number of classes to many digits.
REFERENCES = [
    {"solver": "lbfgs", "tol": 1e-10, "max_iter": 10_000},
    {"solver": "newton-cholesky", "tol": 1e-10, "max_iter": 500},
]


@dataclass(frozen=True)
class Problem:
    """Data and what is to be done with them."""

    X: np.ndarray
    y: np.ndarray
    s: np.ndarray
    C: float
    fit_intercept: bool
    layout: object

    def fit(self, **params):
        model = GDLogisticRegression(
            solver="preconditioned", C=self.C, fit_intercept=self.fit_intercept, **params
        )
        return model.fit(self.layout(self.X), self.y, self.s)

    def optimum(self):
        """A model about as good as double precision allows."""
        return self.fit(tol=1e-12)


@st.composite
def problems(draw, penalised=True):
    """Problems of many sizes, dtypes, numbers of classes, weights, scales and kinds of rows."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_classes = draw(st.integers(2, 4))
    n_samples = draw(st.integers(2 * n_classes, draw(st.sampled_from([10, 60, 600]))))
    n_features = draw(st.integers(1, 8))
    X = np.round(rng.normal(size=(n_samples, n_features)) * 8) / 8
    X *= rng.random(X.shape) < draw(st.sampled_from([1.0, 0.5, 0.1]))
    y = (
        X[:, :1] @ rng.normal(size=(1, n_classes)) + rng.gumbel(size=(n_samples, n_classes))
    ).argmax(axis=1)
    y[: 2 * n_classes] = np.tile(np.arange(n_classes), 2)
    s = draw(
        st.sampled_from(
            [
                np.ones(n_samples),
                rng.integers(1, 5, size=n_samples).astype(float),
                rng.exponential(size=n_samples) + 0.01,
            ]
        )
    )
    X *= draw(st.sampled_from([2.0**-10, 1.0, 2.0**10]))
    X += draw(st.sampled_from([0.0, 0.0, 16.0])) * np.abs(X).max()
    return Problem(
        X.astype(draw(st.sampled_from([np.float64, np.float64, np.float32, np.int64]))),
        y,
        s,
        draw(st.sampled_from([1e-3, 1.0, 1e3])) if penalised else np.inf,
        draw(st.booleans()),
        draw(st.sampled_from(LAYOUTS)),
    )


def examples(n):
    return hypothesis.settings(max_examples=n)


def same(model, X, other, other_X, classes=slice(None)):
    """Same objective and same probabilities, those of the other in an order of its classes."""
    # A loss of a sample is known to the spacing of numbers near one.
    assert_allclose(model.loss_curve_[-1], other.loss_curve_[-1], rtol=1e-9, atol=1e-15)
    # A gap of 1e-12 leaves about the root of it open.
    expected = other.predict_proba(other_X)[:, classes]
    assert_allclose(model.predict_proba(X), expected, rtol=1e-4, atol=1e-5)


def double(task):
    """The same in double precision, whose optimum is known to more digits."""
    return replace(task, X=task.X.astype(np.float64))


@given(task=problems(), seed=st.integers(0, 2**32 - 1))
@examples(300)
def test_gradient_is_the_derivative(task, seed):
    X = task.X.astype(np.float64)
    rows = scipy.sparse.csr_array(X) if scipy.sparse.issparse(task.layout(X)) else X
    n_classes = task.y.max() + 1
    shape = (X.shape[1] + task.fit_intercept,) + ((n_classes,) if n_classes > 2 else ())
    w = np.random.default_rng(seed).normal(size=shape) / max(1, np.abs(X).max())
    point = objective(rows, task.y, task.s, task.C, task.fit_intercept).at(w)

    def penalised_loss(w):
        return value(w, X, task.y, task.s, task.C, task.fit_intercept)

    assert_allclose(point.value, penalised_loss(w), rtol=1e-12)
    # Steps that change the scores of all features about equally.
    width = np.append(np.maximum(np.abs(X).max(axis=0), 1e-3), np.ones(int(task.fit_intercept)))
    width = width.reshape((-1,) + (1,) * (len(shape) - 1))
    numeric = derivative(lambda v: penalised_loss(v / width), w * width) * width
    scale = task.s.sum() * width + np.abs(w) / task.C
    assert_allclose(point.gradient / scale, numeric / scale, rtol=1e-6, atol=1e-8)


@given(task=problems())
@examples(100)
def test_no_solver_of_scikit_learn_finds_a_lower_objective(task):
    # Double precision only: of a matrix in single precision scikit-learn keeps fewer digits.
    task = double(task)
    X = task.layout(task.X)
    models = [
        LogisticRegression(C=task.C, fit_intercept=task.fit_intercept, **params)
        for params in REFERENCES
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they may stop short of it on badly scaled features
        found = [fitted_value(m.fit(X, task.y, task.s), task.X, task.y, task.s) for m in models]
    ours = fitted_value(task.fit(tol=1e-10), task.X, task.y, task.s)
    assert ours <= min(found) * (1 + 1e-8)


@given(task=problems(), seed=st.integers(0, 2**32 - 1))
@examples(100)
def test_order_of_rows_columns_and_labels(task, seed):
    task = double(task)
    rng = np.random.default_rng(seed)
    rows, columns = rng.permutation(len(task.y)), rng.permutation(task.X.shape[1])
    n_classes = task.y.max() + 1
    labels = rng.permutation(n_classes)  # for two classes now and then a swap
    model = task.optimum()
    other = replace(
        task, X=task.X[rows][:, columns], y=labels[task.y[rows]], s=task.s[rows]
    ).optimum()
    same(other, task.X[:, columns], model, task.X, np.argsort(labels))
    names = np.array(["d", "c", "b", "a"])[:n_classes]
    named = replace(task, y=names[task.y]).optimum()
    assert_array_equal(named.classes_, np.sort(names))
    same(named, task.X, model, task.X, slice(None, None, -1))


@given(task=problems(), seed=st.integers(0, 2**32 - 1))
@examples(100)
def test_weight_is_repetition_and_zero_weight_is_absence(task, seed):
    task = double(task)
    rng = np.random.default_rng(seed)
    model = task.optimum()
    # Every row's weight in up to three parts, and rows without weight among them.
    times = rng.integers(1, 4, size=len(task.y))
    split = np.repeat(task.s / times, times)
    more = rng.integers(1, 5)
    other = replace(
        task,
        X=np.vstack([np.repeat(task.X, times, axis=0), task.X[:more] * 7 - 3]),
        y=np.append(np.repeat(task.y, times), task.y[:more][::-1]),
        s=np.append(split, np.zeros(more)),
    ).optimum()
    same(other, task.X, model, task.X)


@pytest.mark.filterwarnings("ignore::bce_logistic.CollinearityWarning")
@given(task=problems(penalised=False), powers=st.lists(st.integers(-20, 20), min_size=8))
@examples(100)
def test_units_of_the_features_do_not_matter_without_a_penalty(task, powers):
    # Noisy labels twice for every row: nothing separates the classes.
    task = double(task)
    n_classes = task.y.max() + 1
    twice = replace(
        task,
        X=np.vstack([task.X] * n_classes),
        y=np.concatenate([(task.y + k) % n_classes for k in range(n_classes)]),
        s=np.concatenate([task.s / (1 + k) for k in range(n_classes)]),
    )
    units = 2.0 ** np.array(powers[: task.X.shape[1]])
    other = replace(twice, X=twice.X * units)
    same(other.optimum(), other.X, twice.optimum(), twice.X)


@given(task=problems(), scale=st.sampled_from([0.0, 1.0, 37.0, 1e3, 1e10, 1e20]))
@examples(150)
def test_probabilities_are_probabilities(task, scale):
    model = task.fit(max_iter=3, tol=0.0)
    largest = float(np.abs(model.decision_function(task.layout(task.X))).max())
    X = task.X.astype(np.float64) * (scale / largest if largest > 0 else 1.0)
    proba, log_proba = model.predict_proba(X), model.predict_log_proba(X)
    assert ((proba >= 0) & (proba <= 1)).all()  # which NaN is not
    assert_allclose(proba.sum(axis=1), 1, rtol=1e-14)
    assert np.isfinite(log_proba).all()
    assert (log_proba <= 0).all()
    scores = model.decision_function(X)
    assert_array_equal(
        model.predict(X), scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0).astype(int)
    )


@pytest.mark.parametrize("n_classes", [2, 3])
@given(scores=st.lists(st.floats(-1e20, 1e20), min_size=3, max_size=3))
def test_probabilities_of_any_scores(n_classes, scores):
    model = GDLogisticRegression(max_iter=0, tol=0.0)
    model.fit(np.zeros((n_classes, 1)), np.arange(n_classes))
    model.intercept_ = np.array(scores[: len(model.intercept_)])
    proba, log_proba = model.predict_proba([[0.0]]), model.predict_log_proba([[0.0]])
    assert ((proba >= 0) & (proba <= 1)).all()
    assert_allclose(proba.sum(), 1, rtol=1e-15)
    assert np.isfinite(log_proba).all()


def test_the_problems_are_of_many_kinds():
    kinds = set()

    @given(task=problems())
    @examples(300)
    def collect(task):
        kinds.add(("dtype", task.X.dtype.name))
        kinds.add(("classes", int(task.y.max()) + 1))
        kinds.add(("layout", task.layout.__name__))
        kinds.add(("intercept", task.fit_intercept))
        kinds.add(("weights", bool((task.s == 1).all())))
        kinds.add(("wide", task.X.shape[1] > 4))

    collect()
    assert len(kinds) == 3 + 3 + 4 + 2 + 2 + 2
