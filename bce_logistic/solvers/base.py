"""The protocol of a solver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..objective.objective import Objective
from .convergence import Progress


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

    def start(self, objective: Objective) -> DescentState:
        """Where a fit starts that has nothing to go on from."""
        ...

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
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
