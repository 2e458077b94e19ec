"""On what the times were measured."""

import os
import platform
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

PACKAGES = (
    "bce-logistic",
    "numpy",
    "scipy",
    "scikit-learn",
    "benchopt",
    "glum",
    "cyanure",
    "snapml",
    "scikit-learn-intelex",
    "mlxtend",
)


def describe_environment() -> dict[str, Any]:
    """The processor, the BLAS libraries that are loaded by now, and versions: ready for JSON."""
    found = {package.name.replace("_", "-").lower(): package.version for package in distributions()}
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: found[name] for name in PACKAGES if name in found},
        "blas": [
            {
                "of": Path(library["filepath"]).parent.name,
                "version": f"{library['internal_api']} {library['version']}",
                "kernel": library.get("architecture"),
                "threads": library["num_threads"],
            }
            for library in threadpool_info()
            if library["user_api"] == "blas"
        ],
    }


def in_words(environment: dict[str, Any]) -> str:
    """The environment as a paragraph for the head of a table."""
    packages = [f"{name} {number}" for name, number in environment["packages"].items()]
    kernels = [
        f"{blas['of']} has {blas['version']}, kernel {blas['kernel']}, threads: {blas['threads']}"
        for blas in environment["blas"]
    ]
    return (
        f"{environment['processor']}, {environment['cores']} cores. "
        f"Python {environment['python']}, {', '.join(packages)}. "
        f"BLAS: {'; '.join(kernels)}."
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
