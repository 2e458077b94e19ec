"""Command line of the atlas: ``python -m atlas run``, ``report``, ``promise`` or ``phases``."""

import argparse
import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from atlas import phases
from atlas.promise import search
from atlas.records import Records, one_line
from atlas.report import write_report
from atlas.selection import select
from benchmark_utils.measure import FOLDER, start_process, warn_if_busy


def parse_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m atlas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="race on all data sets, then report")
    report = commands.add_parser("report", help="the table and the picture of what was run")
    for command in (run, report):
        command.add_argument("--output", type=Path, default=FOLDER / "outputs/atlas")
        command.add_argument("--label", help="name of the version (default: the commit)")
    run.add_argument("--quick", action="store_true", help="12 small data sets at C=1: two minutes")
    run.add_argument("--seed", type=int, default=0, help="of the third of data sets that is drawn")
    run.add_argument("--only", default="", metavar="REGEX", help="only data sets that match")
    run.add_argument("--C", type=float, nargs="+", help="default: 0.01 1 100")
    run.add_argument(
        "--threads",
        type=int,
        default=1,
        help="1: times of the processor; more: of the clock, on a machine with nothing else to do",
    )
    run.add_argument("--cell-seconds", type=float, default=600.0, help="then a cell is ended")
    run.add_argument(
        "--reuse-peers",
        action="store_true",
        help="of cells that another label has already, measure ours and the fastest peers only",
    )
    promise = commands.add_parser("promise", help="look for random fits that break what tol says")
    promise.add_argument("--seconds", type=float, default=600.0)
    promise.add_argument("--seed", type=int, default=0)
    promise.add_argument("--only", type=int, nargs="+", help="numbers of the problems to look at")
    parts = commands.add_parser("phases", help="where the time of our fits goes")
    parts.add_argument("--only", default="", metavar="REGEX", help="only data sets that match")
    parts.add_argument("--seed", type=int, default=0, help="of the data sets that are drawn")
    parts.add_argument("--C", type=float, default=1.0)
    parts.add_argument("--tol", type=float, default=1e-6)
    return parser.parse_args()


def version() -> str:
    """The commit of this checkout, and a digest of what was changed since."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(FOLDER), *arguments]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    commit, changes = git("rev-parse", "--short", "HEAD") or "unknown", git("diff", "HEAD")
    return f"{commit}-{sha256(changes.encode()).hexdigest()[:6]}" if changes else commit


def run_cell(request: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Run a cell in a process of its own; return all that it told in its time."""
    threads = str(request["threads"])
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    with TemporaryFile("w+") as output:
        process = start_process("atlas.cell", request, output, **dict.fromkeys(names, threads))
        try:
            process.wait(seconds)
            error = f"ended by signal {-process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            error = f"ended after {seconds:g} s"
        output.seek(0)
        lines = output.read().splitlines()
    told = [line for line in lines if line.startswith("{") and line.endswith("}")]
    record: dict[str, Any] = json.loads(told[-1]) if told else {}
    if not record.get("done"):
        record["error"] = lines[-1] if process.returncode > 0 and lines else error
    return record


def run(options: argparse.Namespace, label: str) -> None:
    """Race in every cell that has no record yet."""
    warn_if_busy()
    records = Records(options.output / "cells.jsonl")
    cells = select(options.seed, options.only, options.quick, options.C)
    for number, (problem, C) in enumerate(cells, 1):
        key = {"problem": problem.name, "C": C, "threads": options.threads}
        if records.find(label=label, **key):
            continue
        known = records.known(**key) if options.reuse_peers else None
        request = {**key, "seed": options.seed, "known": known}
        found = run_cell(request, options.cell_seconds)
        record = {"label": label, "kind": problem.kind, "seed": options.seed, **key, **found}
        records.add(record)
        print(f"{number}/{len(cells)} {one_line(record)}", flush=True)


def main() -> None:
    """Do what the command line says."""
    options = parse_options()
    if options.command == "promise":
        sys.exit(bool(search(options.seed, options.seconds, options.only)))
    if options.command == "phases":
        print(phases.report(select(options.seed, options.only, Cs=[options.C]), options.tol))
        return
    label = options.label or version()
    if options.command == "run":
        run(options, label)
    write_report(Records(options.output / "cells.jsonl"), label, options.output)


if __name__ == "__main__":
    main()
