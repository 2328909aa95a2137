"""`python -m benchmarks.previews [HOSTS…]`: what previews cost; fails when one costs more than it may."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from testkit.offline.machine import Machine
from testkit.process import CommandFailed

from benchmarks import costs
from benchmarks.previews import clouds, hosts
from testkit.artifact_server import serving

FILE = Path(__file__).resolve().parents[2] / "docs/previews.md"


def main(
    sizes: Annotated[list[int] | None, typer.Argument(help="Numbers of hosts.", metavar="HOSTS")] = None,
    rounds: Annotated[int, typer.Option(help="Of the clouds; 0 leaves them out.")] = clouds.ROUNDS,
    write: Annotated[bool, typer.Option("--write", help="Write docs/previews.md too.")] = False,
) -> None:
    """Measure previews; fail when one costs more than it may."""
    console = Console(stderr=True)
    measured, compared = [], []
    with tempfile.TemporaryDirectory(prefix="kubewright-previews-") as directory:
        root = Path(directory)
        with serving(root) as server:
            machine = Machine.make(root, server)
            try:
                for cloud in clouds.CLOUDS if rounds else ():
                    console.print(f"{cloud} …")
                    compared.append(clouds.compare(machine, cloud, rounds))
                for number in sizes or hosts.SIZES:
                    console.print(f"{number} hosts …")
                    measured.append(hosts.measure(machine, number))
            except CommandFailed as error:
                console.print(str(error), markup=False)
                sys.exit(1)
    text = markdown(measured, compared)
    print(text)
    if write:
        FILE.write_text(text)
    over = [f"{each.hosts:,} hosts" for each in measured if each.too_much]
    over += [f"many workers on {each.cloud}" for each in compared if each.too_much]
    if over:
        sys.exit(f"more than it may cost: {', '.join(over)}")


def markdown(measured: Sequence[hosts.Measured], compared: Sequence[clouds.Compared]) -> str:
    """The tables, with where they were measured."""
    size, seconds, memory = hosts.WITHIN
    lines = [
        "# How long a preview takes",
        "",
        "Written by `python -m benchmarks.previews --write`: `kubewright preview`, the whole command.",
        "Processors: the seconds that all its processes used together; beside other work the clock says",
        "more. Memory: of all its processes together, at its peak.",
        f"Machine: {costs.machine()}.",
        "",
        f"Bare metal; {size:,} hosts may take {seconds:.0f} s and {memory:.0f} GiB:",
        "",
        *hosts.table(measured),
    ]
    if compared:
        lines += [
            "",
            f"The clouds' examples, from nothing, {len(compared[0].few)} rounds in turns, medians. The ratio",
            f"is that of processors' seconds; it may be {1 + clouds.WITHIN:.2f}:",
            "",
            *clouds.table(compared),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
