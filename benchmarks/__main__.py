"""`python -m benchmarks`: measures `up` from no hosts and the empty preview after it."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import report
from benchmarks.rounds import CHECKOUT, BenchmarkError, Round, Subject

STACK = "kwbench"
NETWORK = "10.92.0.0/24"


def main(
    rounds: Annotated[int, typer.Option(min=1, help="How many times; the table has the medians.")] = 3,
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks.md too.")] = False,
) -> None:
    """Measure a cluster of one control plane and two workers in a lab of its own."""
    console = Console(stderr=True)
    measured: list[Round] = []
    with tempfile.TemporaryDirectory(prefix="kubewright-bench-") as directory:
        subject = Subject(stack=STACK, file=stack_file(Path(directory)), state=Path(directory))
        for number in range(1, rounds + 1):
            console.print(f"round {number} of {rounds} …")
            try:
                measured.append(subject.round())
            except BenchmarkError as error:
                console.print(str(error), markup=False)
                sys.exit(1)
    show(measured)
    if write:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
        machine = f"Machine: {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}."
        (CHECKOUT / "docs/benchmarks.md").write_text(report.markdown(measured, machine))


def stack_file(directory: Path) -> Path:
    """The dev stack on a network of its own, under the benchmark's name."""
    text = (CHECKOUT / "Pulumi.dev.yaml").read_text()
    path = directory / "stack.yaml"
    path.write_text(
        text.replace("10.89.0.", NETWORK.removesuffix("0/24"))
        .replace("labs/dev", f"labs/{STACK}")
        .replace("name: dev", f"name: {STACK}")
    )
    return path


def show(measured: list[Round]) -> None:
    """Prints the table."""
    table = Table("part", "seconds", "from - to", "what")
    for row in report.rows(measured):
        table.add_row(*(cell.replace("**", "") for cell in row))
    Console().print(table)


if __name__ == "__main__":
    typer.run(main)
