"""The solver that parameters choose, and parameters that are refused."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from bce_logistic import GDLogisticRegression
from bce_logistic.estimators.solver_choice import GD_DEFAULTS, choose_solver
from bce_logistic.rows.memory import row_blocks
from bce_logistic.solvers.stochastic import StochasticDescent

from .common import fitted, logistic_regression, refuses, same_model

BAD_PARAMETERS = {
    "C": [0, -1.0, np.nan, "1", None, 5e-324, 1e-309, np.float32(0), np.float16(0), True],
    "fit_intercept": ["yes", None],
    "class_weight": ["unbalanced", 1.0, {0: -1.0}, {7: 1.0}, {0: np.nan}],
    "l1_ratio": [-0.1, 1.1, np.nan, None, True, np.False_],
    "penalty_weights": [2.0, "uniform", [-1.0], [np.nan], [[1.0]]],
    "solver": ["lbfgs", None, 0],
    "learning_rate": [0, -0.1, np.inf, np.nan, "constant", None, True, np.False_],
    "power_t": [-0.1, np.nan, np.inf, None, True, np.False_],
    "momentum": [-0.1, 1.1, np.nan, None, True, np.False_],
    "nesterov": ["yes", None],
    "reduction": ["none", None],
    "batch_size": [0, -1, 1.5, "all", True, np.False_],
    "average": [-1, 0.5, "yes", None],
    "early_stopping": ["yes", None],
    "validation_fraction": [0, 1, -0.1, np.nan, None, True, np.False_],
    "n_iter_no_change": [0, 1.5, None, True, np.False_],
    "shuffle": ["yes", None],
    "max_iter": [-1, 1.5, None, np.inf, True, np.False_],
    "tol": [-1e-9, np.nan, np.inf, None, True, np.False_],
    "warm_start": ["yes", None],
    "random_state": [-1, 1.5, "seed", True, np.False_],
    "verbose": [-1, 0.5, None],
    "n_jobs": [0, 0.5, "all", True, np.False_],
}


ALL_BAD = [(name, bad) for name, values in BAD_PARAMETERS.items() for bad in values]


@pytest.mark.parametrize(("name", "bad"), ALL_BAD, ids=[f"{n}={b}" for n, b in ALL_BAD])
def test_parameters_out_of_range(name, bad, data):
    model = fitted({"solver": "gd"}).set_params(**{name: bad})
    refuses(model, *data, match=name)


def test_every_parameter_has_its_bad_values():
    assert set(BAD_PARAMETERS) == set(GDLogisticRegression().get_params())


GD_SETTINGS = {
    "learning_rate": 0.1,
    "power_t": 0.5,
    "momentum": 0.9,
    "nesterov": True,
    "reduction": "sum",
    "batch_size": 8,
    "average": True,
}


@pytest.mark.parametrize(("name", "setting"), GD_SETTINGS.items(), ids=GD_SETTINGS)
def test_a_parameter_of_gradient_descent_chooses_it(name, setting, data):
    model = GDLogisticRegression(**{name: setting}, max_iter=5, tol=0.0).fit(*data)
    assert model.solver_ == "gd"
    explicit = clone(model).set_params(solver="gd").fit(*data)
    assert_array_equal(model.coef_, explicit.coef_)
    refuses(model.set_params(solver="preconditioned"), *data, match=name)


def test_every_parameter_of_gradient_descent_is_tested():
    assert GD_SETTINGS.keys() == GD_DEFAULTS.keys()
    defaults = GDLogisticRegression().get_params()
    assert {name: defaults[name] for name in GD_DEFAULTS} == GD_DEFAULTS


@pytest.mark.parametrize(
    ("params", "dtype", "tol"),
    [
        ({}, np.float64, 1e-10),
        ({}, np.float32, 1e-8),
        ({"solver": "gd"}, np.float64, 1e-6),
        ({"batch_size": 8}, np.float64, 1e-6),
        ({"tol": 0.5}, np.float64, 0.5),
        ({"tol": 0, "solver": "gd"}, np.float64, 0),
    ],
)
def test_tolerance_of_the_solver(params, dtype, tol, data):
    X, y = data
    rows = row_blocks(X.astype(dtype), y.astype(float), np.ones(len(y)))
    assert choose_solver(GDLogisticRegression(**params), rows, seed=0).tol == tol


@pytest.mark.parametrize("batch_size", [None, 79, 80, 81])
def test_a_batch_of_all_rows_is_gradient_descent(batch_size, data):
    X, y = data
    rows = row_blocks(X, y.astype(float), np.ones(80))
    solver = choose_solver(GDLogisticRegression(solver="gd", batch_size=batch_size), rows, seed=0)
    assert isinstance(solver, StochasticDescent) == (batch_size == 79)


def test_the_default_is_the_fast_solver(data):
    model = GDLogisticRegression().fit(*data)
    assert model.solver_ == "preconditioned"
    assert_array_equal(model.coef_, GDLogisticRegression(solver="preconditioned").fit(*data).coef_)
    same_model(model, logistic_regression(*data), rtol=1e-3)


def test_nesterov_with_a_fixed_rate_needs_momentum(data):
    model = fitted({"solver": "gd"}).set_params(nesterov=True, learning_rate=0.1)
    refuses(model, *data, match="momentum > 0")
    model.set_params(momentum=0.5).fit(*data)
    model.set_params(momentum=0.0, learning_rate="auto").fit(*data)
    refuses(model.set_params(batch_size=8), *data, match="momentum > 0")
