"""Benchmark against kubeadm, `python -m benchmarks.ready`: fails when the ratio of medians is too high."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from artifacts.errors import ArtifactError
from benchmarks import costs
from benchmarks.ready import report, rounds
from benchmarks.ready.rounds import ReadinessTimes
from benchmarks.rounds import CHECKOUT, BenchmarkError
from lab.errors import LabError

PROGRAMS = {"kubeadm": rounds.run_kubeadm, "kubewright": rounds.run_kubewright}


def main(
    number: Annotated[int, typer.Option("--rounds", min=1, help="Number of rounds of each program.")] = 5,
    only: Annotated[str, typer.Option(help="Run only this program; nothing is written.")] = "",
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks-ready.md too.")] = False,
) -> None:
    """Create the same cluster with both programs, on hosts of a separate lab."""
    console = Console(stderr=True)
    programs = {name: run for name, run in PROGRAMS.items() if only in ("", name)}
    if not programs:
        console.print(f"--only {only}: unknown program; choose one of {', '.join(PROGRAMS)}", markup=False)
        sys.exit(2)
    rounds_by_program: dict[str, list[ReadinessTimes]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory(prefix="kubewright-ready-") as directory:
        # The lab and the commands store and find their hosts in this directory.
        os.environ["KUBEWRIGHT_STATE"] = directory
        for round_number in range(1, number + 1):
            for name, run in programs.items():
                try:
                    rounds_by_program[name].append(run(Path(directory)))
                except (ArtifactError, BenchmarkError, LabError) as error:
                    console.print(f"round {round_number} of {name}: {error}", markup=False)
                    sys.exit(1)
                console.print(
                    f"round {round_number} of {number}: {name} {rounds_by_program[name][-1].ready:.1f} s"
                )
    print_results(rounds_by_program, write=write and not only)


def print_results(rounds_by_program: dict[str, list[ReadinessTimes]], *, write: bool) -> None:
    """Print the report. Exit with an error when the ratio exceeds the limit."""
    if len(rounds_by_program) < len(PROGRAMS):
        for name, results in rounds_by_program.items():
            print(name, [f"{times.ready:.1f}" for times in results], *report.part_rows(results), sep="\n")
        return
    machine = f"Machine: {costs.machine_description()}."
    text = report.markdown(rounds_by_program, machine)
    print(text)
    if write:
        (CHECKOUT / "docs/benchmarks-ready.md").write_text(text)
    sys.exit(report.ratio(rounds_by_program) > report.MAX_RATIO)


if __name__ == "__main__":
    typer.run(main)
