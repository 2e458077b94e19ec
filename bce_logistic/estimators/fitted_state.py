"""The state that a fit leaves for a later one, and how it is restored after an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..arrays import Array
from ..descent.loop import DescentState


class WarmStart(NamedTuple):
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
    start: DescentState
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


@contextmanager
def rollback_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator all its attributes back if what is done inside does not succeed."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
