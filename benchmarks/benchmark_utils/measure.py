"""How the scripts of this folder measure: time, peak memory, processes of their own."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

FOLDER = Path(__file__).parents[1]
Process = subprocess.Popen[str]


def timed(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[Any, float]:
    """Call a function; return its result and the seconds by the clock."""
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start


class PeakMemory:
    """The most memory that this process held while the block ran, looked at every millisecond.

    ``mib`` is the peak beyond the memory at the start. With ``anonymous`` the pages of mapped files
    do not count, which the system can drop at any time.
    """

    def __init__(self, anonymous: bool = False):
        import psutil  # only the benchmarks of memory need it

        self._anonymous, self._process = anonymous, psutil.Process()

    def __enter__(self) -> "PeakMemory":
        self.start = self.most = self.now()
        self._done = threading.Event()
        self._watcher = threading.Thread(target=self._watch)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watcher.join()

    @property
    def mib(self) -> float:
        return (self.most - self.start) / 2**20

    def now(self) -> int:
        """The memory of this process in bytes."""
        memory = self._process.memory_info()
        return memory.rss - memory.shared if self._anonymous else memory.rss

    def _watch(self) -> None:
        while not self._done.wait(0.001):
            self.most = max(self.most, self.now())


def start_process(module: str, request: Any, output: IO[str], **variables: str) -> Process:
    """Start a module of this folder in a process of its own; its only argument is JSON.

    Two variables that would make OpenBLAS use a kernel for another processor are left out of its
    environment; `variables` are added.
    """
    hidden = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    folders = [str(FOLDER), *filter(None, [environment.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(folders), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        [sys.executable, "-m", module, json.dumps(request)],
        stdout=output,
        stderr=subprocess.STDOUT,
        env=environment | variables,
        text=True,
    )


def warn_if_busy() -> None:
    """Print a warning if other programs will share the cores with what is measured."""
    load = os.getloadavg()[0]
    if load > 0.5:
        print(f"Warning: the load is {load:.1f} already. Times on a busy machine mislead.")
