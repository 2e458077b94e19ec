"""Which data sets and which C a run of the atlas takes."""

import re
from collections.abc import Sequence

from atlas.drawn import drawn
from atlas.problems import QUICK, Problem, fixed

CS = (0.01, 1.0, 100.0)
QUICK_CS = (1.0,)


def problems(seed: int) -> list[Problem]:
    """All data sets: the fixed ones and those drawn from a seed, by kind."""
    everything = [*fixed(), *drawn(seed)]
    kinds = list(dict.fromkeys(problem.kind for problem in everything))
    return sorted(everything, key=lambda problem: kinds.index(problem.kind))


def find(name: str, seed: int) -> Problem:
    """The data set of a name."""
    return next(problem for problem in problems(seed) if problem.name == name)


def select(
    seed: int, only: str = "", quick: bool = False, Cs: Sequence[float] | None = None
) -> list[tuple[Problem, float]]:
    """The cells of a run: data sets whose name matches, each with every C."""
    chosen = [
        problem
        for problem in problems(seed)
        if re.search(only, problem.name) and (not quick or problem.name in QUICK)
    ]
    return [(problem, C) for problem in chosen for C in Cs or (QUICK_CS if quick else CS)]
