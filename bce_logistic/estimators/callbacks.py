"""Callbacks of scikit-learn, where this version has them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # scikit-learn before 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Placeholder: callbacks cannot be set."""

    def with_callbacks(method: Callable) -> Callable:
        """Return the method itself."""
        return method


__all__ = ["CallbackSupportMixin", "FitTasks", "with_callbacks"]
Attributes = Callable[[], dict[str, Any]]


class FitTasks:
    """The task of a fit and one subtask for each iteration, as callbacks see them.

    At most ``max_iterations`` subtasks; ``X``, ``y`` and ``sample_weight`` are those of the fit.
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
        """The tasks of an estimator with callbacks; None without, which costs nothing."""
        return cls(estimator, *args) if vars(estimator).get("_skl_callbacks") else None

    def on_iteration(self, t: int, attributes: Attributes | None, stops: bool) -> bool:
        """End one iteration and begin the next, unless the fit ``stops``; whether to stop.

        ``t`` updates were made: the same number as in the last call is the same iterate.
        ``attributes`` makes the fitted attributes of an estimator that stops here; None: there is
        no such estimator yet.
        """
        if t == self._t:
            return False
        context = {
            "estimator": self._estimator,
            "reconstruction_attributes": attributes,
            **self._samples,
        }
        stop_requested = bool(
            self._iteration is not None and self._iteration.call_on_fit_task_end(**context)
        )
        self._t, self._iteration = t, None
        if not (stops or stop_requested):
            self._iteration = self._fit.subcontext(task_name="iteration")
            self._iteration.call_on_fit_task_begin(**context)
        return stop_requested

    def end(self, attributes: Attributes) -> None:
        """End the task of the fit."""
        self._fit.call_on_fit_task_end(
            estimator=self._estimator, reconstruction_attributes=attributes, **self._samples
        )
