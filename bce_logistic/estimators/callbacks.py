"""Callbacks of scikit-learn: the one place that knows whether this version has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Nothing: no callback can be set."""

    def with_callbacks(method: Callable) -> Callable:
        """Leave a method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]
Attributes = Callable[[], dict[str, Any]]


class FitTasks:
    """The task of a fit, with one subtask an iteration, as callbacks are told of them.

    Parameters
    ----------
    estimator : estimator
        What is fitted.
    max_iterations : int
        Bound on the number of subtasks.
    X, y : array-like
        The samples and their labels, for the callbacks.
    sample_weight : array-like or None
        The samples' weights, likewise.
    """

    def __init__(
        self, estimator: Any, max_iterations: int, X: Any, y: Any, sample_weight: Any
    ) -> None:
        self._estimator = estimator
        self._samples = {"X": X, "y": y, "metadata": None}
        if sample_weight is not None:
            self._samples["metadata"] = {"sample_weight": sample_weight}
        self._fit = estimator._init_callback_context(max_subtasks=max_iterations)
        self._fit.call_on_fit_task_begin(estimator=estimator, **self._samples)
        self._iteration: Any = None
        self._t = -1

    @classmethod
    def of(cls, estimator: Any, *args: Any) -> FitTasks | None:
        """Tasks for the callbacks of an estimator; None if it has none, which costs nothing."""
        return cls(estimator, *args) if vars(estimator).get("_skl_callbacks") else None

    def look(self, t: int, attributes: Attributes, stops: bool) -> bool:
        """Tell of an iterate: the end of one iteration, and the begin of the next.

        Parameters
        ----------
        t : int
            Updates made so far. The same number as the last time is the same iterate.
        attributes : callable
            Makes the fitted attributes of an estimator that stops here.
        stops : bool
            Whether the descent ends here anyway.

        Returns
        -------
        bool
            Whether a callback asks to stop.
        """
        if t == self._t:
            return False
        told = {
            "estimator": self._estimator,
            "reconstruction_attributes": attributes,
            **self._samples,
        }
        asked = self._iteration is not None and self._iteration.call_on_fit_task_end(**told)
        self._t, self._iteration = t, None
        if not (stops or asked):
            self._iteration = self._fit.subcontext(task_name="iteration")
            self._iteration.call_on_fit_task_begin(**told)
        return bool(asked)

    def end(self, attributes: Attributes) -> None:
        """Tell of the end of the fit."""
        self._fit.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._samples
        )
