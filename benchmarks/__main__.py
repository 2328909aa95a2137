"""Benchmark of `up` that creates a cluster on new hosts, and of a preview without changes after it.

Run it as `python -m benchmarks`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import costs, report
from benchmarks.rounds import CHECKOUT, BenchmarkError, BenchmarkStack, RoundTimes

STACK = "kwbench"
NETWORK = "10.92.0.0/24"


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds; the table has the medians.")] = 3,
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks.md too.")] = False,
) -> None:
    """Measure a cluster with one control plane and two workers in a separate lab."""
    console = Console(stderr=True)
    measured_rounds: list[RoundTimes] = []
    with tempfile.TemporaryDirectory(prefix="kubewright-bench-") as directory:
        benchmark_stack = BenchmarkStack(
            stack=STACK, file=write_stack_file(Path(directory)), state=Path(directory)
        )
        for number in range(1, rounds + 1):
            console.print(f"round {number} of {rounds} …")
            try:
                measured_rounds.append(benchmark_stack.measure_round())
            except BenchmarkError as error:
                console.print(str(error), markup=False)
                sys.exit(1)
    print_table(measured_rounds)
    if write:
        machine = f"Machine: {costs.machine_description()}."
        path = CHECKOUT / "docs/benchmarks.md"
        path.write_text(report.replace_table(path.read_text(), report.markdown(measured_rounds, machine)))


def write_stack_file(directory: Path) -> Path:
    """Write a copy of the stack file of `dev` with the benchmark's name and network. Return its path."""
    text = (CHECKOUT / "Pulumi.dev.yaml").read_text()
    path = directory / "stack.yaml"
    path.write_text(
        text.replace("10.89.0.", NETWORK.removesuffix("0/24"))
        .replace("labs/dev", f"labs/{STACK}")
        .replace("name: dev", f"name: {STACK}")
    )
    return path


def print_table(measured_rounds: list[RoundTimes]) -> None:
    """Print a table with the medians of the rounds."""
    table = Table("part", "seconds", "from - to", "description")
    for row in report.rows(measured_rounds):
        table.add_row(*(cell.replace("**", "") for cell in row))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
