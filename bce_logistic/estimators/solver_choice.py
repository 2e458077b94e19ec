"""From the parameters of an estimator to a solver."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ..rows.base import RowBlocks
from ..rows.training_data import TrainingData
from ..solvers.base import Solver
from ..solvers.early_stopping import EarlyStopping
from ..solvers.gradient_descent import GradientDescent
from ..solvers.preconditioned import PreconditionedDescent
from ..solvers.proximal import ProximalDescent
from ..solvers.stochastic import StochasticDescent
from .coefficients import make_objective

# tol="auto", for gradients and losses, and for the objective in double and single precision. The
# coefficient of a rare feature is right to 1e-4 only if the objective is right to about 1e-10,
# which single precision does not reach.
TOL = 1e-6
TOL_OF_OBJECTIVE = 1e-10
TOL_IN_SINGLE = 1e-8
# Parameters of textbook gradient descent only, and their defaults.
GD_DEFAULTS: dict[str, Any] = {
    "learning_rate": "auto",
    "power_t": 0.0,
    "momentum": 0.0,
    "nesterov": False,
    "reduction": "mean",
    "batch_size": None,
    "average": False,
}


def check_combinations(estimator: Any, *, partial_fit: bool = False) -> None:
    """Raise ValueError for parameters that contradict each other."""
    changed = non_default_gd_params(estimator)
    if estimator.solver == "preconditioned" and changed:
        settings = ", ".join(f"{name}={getattr(estimator, name)!r}" for name in changed)
        raise ValueError(
            f"solver='preconditioned' finds its own steps and does not take {settings}. Set "
            "solver='gd', or leave these parameters at their defaults."
        )
    if estimator.momentum > 0 and bends_at_zero(estimator):
        raise ValueError(
            "momentum with an L1 penalty (l1_ratio > 0) would shrink a sum of gradients, whose "
            "optimum is another one. Set nesterov=True with learning_rate='auto' and momentum=0, "
            "which is FISTA, or l1_ratio=0."
        )
    one_step_a_pass = estimator.batch_size is None and not partial_fit
    finds_momentum = one_step_a_pass and estimator.learning_rate == "auto"
    if estimator.nesterov and estimator.momentum == 0 and not finds_momentum:
        raise ValueError(
            "nesterov=True with a fixed learning_rate or mini-batches needs momentum > 0, for "
            "example 0.9; learning_rate='auto' finds the momentum for full batches by itself."
        )
    if partial_fit and (estimator.solver == "preconditioned" or estimator.early_stopping):
        raise ValueError(
            "partial_fit reads its rows once: it needs solver='gd' or 'auto', and "
            "early_stopping=False."
        )


def bends_at_zero(estimator: Any) -> bool:
    """Whether the penalty has an L1 part."""
    return estimator.l1_ratio > 0 and bool(np.isfinite(estimator.C))


def non_default_gd_params(estimator: Any) -> list[str]:
    """Names of the parameters of textbook gradient descent that are not at their defaults."""
    return [name for name, default in GD_DEFAULTS.items() if getattr(estimator, name) != default]


def draw_seed(random_state: int | np.random.RandomState | None) -> int:
    """Seed of a fit: 0 if ``random_state`` is None, so that a repeated fit is the same."""
    if random_state is None:
        return 0
    return check_random_state(random_state).randint(np.iinfo(np.int32).max)


def choose_solver(estimator: Any, rows: RowBlocks, seed: int) -> Solver:
    """The solver of a fit to all rows."""
    if estimator.solver != "gd" and not non_default_gd_params(estimator):
        auto = TOL_OF_OBJECTIVE if rows.dtype == np.float64 else TOL_IN_SINGLE
        solver = ProximalDescent if bends_at_zero(estimator) else PreconditionedDescent
        return solver(estimator.max_iter, _tol(estimator, auto), seed)
    if estimator.batch_size is None or estimator.batch_size >= rows.n_samples:
        return GradientDescent(**_gd_params(estimator))
    return stochastic_solver(estimator, estimator.batch_size, seed)


def stochastic_solver(estimator: Any, batch_size: int, seed: int) -> StochasticDescent:
    """The solver for mini-batches, and for the rows of a stream."""
    return StochasticDescent(
        **_gd_params(estimator),
        batch_size=batch_size,
        shuffle=estimator.shuffle,
        n_iter_no_change=estimator.n_iter_no_change,
        seed=seed,
    )


def make_early_stopping(estimator: Any, data: TrainingData) -> EarlyStopping | None:
    """The stopping rule on validation rows; None without them."""
    if data.held_out is None:
        return None
    penalised = make_objective(estimator, data.held_out, data.classes.n_scores)
    loss = replace(penalised, penalty=penalised.penalty.scaled(0))
    return EarlyStopping(loss, _tol(estimator, TOL), estimator.n_iter_no_change)


def _tol(estimator: Any, auto: float) -> float:
    """``tol``, with the number that "auto" stands for."""
    return auto if isinstance(estimator.tol, str) else estimator.tol


def _gd_params(estimator: Any) -> dict[str, Any]:
    """Parameters that textbook descent on all rows and on mini-batches share."""
    names = ("learning_rate", "power_t", "momentum", "nesterov", "reduction", "max_iter")
    params = {name: getattr(estimator, name) for name in names}
    return {
        **params,
        "average": int(estimator.average),
        "tol": _tol(estimator, TOL),
        "is_proximal": bends_at_zero(estimator),
    }
