"""Benchmark of previews, `python -m benchmarks.previews [HOSTS…]`: fails when a cost exceeds its limit."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks import costs
from benchmarks.previews import clouds, hosts
from testkit.artifact_server import serving
from testkit.offline.machine import Machine
from testkit.process import CommandFailed

FILE = Path(__file__).resolve().parents[2] / "docs/previews.md"


def main(
    sizes: Annotated[list[int] | None, typer.Argument(help="Numbers of hosts.", metavar="HOSTS")] = None,
    rounds: Annotated[int, typer.Option(help="Rounds of the cloud examples; 0 omits them.")] = clouds.ROUNDS,
    write: Annotated[bool, typer.Option("--write", help="Write docs/previews.md too.")] = False,
) -> None:
    """Measure previews. Exit with an error when a cost exceeds its limit."""
    console = Console(stderr=True)
    measured, compared = [], []
    with tempfile.TemporaryDirectory(prefix="kubewright-previews-") as directory:
        root = Path(directory)
        with serving(root) as server:
            machine = Machine.make(root, server)
            try:
                for cloud in clouds.CLOUDS if rounds else ():
                    console.print(f"{cloud} …")
                    compared.append(clouds.compare_sizes(machine, cloud, rounds))
                for number in sizes or hosts.SIZES:
                    console.print(f"{number} hosts …")
                    measured.append(hosts.measure_previews(machine, number))
            except CommandFailed as error:
                console.print(str(error), markup=False)
                sys.exit(1)
    text = markdown(measured, compared)
    print(text)
    if write:
        FILE.write_text(text)
    over = [f"{each.hosts:,} hosts" for each in measured if each.over_limit]
    over += [f"many workers on {each.cloud}" for each in compared if each.over_limit]
    if over:
        sys.exit(f"over the limit: {', '.join(over)}")


def markdown(measured: Sequence[hosts.PreviewCosts], compared: Sequence[clouds.SizeComparison]) -> str:
    """Return the text of docs/previews.md."""
    size, seconds, memory = hosts.LIMITS
    lines = [
        "# How long a preview takes",
        "",
        "Written by `python -m benchmarks.previews --write`: `kubewright preview`, the whole command.",
        "Processors: the seconds that all its processes use together; elapsed time includes other work of",
        "the machine. Memory: the peak of all its processes together.",
        f"Machine: {costs.machine_description()}.",
        "",
        f"Bare metal; the limit for {size:,} hosts is {seconds:.0f} s and {memory:.0f} GiB:",
        "",
        *hosts.markdown_table(measured),
    ]
    if compared:
        lines += [
            "",
            f"The cloud examples before their creation: medians of {len(compared[0].few)} rounds in turns.",
            f"The ratio compares processor seconds; its limit is {1 + clouds.MAX_EXTRA:.2f}:",
            "",
            *clouds.table(compared),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
