"""The table and the picture of the atlas."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import TwoSlopeNorm

from atlas.records import Record, Records, broken, fastest, speed_ratio
from benchmark_utils.report import aligned, duration, times
from benchmark_utils.summary import geometric_mean

BELOW = ("cell", "rows x columns", "ours", "theirs", "ratio")
BROKEN = ("cell", "tol", "true gap")


def write_report(records: Records, label: str, output: Path) -> None:
    """Print and write the tables and the pictures of all cells of a label."""
    parts = [f"Version {label}."]
    for threads in (1, 2):
        found = [r for r in records.find(label=label, threads=threads) if r.get("ours")]
        if found:
            clock = "time of the processor" if threads == 1 else "time by the clock"
            title = f"{threads} thread{'s' * (threads > 1)}, {clock}"
            parts.append(f"## {title}\n\n{tables(found)}")
            draw(found, output / f"atlas_{threads}.png", title)
    failed = [r for r in records.find(label=label) if not r.get("done")]
    if failed:
        lines = [f"- {r['problem']}, C={r['C']:g}: {r['error']}" for r in failed]
        parts.append("\n".join(["## Not finished", "", *lines]))
    text = "\n\n".join(parts) + "\n"
    print(text)
    (output / "atlas.md").write_text(text)


def tables(records: Sequence[Record]) -> str:
    """Geometric means by kind and C, the cells below 1, the broken promises."""
    below = sorted((r for r in records if speed_ratio(r) < 1), key=speed_ratio)
    told = [(r, tol, gap) for r in records for tol, gap in broken(r).items()]
    fits = sum(len(r["ours"]) for r in records)
    parts = [
        "Time of the fastest of scikit-learn's settings over that of our fastest, both within 1e-6 "
        "of the minimum. Geometric means; in brackets: cells, and cells below 1.",
        means(records),
        f"### Below 1: {len(below)} of {len(records)} cells",
        aligned([BELOW, *map(_below, below)], [False] * 4 + [True]),
        f"### Promise broken: {len(told)} of {fits} fits",
        *([aligned([BROKEN, *(_broken(*row) for row in told)], [False, True, True])] * bool(told)),
        f"The minima are certified to {max(r['certified'] for r in records):.0e}, relative. "
        f"Largest true gap at the default tol: {_largest_default_gap(records)}.",
    ]
    return "\n\n".join(parts)


def _largest_default_gap(records: Sequence[Record]) -> str:
    gaps = [(fit["gap"], r) for r in records if (fit := r["ours"].get("auto")) and fit["converged"]]
    gap, record = max(gaps, key=lambda pair: pair[0], default=(np.nan, None))
    return f"{gap:.1e}, {record['problem']}, C={record['C']:g}" if record else "none"


def means(records: Sequence[Record]) -> str:
    """A row a kind, a column a C, and if there are several, one of all together."""
    Cs = sorted({r["C"] for r in records})
    kinds = list(dict.fromkeys(r["kind"] for r in reversed(records)))
    header = ["kind", *(f"C = {C:g}" for C in Cs), *["all"] * (len(Cs) > 1)]
    rows = [header]
    for kind in [*kinds, "all"]:
        of_kind = [r for r in records if kind in (r["kind"], "all")]
        columns = [[r for r in of_kind if r["C"] == C] for C in Cs] + [of_kind] * (len(Cs) > 1)
        rows.append([kind, *map(_mean, columns)])
    return aligned(rows, [False, *[True] * (len(header) - 1)])


def _mean(records: Sequence[Record]) -> str:
    ratios = [speed_ratio(r) for r in records]
    below = sum(ratio < 1 for ratio in ratios)
    return f"{times(geometric_mean(ratios))} ({len(ratios)}, {below})"


def _below(record: Record) -> tuple[str, ...]:
    (ours, our_seconds), (peer, their_seconds) = fastest(record["ours"]), fastest(record["peers"])
    return (
        f"{record['problem']}, C={record['C']:g}",
        f"{record['n']:,} x {record['p']:,}",
        f"tol={ours}: {duration(our_seconds)}",
        f"{peer}: {duration(their_seconds)}",
        times(speed_ratio(record)),
    )


def _broken(record: Record, tol: str, gap: float) -> tuple[str, ...]:
    return f"{record['problem']}, C={record['C']:g}", tol, f"{gap:.1e}"


def draw(records: Sequence[Record], path: Path, title: str) -> None:
    """A point a cell, by rows and columns, a panel a C: red where the ratio is below 1."""
    Cs = sorted({r["C"] for r in records})
    figure, axes = plt.subplots(
        1,
        len(Cs),
        figsize=(1.5 + 4 * len(Cs), 4.2),
        squeeze=False,
        sharex=True,
        sharey=True,
        layout="constrained",
    )
    for axis, C in zip(axes.flat, Cs, strict=True):
        panel = [r for r in records if r["C"] == C]
        exponents = np.log2(np.clip([speed_ratio(r) for r in panel], 1 / 4, 16))
        points = axis.scatter(
            [r["p"] for r in panel],
            [r["n"] for r in panel],
            c=exponents,
            cmap="RdBu",
            norm=TwoSlopeNorm(0, -2, 4),
            s=60,
            edgecolors="grey",
            linewidths=0.5,
        )
        axis.set(xscale="log", yscale="log", title=f"C = {C:g}", xlabel="columns")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("rows")
    bar = figure.colorbar(points, ax=axes, label="ratio; 16: or only ours", ticks=range(-2, 5))
    bar.ax.set_yticklabels([f"{2.0**k:g}" for k in range(-2, 5)])
    figure.suptitle(f"Fastest of scikit-learn over ours, to 1e-6\n{title}")
    figure.savefig(path, dpi=150)
    plt.close(figure)
