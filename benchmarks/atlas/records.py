"""The cells that were run: one line of JSON each, in a file to which lines are only added."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from atlas.cell import DEFAULT_TOL, is_accurate
from benchmark_utils.summary import ratio

Record = dict[str, Any]


class Records:
    """The records in a file, the latest first."""

    def __init__(self, path: Path):
        self.path = path
        lines = path.read_text().splitlines() if path.exists() else []
        self._records: list[Record] = [json.loads(line) for line in reversed(lines)]

    def add(self, record: Record) -> None:
        self._records.insert(0, record)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")

    def find(self, **key: Any) -> list[Record]:
        """The records with these entries."""
        return [r for r in self._records if all(r[name] == entry for name, entry in key.items())]

    def known(self, **key: Any) -> Record | None:
        """The minimum and the peers' fits of a cell that was finished before."""
        for record in self.find(**key):
            if record.get("done"):
                return {name: record[name] for name in ("minimum", "certified", "peers")}
        return None


def fastest(fits: Record) -> tuple[str, float]:
    """The fastest accurate setting and its seconds; infinite where none is accurate."""
    seconds = {name: fit["seconds"] for name, fit in fits.items() if is_accurate(fit)}
    if not seconds:
        return "none", np.inf
    name = min(seconds, key=seconds.__getitem__)
    return name, seconds[name]


def speed_ratio(record: Record) -> float:
    """Time of the fastest of scikit-learn over ours; infinite if only ours is accurate."""
    return ratio(fastest(record["peers"])[1], fastest(record["ours"])[1])


def broken(record: Record) -> dict[str, float]:
    """The true gaps of those of our fits that say that they kept ``tol`` and did not."""
    gaps = {}
    for tol, fit in record["ours"].items():
        promised = DEFAULT_TOL if tol == "auto" else float(tol)
        if fit["converged"] and fit["gap"] > promised:
            gaps[tol] = fit["gap"]
    return gaps


def one_line(record: Record) -> str:
    """A cell in a line."""
    cell = f"{record['problem']}, C={record['C']:g}"
    if not record.get("ours"):
        return f"{cell}: {record['error']}"
    (ours, our_seconds), (peer, their_seconds) = fastest(record["ours"]), fastest(record["peers"])
    text = (
        f"{cell}, {record['n']:,} x {record['p']:,}: {1e3 * our_seconds:.3g} ms at tol={ours}, "
        f"{peer} {1e3 * their_seconds:.3g} ms, ratio {speed_ratio(record):.2f}"
    )
    for tol, gap in broken(record).items():
        text += f"; BROKEN tol={tol}: {gap:.1e}"
    return text if record.get("done") else f"{text}; {record['error']}"
