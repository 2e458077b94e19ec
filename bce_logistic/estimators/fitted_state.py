"""TODO estimators.fitted_state."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from ..arrays import Array
from ..descent.loop import Start
from ..validation.weights import MOST_LISTED


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


def feature_names(estimator: Any) -> list[str]:
    """Names of the features, made up if the estimator saw none."""
    made_up = [f"x{j}" for j in range(estimator.n_features_in_)]
    return list(getattr(estimator, "feature_names_in_", made_up))


def listed(names: list[str]) -> str:
    """Names for a message; of very many the first, and how many there are."""
    if len(names) <= MOST_LISTED:
        return ", ".join(names)
    return f"{', '.join(names[:MOST_LISTED])}, ... ({len(names)} in all)"


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give an estimator all its attributes back if what is done inside does not succeed."""
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise
