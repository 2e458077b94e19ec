"""The protocol of a solver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from ..arrays import Array
from ..descent.loop import DescentState, Iterate
from ..objective.objective import Objective
from .convergence import Progress


class Solver(Protocol):
    """How to descend, and when to stop: hyperparameters, no state."""

    name: str  # ``solver_`` of the estimator
    advice: str  # remedy if ``max_iter`` is reached

    @property
    def tol(self) -> float:
        """Tolerance, in the solver's own unit; 0: make ``max_iter`` iterations."""
        ...

    @property
    def rule(self) -> object:
        """Key of the state: an equal rule can continue the descent; None: none can."""
        ...

    def start(self, objective: Objective) -> DescentState:
        """Start of a fit that continues no other."""
        ...

    def iterates(self, objective: Objective, start: DescentState) -> Iterator[Iterate]:
        """Iterates of the descent, without end."""
        ...

    def passes(self, objective: Objective, history: list[Progress]) -> int:
        """Passes over the data up to the last iterate."""
        ...

    def result(self, iterate: Iterate, history: list[Progress]) -> Array:
        """Coefficients to keep if the descent stops at an iterate."""
        ...

    def reason_to_stop(
        self, objective: Objective, iterate: Iterate, history: list[Progress]
    ) -> str | None:
        """Why to stop at an iterate, or None to continue."""
        ...

    def check_end(self, objective: Objective, iterate: Iterate, history: list[Progress]) -> None:
        """Raise an error if the descent diverged."""
        ...

    def may_be_separated(self, objective: Objective, curve: list[Progress], reason: str) -> bool:
        """Whether the classes may be separable, judged by why the solver stopped."""
        ...
