"""Worker threads, and the BLAS limit that comes and goes with a fit."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import threadpoolctl
from numpy.testing import assert_array_equal

from bce_logistic import GDLogisticRegression
from bce_logistic.rows.threads import worker_threads

from ..common import CONFIGURATIONS, every_configuration, every_solver, problem


def blas_threads():
    return [
        library["num_threads"]
        for library in threadpoolctl.threadpool_info()
        if library["user_api"] == "blas"
    ]


@contextmanager
def blas_with(n_threads):
    """BLAS with a given number of threads: the default of the machine may be one."""
    with threadpoolctl.threadpool_limits(n_threads, user_api="blas"):
        if set(blas_threads()) != {n_threads}:
            pytest.skip("The threads of this BLAS cannot be set.")
        yield


@pytest.fixture(params=[1, 3])
def blas_limit(request):
    with blas_with(request.param):
        yield request.param


@pytest.mark.parametrize("n_jobs", [None, 1, 2, -1])
def test_blas_has_one_thread_inside_and_the_old_number_after(blas_limit, n_jobs):
    before = blas_threads()
    assert set(before) == {blas_limit}
    with worker_threads(n_jobs):
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


@pytest.mark.usefixtures("blas_limit")
def test_blas_is_given_back_after_an_error():
    before = blas_threads()
    with pytest.raises(KeyboardInterrupt), worker_threads(None):
        raise KeyboardInterrupt
    assert blas_threads() == before
    with pytest.raises(ValueError, match="n_jobs"), worker_threads(0):
        pass
    assert blas_threads() == before


def test_overlapping_holds_share_one_limit():
    with blas_with(3):
        first, second = worker_threads(1), worker_threads(1)
        first.__enter__()
        second.__enter__()
        first.__exit__(None, None, None)  # the first to come is the first to go
        assert set(blas_threads()) == {1}
        second.__exit__(None, None, None)
        assert set(blas_threads()) == {3}


def test_the_first_fit_to_come_and_the_last_to_go_may_be_in_different_threads():
    with blas_with(3), ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        first, second = worker_threads(1), worker_threads(1)
        one.submit(first.__enter__).result()
        assert set(blas_threads()) == {1}
        other.submit(second.__enter__).result()
        one.submit(first.__exit__, None, None, None).result()
        assert set(blas_threads()) == {1}
        other.submit(second.__exit__, None, None, None).result()
        assert set(blas_threads()) == {3}


def blas_threads_inside():
    with worker_threads(1):
        return set(blas_threads())


def test_no_thread_keeps_the_others_from_the_limit():
    blas_threads_inside()
    with blas_with(3), ThreadPoolExecutor(1) as other:
        assert other.submit(blas_threads_inside).result() == {1}


def number_of_threads(run, n_items=16):
    """How many threads work at the same time, at most."""
    n_wanted = 4
    together = threading.Barrier(n_wanted)

    def work(item):
        try:
            together.wait(timeout=0.5)
        except threading.BrokenBarrierError:
            return None
        return threading.get_ident()

    return len({ident for ident in run(work, range(n_items)) if ident is not None})


def test_number_of_threads_is_that_of_blas_or_as_told():
    with blas_with(4), worker_threads(None) as run:
        assert number_of_threads(run) == 4
    with worker_threads(4) as run:
        assert number_of_threads(run) == 4
    with blas_with(1), worker_threads(None) as run:
        assert run is map
    with worker_threads(1) as run:
        assert run is map


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_results_are_in_the_order_of_the_items(n_jobs):
    with worker_threads(n_jobs) as run:
        assert list(run(lambda i: i * i, range(100))) == [i * i for i in range(100)]


def test_threads_end_with_the_fit():
    before = threading.active_count()
    with worker_threads(4) as run:
        list(run(lambda i: i, range(100)))
        assert threading.active_count() > before
    assert threading.active_count() == before


@every_solver
@pytest.mark.usefixtures("blas_limit")
def test_fit_gives_blas_back(solver, monkeypatch):
    X, y = problem()
    inside = []

    def at(self, w):
        inside.extend(blas_threads())
        raise MemoryError

    before = blas_threads()
    GDLogisticRegression(**solver).fit(X, y)
    assert blas_threads() == before
    monkeypatch.setattr("bce_logistic.objective.objective.Objective.at", at)
    with pytest.raises(MemoryError):
        GDLogisticRegression(**solver).fit(X, y)
    assert set(inside) == {1}
    assert blas_threads() == before


@every_configuration
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.usefixtures("small_blocks")
def test_number_of_threads_changes_no_bit(solver, n_classes):
    X, y = problem(n_samples=1000, n_classes=n_classes)
    params = {**solver, "max_iter": 30, "tol": 0.0}
    alone = GDLogisticRegression(**params, n_jobs=1).fit(X, y)
    for n_jobs in (None, 2, 5, -1):
        model = GDLogisticRegression(**params, n_jobs=n_jobs).fit(X, y)
        assert_array_equal(model.coef_, alone.coef_)
        assert_array_equal(model.intercept_, alone.intercept_)
        assert_array_equal(model.loss_curve_, alone.loss_curve_)


@pytest.mark.usefixtures("small_blocks")
def test_fits_at_the_same_time_change_no_bit():
    X, y = problem(n_samples=1000)
    before = blas_threads()

    def fit(i):
        params = list(CONFIGURATIONS.values())[i % len(CONFIGURATIONS)]
        params = {**params, "max_iter": 100, "tol": 0.0, "n_jobs": [1, 2, None][i % 3]}
        return GDLogisticRegression(**params, C=1.0 + i).fit(X, y).coef_

    alone = [fit(i) for i in range(8)]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(fit, range(8)))
    assert_array_equal(np.array(together), np.array(alone))
    assert blas_threads() == before


FORK = """
import os, threading, threadpoolctl
from bce_logistic.rows.threads import worker_threads

def blas():
    libraries = threadpoolctl.ThreadpoolController().select(user_api="blas").info()
    return set(each["num_threads"] for each in libraries)

def fit():
    with worker_threads(1):
        begun.set()
        ended.wait()

def tell(where):
    with worker_threads(1):  # the lock is free
        inside = blas()
    print(where, before, inside, blas(), flush=True)

begun, ended = threading.Event(), threading.Event()
with threadpoolctl.threadpool_limits(3, user_api="blas"):
    other = threading.Thread(target=fit)
    other.start()
    begun.wait()
    if {own_fit}:
        own = worker_threads(1)
        own.__enter__()
    child = os.fork()
    before = blas()
    if {own_fit}:
        own.__exit__(None, None, None)
    if child == 0:
        tell("child")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    tell("parent")
    ended.set()
    other.join()
    print("end", blas())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="There is no fork on this system.")
@pytest.mark.parametrize("own_fit", [False, True], ids=["of another thread", "of its own too"])
def test_a_child_forked_in_a_fit_has_its_blas_threads(own_fit):
    with blas_with(3):
        script = FORK.format_map({"own_fit": own_fit})
        command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script]
        root = Path(__file__).resolve().parents[2]
        out = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60)
    assert out.stderr == ""
    before = {1} if own_fit else {3}  # while its own fit goes on, the limit holds
    assert out.stdout.splitlines() == [
        f"child {before} {{1}} {{3}}",
        "parent {1} {1} {1}",
        "end {3}",
    ]
