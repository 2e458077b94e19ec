"""The table, as Markdown and as JSON."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from benchmark_utils.summary import Finish, Summary, geometric_mean

HEADER = (
    "data set",
    "C",
    "ours",
    "passes",
    "reads of X",
    "fastest of scikit-learn",
    "ratio",
    "fastest peer",
    "ratio",
    "at default tol",
    "true gap",
)


LEGEND = (
    "ours: time of the default solver to a relative distance of 1e-6 from the optimum; passes: "
    "over the data in that time; reads of X: that time over the time of one sum over X. ratio: "
    "their time over ours; 'only ours' and 'only theirs': the other never got there in its time, "
    "and the race does not count for the mean. true gap: relative distance from the optimum at "
    "the default tolerance."
)
"""What the columns of the table mean."""


def markdown_table(summaries: list[Summary]) -> str:
    """The races, one line each, and the geometric means of the ratios, as a Markdown table."""
    rows = [HEADER, *(_cells(summary) for summary in summaries), _means(summaries)]
    return aligned(rows, [name not in HEADER[:1] + HEADER[5:6] + HEADER[7:8] for name in HEADER])


def aligned(rows: Sequence[Sequence[str]], numeric: Sequence[bool]) -> str:
    """A Markdown table, the first row its header; numeric columns are aligned to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        " | ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        )
        for row in rows
    ]
    rule = " | ".join(
        "-" * (width - 1) + (":" if right else "-")
        for width, right in zip(widths, numeric, strict=True)
    )
    return "\n".join(f"| {line} |" for line in [lines[0], rule, *lines[1:]])


def json_report(
    summaries: list[Summary], settings: pd.DataFrame, environment: dict[str, Any]
) -> dict[str, Any]:
    """All that was measured, ready for JSON; what is not finite becomes None."""
    ratios = ("reads", "scikit_learn_ratio", "peer_ratio")
    races = [asdict(race) | {name: getattr(race, name) for name in ratios} for race in summaries]
    means = {name: geometric_mean([race[name] for race in races]) for name in ratios[1:]}
    tables = {"races": pd.DataFrame(races), "settings": settings}
    return {
        "environment": environment,
        "geometric_means": {
            name: mean if np.isfinite(mean) else None for name, mean in means.items()
        },
        **{name: json.loads(table.to_json(orient="records")) for name, table in tables.items()},
    }


def _cells(summary: Summary) -> tuple[str, ...]:
    return (
        summary.dataset,
        f"{summary.C:g}",
        duration(summary.ours.seconds),
        _count(summary.ours.passes),
        _count(summary.reads),
        _finish(summary.scikit_learn),
        times(summary.scikit_learn_ratio),
        _finish(summary.peer),
        times(summary.peer_ratio),
        duration(summary.default_seconds),
        f"{summary.default_suboptimality:.1e}",
    )


def _means(summaries: list[Summary]) -> tuple[str, ...]:
    empty = [""] * len(HEADER)
    empty[0] = "geometric mean"
    empty[6] = times(geometric_mean([s.scikit_learn_ratio for s in summaries]))
    empty[8] = times(geometric_mean([s.peer_ratio for s in summaries]))
    return tuple(empty)


def _finish(finish: Finish) -> str:
    if math.isinf(finish.seconds):
        return finish.solver
    return f"{finish.solver}: {duration(finish.seconds)}"


def duration(seconds: float) -> str:
    if math.isnan(seconds):
        return "-"
    if math.isinf(seconds):
        return "not reached"
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _count(number: float) -> str:
    return f"{number:.3g}" if math.isfinite(number) else "-"


def times(ratio: float) -> str:
    if math.isnan(ratio):
        return "-"
    if ratio == 0:
        return "only theirs"
    return "only ours" if math.isinf(ratio) else f"{ratio:.2f}"
