"""Benchmark of `up` without existing hosts and of the empty preview after it: `python -m benchmarks`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import costs, report
from benchmarks.rounds import CHECKOUT, BenchmarkError, BenchmarkStack, Round

STACK = "kwbench"
NETWORK = "10.92.0.0/24"


def main(
    rounds: Annotated[int, typer.Option(min=1, help="Number of rounds; the table has the medians.")] = 3,
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks.md too.")] = False,
) -> None:
    """Measure a cluster with a control plane and two workers in a separate lab."""
    console = Console(stderr=True)
    measured: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="kubewright-bench-") as directory:
        subject = BenchmarkStack(stack=STACK, file=stack_file(Path(directory)), state=Path(directory))
        for number in range(1, rounds + 1):
            console.print(f"round {number} of {rounds} …")
            try:
                measured.append(subject.round())
            except BenchmarkError as error:
                console.print(str(error), markup=False)
                sys.exit(1)
    show(measured)
    if write:
        machine = f"Machine: {costs.machine_description()}."
        (CHECKOUT / "docs/benchmarks.md").write_text(report.markdown(measured, machine))


def stack_file(directory: Path) -> Path:
    """Write the dev stack with the benchmark's name and network into the directory."""
    text = (CHECKOUT / "Pulumi.dev.yaml").read_text()
    path = directory / "stack.yaml"
    path.write_text(
        text.replace("10.89.0.", NETWORK.removesuffix("0/24"))
        .replace("labs/dev", f"labs/{STACK}")
        .replace("name: dev", f"name: {STACK}")
    )
    return path


def show(measured: list[Round]) -> None:
    """Print the table of medians."""
    table = Table("part", "seconds", "from - to", "description")
    for row in report.rows(measured):
        table.add_row(*(cell.replace("**", "") for cell in row))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
