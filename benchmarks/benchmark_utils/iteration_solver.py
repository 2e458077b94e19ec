"""Solvers whose effort is set by a number of iterations."""

from benchmark_utils.sweep import Sweep, iterations
from benchmark_utils.swept_solver import SweptSolver


class IterationSolver(SweptSolver):
    """A swept solver that is told how long to run instead of how accurate to be.

    This suits solvers that need very many cheap iterations: the next setting never takes much
    longer than the last, so the sweep keeps to its time limit although a fit cannot be stopped.
    """

    sampling_strategy = "iteration"
    stopping_criterion = Sweep()
    settings = iterations(10_000)
