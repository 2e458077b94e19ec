"""Interruptions, threads, processes: a fault leaves things as they were, and no bit changes."""

from __future__ import annotations

import itertools
import multiprocessing
import pickle
import threading
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import scipy.sparse
import threadpoolctl
from numpy.testing import assert_array_equal
from sklearn.base import clone

from bce_logistic import GDLogisticRegression
from bce_logistic.rows.memory import RowsInMemory

from ..common import CONFIGURATIONS, every_configuration, problem, weights
from .common import every_number_of_classes


def blas_threads():
    return [
        library["num_threads"]
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    ]


def state(model):
    """All that a model holds, to the last bit."""
    return {name: pickle.dumps(value) for name, value in vars(model).items()}


def short(solver, **params):
    """A few passes of a configuration."""
    return GDLogisticRegression(**{**solver, "max_iter": 8, "tol": 0.0, **params})


class Fault:
    """Make the n-th pass over the rows fail, in whichever thread its first block is worked on."""

    def __init__(self, monkeypatch, error):
        self.error, self.passes, self.at = error, itertools.count(), None
        sum_over_rows = RowsInMemory.sum

        def failing(rows, function, size):
            fails = next(self.passes) == self.at

            def block_function(block):
                if fails:
                    raise self.error
                return function(block)

            return sum_over_rows(rows, block_function, size)

        monkeypatch.setattr(RowsInMemory, "sum", failing)

    def passes_of(self, work):
        """How many passes some work takes without a fault."""
        self.passes, self.at = itertools.count(), None
        work()
        return next(self.passes)

    def strike(self, n):
        self.passes, self.at = itertools.count(), n


@every_configuration
@every_number_of_classes
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.usefixtures("small_blocks")
def test_a_fault_in_any_pass_leaves_all_as_it_was(solver, n_classes, error, n_jobs, monkeypatch):
    # Enough rows for a subsample, whose passes can fail too.
    X, y = problem(n_samples=700, n_features=2, n_classes=n_classes)
    other_X, other_y = problem(n_samples=50, n_features=5, n_classes=4, seed=1)
    model = short(solver, n_jobs=n_jobs).fit(other_X, other_y)
    before, threads, blas = state(model), threading.active_count(), blas_threads()
    fault = Fault(monkeypatch, error)
    expected = clone(model)
    n_passes = fault.passes_of(lambda: expected.fit(X, y))
    assert n_passes > 8
    for n in range(n_passes):
        fault.strike(n)
        with pytest.raises(error):
            model.fit(X, y)
        assert state(model) == before
        assert threading.active_count() == threads
        assert blas_threads() == blas
    fault.strike(None)
    model.fit(X, y)  # and nothing of the faults is left
    assert_array_equal(model.coef_, expected.coef_)
    assert_array_equal(model.loss_curve_, expected.loss_curve_)


@every_configuration
def test_a_fault_in_any_pass_of_a_warm_fit(solver, monkeypatch):
    X, y = problem(n_samples=200)
    model = short(solver, warm_start=True).fit(X, y)
    before = state(model)
    fault = Fault(monkeypatch, KeyboardInterrupt)
    twin = pickle.loads(pickle.dumps(model))
    for n in range(fault.passes_of(lambda: twin.fit(X, y))):
        fault.strike(n)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, y)
        assert state(model) == before
    fault.strike(None)
    assert_array_equal(model.fit(X, y).coef_, twin.coef_)


# The same bits, wherever and however often.


def some_models(n):
    kinds = itertools.cycle(CONFIGURATIONS.values())
    jobs = itertools.cycle([1, 2, None])
    return [
        short(solver, max_iter=30, C=1.0 + i, n_jobs=n_jobs)
        for i, solver, n_jobs in zip(range(n), kinds, jobs, strict=False)
    ]


def learnt(model):
    return np.concatenate([model.coef_.ravel(), model.intercept_, model.loss_curve_])


def coefficients(model, X, y, s=None):
    return learnt(clone(model).fit(X, y, s))


def assert_same_bits(results, expected):
    for result, expectation in zip(results, expected, strict=True):
        assert_array_equal(result, expectation)


@every_number_of_classes
@pytest.mark.usefixtures("small_blocks")
def test_sixteen_fits_at_the_same_time(n_classes):
    X, y = problem(n_samples=1000, n_classes=n_classes)
    models, blas = some_models(16), blas_threads()
    alone = [coefficients(model, X, y) for model in models]
    for _ in range(2):
        with ThreadPoolExecutor(16) as pool:
            together = list(pool.map(lambda model: coefficients(model, X, y), models))
        assert_same_bits(together, alone)
        assert blas_threads() == blas


@every_configuration
@every_number_of_classes
@pytest.mark.parametrize("layout", [np.asarray, scipy.sparse.csr_array], ids=["dense", "csr"])
@pytest.mark.usefixtures("small_blocks")
def test_twenty_fits_of_any_number_of_threads(solver, n_classes, layout):
    X, y = problem(n_samples=700, n_classes=n_classes)
    X, s = layout(X), weights(len(y))
    first = coefficients(short(solver, n_jobs=1), X, y, s)
    for n_jobs in [1, 2, 3, None, -1] * 4:
        assert_array_equal(coefficients(short(solver, n_jobs=n_jobs), X, y, s), first)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_processes_of_any_kind(method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"There is no {method} on this system.")
    X, y = problem(n_samples=1000)
    models = some_models(4)
    alone = [coefficients(model, X, y) for model in models]  # the threads of BLAS run by now
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context(method)) as pool:
        work = [pool.submit(model.fit, X, y) for model in models]
        assert_same_bits([learnt(fitted.result(timeout=60)) for fitted in work], alone)


@pytest.mark.parametrize("backend", ["loky", "threading", "sequential"])
def test_backends_of_joblib(backend):
    X, y = problem(n_samples=1000)
    models = some_models(4)
    alone = [coefficients(model, X, y) for model in models]
    work = (joblib.delayed(model.fit)(X, y) for model in models)
    fitted = joblib.Parallel(n_jobs=2, backend=backend)(work)
    assert_same_bits(map(learnt, fitted), alone)
