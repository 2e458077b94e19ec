"""The ``for`` around the loop: when to stop, and what a fit leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from .collinearity import affordable, find_collinearity
from .convergence import Progress
from .descent import Iterate, Start
from .held_out import HeldOut
from .mini_batches import Seen
from .objective import Objective, Point
from .separation import columns_that_vary, separated_columns
from .stochastic import StochasticDescent

Array = NDArray[np.float64]


class Solver(Protocol):
    """A way from coefficients to better ones: hyperparameters, no state.

    Attributes
    ----------
    name : str
        What ``solver_`` will say.
    tol : float
        When to stop, in the solver's own terms; 0: never for being close enough.
    advice : str
        What to do if ``max_iter`` is not enough.
    rule : object
        What the state of the descent belongs to; None: nobody can go on from it.
    """

    name: str
    advice: str

    @property
    def tol(self) -> float:
        """When to stop, in the solver's own terms; 0: never for being close enough."""
        ...

    @property
    def rule(self) -> object:
        """What the state of the descent belongs to; None: nobody can go on from it."""
        ...

    def start(self, objective: Objective) -> Start:
        """Where a fit starts that has nothing to go on from."""
        ...

    def iterates(self, objective: Objective, start: Start) -> Iterator[Iterate]:
        """Points of the descent, without end."""
        ...

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over the data that led to the last iterate."""
        ...

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep when the descent stops at an iterate."""
        ...

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Why to stop at an iterate, or None: go on."""
        ...

    def check_end(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Raise an error if the descent ended where nothing can be learnt from it."""
        ...

    def gap(self, history: list[Progress]) -> float | None:
        """Estimated distance to the optimal objective, in nats, if the solver has one."""
        ...

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Whether the classes may be separated, judged by why and how the descent stopped."""
        ...


class Resume(NamedTuple):
    """The state of a descent that a later fit, or ``partial_fit``, can go on from.

    Attributes
    ----------
    rule : object
        What the state belongs to.
    start : Start
        Where the descent stood.
    w : ndarray
        Coefficients that were kept, which may be a mean.
    """

    rule: object
    start: Start
    w: Array


class Totals(NamedTuple):
    """Updates and samples so far: what ``partial_fit`` has to know of the fits before it.

    Attributes
    ----------
    t : int
        Updates made.
    n_samples : int
        Samples with a weight.
    total_weight : float
        Sum of their weights.
    class_totals : ndarray of shape (n_classes,) or 0
        Their weight by class, before class weights.
    """

    t: int = 0
    n_samples: int = 0
    total_weight: float = 0.0
    class_totals: Array | float = 0.0


# (iterate, history, passes, reason to stop there or None) -> whether to stop there
Watch = Callable[[Iterate, list[Progress], int, str | None], bool]


class Training(NamedTuple):
    """What a descent leaves behind.

    Attributes
    ----------
    w : ndarray
        Coefficients to keep.
    last : Iterate
        Where the descent stood in the end.
    curve : list of Progress
        At the start and after each iteration: an update, or a pass over mini-batches.
    reason : str
        Why it ended.
    held_out_losses : list of float or None
        Mean loss of the held-out rows at each iterate, if there are any.
    """

    w: Array
    last: Iterate
    curve: list[Progress]
    reason: str
    held_out_losses: list[float] | None = None


def train(
    solver: Solver,
    objective: Objective,
    start: Start,
    held_out: HeldOut | None,
    watch: Watch,
) -> Training:
    """Descend until there is a reason to stop.

    Parameters
    ----------
    solver : Solver
        How to descend.
    objective : Objective
        What is minimised.
    start : Start
        Where to start.
    held_out : HeldOut or None
        Rows that tell when to stop, if there are any.
    watch : callable
        Is told of every iterate, the history up to it, the passes that it took and why the
        descent ends there, if it does; may ask that it does.

    Returns
    -------
    Training
        What is left behind.
    """
    history: list[Progress] = []
    curve: dict[int, Progress] = {}
    for iterate in solver.iterates(objective, start):
        history.append(Progress.of(iterate))
        again = iterate.t in curve  # a new metric looks at the same point
        curve[iterate.t] = history[-1]
        reason = solver.reason_to_stop(objective, iterate, history)
        if held_out and not again and held_out.look(solver.result(iterate, history)):
            reason = reason or "early_stopping"
        if watch(iterate, history, solver.passes(objective, history), reason):
            reason = reason or "callback"
        if reason:
            break
    solver.check_end(objective, iterate, history)
    return Training(
        w=held_out.best if held_out else solver.result(iterate, history),
        last=iterate,
        curve=list(curve.values()),
        reason=str(reason),
        held_out_losses=held_out.losses if held_out else None,
    )


def keep_start(
    objective: Objective, start: Start, held_out: HeldOut | None, watch: Watch
) -> Training:
    """Evaluate the objective where its minimum is known, up to precision, and stop there."""
    point = objective.at(start.w)
    iterate = Iterate(start.t, point, np.zeros_like(start.w), None)
    history = [Progress.of(iterate)]
    if held_out:
        held_out.look(start.w)
    watch(iterate, history, 1, "precision")
    losses = held_out.losses if held_out else None
    return Training(start.w, iterate, history, "precision", losses)


def without_penalty(
    solver: Solver, objective: Objective, training: Training
) -> tuple[Training, NDArray[np.bool_], NDArray[np.bool_]]:
    """Settle what a missing penalty leaves open: coefficients at infinity, and collinear columns.

    Parameters
    ----------
    solver : Solver
        How the descent went.
    objective : Objective
        What was minimised.
    training : Training
        What it left behind.

    Returns
    -------
    training : Training
        The same with the coefficients of least norm among those with the same scores, and
        "separated" as the reason if there is no optimum.
    separated : ndarray of bool of shape (n_features,)
        Features whose coefficients have no finite optimum.
    redundant : ndarray of bool of shape (n_features,)
        A smallest set of features without which none are collinear.
    """
    n_features, w, passes = objective.rows.n_features, training.w, objective.rows.passes
    separated = redundant = np.zeros(n_features, dtype=bool)
    if objective.ridge.any():
        return training, separated, redundant
    collinear = None
    if affordable(objective, passes):
        collinear = find_collinearity(objective.rows, objective.fit_intercept)
        redundant = collinear.redundant
        training = training._replace(w=collinear.least_norm(w))
    if training.reason == "separated":
        separated = columns_that_vary(objective, collinear)[:n_features]
    elif solver.may_be_separated(objective, training.curve, training.reason):
        columns = separated_columns(objective, w, passes, collinear)
        separated = columns[:n_features]
        if columns.any():
            training = training._replace(reason="separated")
    return training, separated, redundant


def train_on_stream(
    solver: StochasticDescent, objective: Objective, seen: Seen, start: Start, watch: Watch
) -> Training:
    """Go once over rows of a stream.

    Parameters
    ----------
    solver : StochasticDescent
        How to descend.
    objective : Objective
        The rows at hand.
    seen : Seen
        The samples before them.
    start : Start
        Where to go on from.
    watch : callable
        As for :func:`train`; there is nothing to stop.

    Returns
    -------
    Training
        What is left behind; nothing is learnt from rows without any weight.
    """
    if objective.total_weight == 0:
        zero = np.zeros_like(start.w)
        nowhere = Iterate(start.t, Point(start.w, 0.0, zero), zero, start.state, start.average)
        return Training(nowhere.result, nowhere, [], "partial_fit")
    iterate = solver.stream(objective, seen, start)
    history = [Progress.of(iterate)]
    watch(iterate, history, 1, "partial_fit")
    return Training(iterate.result, iterate, history, "partial_fit")
