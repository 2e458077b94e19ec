"""Race GDLogisticRegression against other logistic regressions and print one table.

Each data set with each C is one race: a process of its own that runs benchopt round by round. The
table says how long the default solver takes to come within 1e-6 of the optimum, relative to it,
how long the fastest solver of scikit-learn and the fastest of all peers take, and what the default
solver delivers at its default tolerance. README.md says how this is measured.
"""

import argparse
import json
import re
import shutil
import sys
from dataclasses import replace
from itertools import product
from pathlib import Path

from benchmark_utils.environment import in_words
from benchmark_utils.measure import start_process, timed, warn_if_busy
from benchmark_utils.plot import plot_convergence
from benchmark_utils.presets import ONE_READ, OURS, OUT_OF_THE_BOX, PRESETS, Preset
from benchmark_utils.report import LEGEND, json_report, markdown_table
from benchmark_utils.results import load_fits, summarise_settings
from benchmark_utils.summary import Summary

HERE = Path(__file__).parent


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        default="small",
        help="small: a few minutes; full: everything, about an hour on two cores (default: small)",
    )
    parser.add_argument(
        "--dataset", default="", metavar="REGEX", help="only the data sets that match"
    )
    parser.add_argument(
        "--solver",
        default="",
        metavar="REGEX",
        help="only the peers that match; the solvers of the table always run",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="timed rounds (small: 3, full: 5)")
    parser.add_argument(
        "--seconds",
        type=float,
        metavar="S",
        help="the most time that a solver gets for its sweep (small: 10, full: 30)",
    )
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FOLDER",
        help="where the results go (default: benchmarks/outputs/PRESET)",
    )
    return parser.parse_args()


def select(options: argparse.Namespace) -> Preset:
    """Narrow the preset to what was asked for."""
    preset = PRESETS[options.preset]
    table = (ONE_READ, OURS, OUT_OF_THE_BOX)
    return replace(
        preset,
        datasets=tuple(d for d in preset.datasets if re.search(options.dataset, d)),
        solvers=tuple(s for s in preset.solvers if s in table or re.search(options.solver, s)),
        rounds=options.rounds if options.rounds is not None else preset.rounds,
        seconds=options.seconds if options.seconds is not None else preset.seconds,
    )


def run_race(dataset: str, C: float, preset: Preset, folder: Path) -> bool:
    """Run one race in a process of its own, say how it went, and return whether it was finished."""
    folder.mkdir(parents=True)
    request = {"dataset": dataset, "C": C, "solvers": preset.solvers, "folder": str(folder)}
    request |= {"rounds": preset.rounds, "seconds": preset.seconds}
    print(f"{dataset}, C = {C:g}: ", end="", flush=True)
    with open(folder / "log.txt", "w") as log:
        code, seconds = timed(start_process("race", request, log).wait)
    outcome = "done" if code == 0 else f"failed, see {folder / 'log.txt'}"
    print(f"{outcome} ({seconds:.0f} s)", flush=True)
    return code == 0


def write_report(folders: list[Path], output: Path) -> None:
    """Print the table; write it, all the numbers and the plots into a folder."""
    files = [file for folder in folders for file in sorted(folder.glob("*.parquet"))]
    settings = summarise_settings(load_fits(files))
    races = settings.groupby(["dataset", "C"], sort=False)
    summaries = [Summary.of(race) for _, race in races]
    environment = json.loads((folders[0] / "environment.json").read_text())
    text = f"{in_words(environment)}\n\n{markdown_table(summaries)}\n\n{LEGEND}\n"
    print(f"\n{text}")
    (output / "table.md").write_text(text)
    report = json_report(summaries, settings, environment)
    (output / "report.json").write_text(json.dumps(report, indent=1))
    for C, group in settings.groupby("C"):
        plot_convergence(group, output / f"convergence_C{C:g}.png")
    print(f"Written to {output}: table.md, report.json and the convergence plots.")


def main() -> None:
    """Run the races and report."""
    options = parse_options()
    preset = select(options)
    warn_if_busy()
    output = options.output or HERE / "outputs" / options.preset
    shutil.rmtree(output / "races", ignore_errors=True)
    finished = []
    for number, (dataset, C) in enumerate(product(preset.datasets, preset.Cs)):
        folder = output / "races" / f"{number:02d}"
        if run_race(dataset, C, preset, folder):
            finished.append(folder)
    if not finished:
        sys.exit("No race was finished.")
    write_report(finished, output)


if __name__ == "__main__":
    main()
