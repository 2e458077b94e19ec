"""Which settings of a solver are run, and when its sweep stops."""

import time
from itertools import pairwise
from typing import Any, ClassVar

from benchopt.stopping_criterion import StoppingCriterion


def tolerances(loosest: int, tightest: int) -> tuple[float, ...]:
    """Powers of ten from ``10 ** loosest`` down to ``10 ** tightest``, two a decade."""
    halves = range(2 * loosest, 2 * tightest - 1, -1)
    return tuple(float(f"{10 ** (half / 2):.3g}") for half in halves)


def iterations(last: int, growth: float = 1.4) -> tuple[int, ...]:
    """Numbers of iterations 1, 2, 3, 5, 7, 10, ... up to `last`, in steps of about `growth`."""
    numbers = [1]
    while numbers[-1] < last:
        numbers.append(min(last, max(numbers[-1] + 1, round(numbers[-1] * growth))))
    return tuple(numbers)


class Sweep(StoppingCriterion):
    """Run a solver at each of its `settings`, from loose to tight, until more is of no use.

    The sweep ends when a result is accurate to `target`, when the settings are used up, or when
    the next fit would probably not end within benchopt's time limit for the solver. `windows` has
    the settings of some solvers; others run at all of theirs. The race fills it once it knows
    which settings decide.
    """

    target: ClassVar[float] = 1e-9  # a relative suboptimality
    windows: ClassVar[dict[str, tuple[float, ...]]] = {}

    def __init__(
        self, strategy: str | None = None, key_to_monitor: str | None = None, minimize: bool = True
    ):
        # Without a key to monitor benchopt keeps the curve of a solver that went astray.
        super().__init__(strategy=strategy, key_to_monitor=key_to_monitor, minimize=minimize)

    def init_stop_val(self) -> float:
        """The first setting."""
        settings = self.solver.settings
        if window := self.windows.get(str(self.solver)):
            settings = tuple(setting for setting in settings if setting in window)
        self.next_setting = dict(pairwise(settings))
        self.setting = settings[0]
        return self.setting

    def get_next_stop_val(self, stop_val: float) -> float:
        """The setting that follows."""
        self.setting = self.next_setting[self.setting]
        return self.setting

    def check_convergence(self, objective_list: list[dict[str, Any]]) -> tuple[bool, float]:
        """Whether the last result ends the sweep, and how far the sweep is (not known: 0)."""
        last = objective_list[-1]
        accurate = last["objective_value"] <= self.target
        used_up = self.setting not in self.next_setting
        return accurate or used_up or self._too_slow(last["time"]), 0.0

    def _too_slow(self, seconds: float) -> bool:
        """Whether a fit that takes as long as the last one would miss the deadline."""
        return self._deadline is not None and time.time() + seconds > self._deadline
