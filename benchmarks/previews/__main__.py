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
from testkit.artifact_server import serve_artifacts
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
    preview_costs, comparisons = [], []
    with tempfile.TemporaryDirectory(prefix="kubewright-previews-") as directory:
        root = Path(directory)
        with serve_artifacts(root) as server:
            machine = Machine.create(root, server)
            try:
                for cloud in clouds.CLOUDS if rounds else ():
                    console.print(f"{cloud} …")
                    comparisons.append(clouds.compare_sizes(machine, cloud, rounds))
                for number in sizes or hosts.SIZES:
                    console.print(f"{number} hosts …")
                    preview_costs.append(hosts.measure_previews(machine, number))
            except CommandFailed as error:
                console.print(str(error), markup=False)
                sys.exit(1)
    text = markdown(preview_costs, comparisons)
    print(text)
    if write:
        FILE.write_text(text)
    exceeding = [f"{each.hosts:,} hosts" for each in preview_costs if each.over_limit]
    exceeding += [f"many workers on {each.cloud}" for each in comparisons if each.over_limit]
    if exceeding:
        sys.exit(f"over the limit: {', '.join(exceeding)}")


def markdown(
    preview_costs: Sequence[hosts.PreviewCosts], comparisons: Sequence[clouds.SizeComparison]
) -> str:
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
        *hosts.markdown_table(preview_costs),
    ]
    if comparisons:
        rounds = len(comparisons[0].few)
        lines += [
            "",
            f"The cloud examples before their creation: medians of {rounds} rounds in turns.",
            f"The ratio compares processor seconds; its limit is {1 + clouds.MAX_EXTRA:.2f}:",
            "",
            *clouds.markdown_table(comparisons),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    typer.run(main)
