"""Worker threads for the rows, while BLAS is limited to one thread."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any

import joblib
from threadpoolctl import ThreadpoolController

ParallelMap = Callable  # run(function, items) as the built-in map: results in order of the items


class _BlasLimit:
    """One thread for every BLAS of the process while any fit runs.

    BLAS thread counts belong to the whole process. Fits that overlap in time share one limit:
    the first to enter sets it, the last to leave restores the previous counts. In a forked process
    only the fits of the thread that forked go on, so the others no longer count.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a fork inside, by a signal handler, must not wait for it
        self._holders: dict[object, int] = {}  # the thread of each fit
        self._counts: list[int] = []
        if hasattr(os, "register_at_fork"):  # not on Windows
            os.register_at_fork(
                before=self._lock.acquire,
                after_in_parent=self._lock.release,
                after_in_child=self._in_child,
            )

    @functools.cached_property
    def _blas(self) -> list[Any]:
        # Finding the libraries takes milliseconds: once a process, at the first fit.
        return ThreadpoolController().select(user_api="blas").lib_controllers

    @contextmanager
    def limit(self) -> Iterator[int]:
        holder = object()
        with self._lock:
            if not self._holders:
                self._counts = [library.num_threads for library in self._blas]
                self._set_num_threads([1 for _ in self._counts])
            self._holders[holder] = threading.get_ident()
        try:
            yield max(self._counts, default=1)
        finally:
            with self._lock:
                self._release({holder})

    def _in_child(self) -> None:
        """Release, in a forked process, the holders whose threads are not in it."""
        self._lock.release()
        this = threading.get_ident()
        self._release({holder for holder, thread in self._holders.items() if thread != this})

    def _release(self, holders: set[object]) -> None:
        """Remove some holders; after the last, restore the numbers of threads."""
        left = {k: thread for k, thread in self._holders.items() if k not in holders}
        if self._holders and not left:
            self._set_num_threads(self._counts)
        self._holders = left

    def _set_num_threads(self, counts: list[int]) -> None:
        if max(self._counts, default=1) == 1:
            return
        for library, n_threads in zip(self._blas, counts, strict=True):
            # From 3.8 on, threadpoolctl lets the thread that was first to set OpenBLAS's limit
            # keep all others from it; but the last fit to leave may be in another thread.
            release = getattr(library, "clear_controlling_thread", lambda force: None)
            release(force=True)
            library.set_num_threads(n_threads)
            release(force=True)


_blas_limit = _BlasLimit()


@contextmanager
def worker_threads(n_jobs: int | None) -> Iterator[ParallelMap]:
    """Limit BLAS to one thread, and yield a parallel ``map`` of ``n_jobs`` threads instead.

    The results of a fit then depend neither on the number of threads nor on other fits that
    run at the same time. ``n_jobs=None``: as many threads as BLAS would use, so that the limits of
    joblib and of the environment are respected; negative: counted back from the number of cores.
    If a call raises, items not yet started are skipped and the exception propagates.
    """
    with _blas_limit.limit() as blas_threads:
        n_threads = blas_threads if n_jobs is None else joblib.effective_n_jobs(n_jobs)
        if n_threads == 1:
            yield map
            return
        with ThreadPoolExecutor(n_threads - 1) as pool:
            yield functools.partial(_parallel_map, pool, n_threads - 1)


def _parallel_map(
    pool: ThreadPoolExecutor, n_helpers: int, function: Callable, items: Iterable
) -> list:
    """``map`` of which this thread and its helpers take one item after the other."""
    items = list(items)
    if len(items) == 1:
        return [function(items[0])]
    results: list[Any] = [None] * len(items)
    todo = iter(range(len(items)))
    lock = threading.Lock()

    def take() -> int | None:
        with lock:
            return next(todo, None)

    def work() -> None:
        for i in iter(take, None):
            results[i] = function(items[i])

    helpers = [pool.submit(work) for _ in range(min(n_helpers, len(items) - 1))]
    try:
        work()
    finally:
        list(todo)  # after an error no item is left to take
        wait(helpers)
    for helper in helpers:
        helper.result()
    return results
