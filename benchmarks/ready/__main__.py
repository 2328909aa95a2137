"""`python -m benchmarks.ready`: Kubewright and kubeadm in turns; ends with 1 when the goal is missed."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from artifacts.errors import ArtifactError
from benchmarks.ready import report, rounds
from benchmarks.ready.rounds import Round
from benchmarks.rounds import CHECKOUT, BenchmarkError
from lab.errors import LabError

PROGRAMS = {"kubeadm": rounds.kubeadm, "kubewright": rounds.kubewright}


def main(
    number: Annotated[int, typer.Option("--rounds", min=1, help="How many times each.")] = 5,
    only: Annotated[str, typer.Option(help="Just this program, for looking at it.")] = "",
    write: Annotated[bool, typer.Option("--write", help="Write docs/benchmarks-ready.md too.")] = False,
) -> None:
    """Build the same cluster with both programs, on hosts of a lab of its own."""
    console = Console(stderr=True)
    programs = {name: run for name, run in PROGRAMS.items() if only in ("", name)}
    if not programs:
        console.print(f"--only {only}: there are {', '.join(PROGRAMS)}", markup=False)
        sys.exit(2)
    measured: dict[str, list[Round]] = {name: [] for name in programs}
    with tempfile.TemporaryDirectory(prefix="kubewright-ready-") as directory:
        # The lab keeps its hosts there, and the commands that are run look there too.
        os.environ["KUBEWRIGHT_STATE"] = directory
        for turn in range(1, number + 1):
            for name, run in programs.items():
                try:
                    measured[name].append(run(Path(directory)))
                except (ArtifactError, BenchmarkError, LabError) as error:
                    console.print(f"round {turn} of {name}: {error}", markup=False)
                    sys.exit(1)
                console.print(f"round {turn} of {number}: {name} {measured[name][-1].ready:.1f} s")
    finish(measured, write=write and not only)


def finish(measured: dict[str, list[Round]], *, write: bool) -> None:
    """Says what came out."""
    if len(measured) < len(PROGRAMS):
        for name, seen in measured.items():
            print(name, [f"{r.ready:.1f}" for r in seen], *report.parts(seen), sep="\n")
        return
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    machine = f"Machine: {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}."
    text = report.markdown(measured, machine)
    print(text)
    if write:
        (CHECKOUT / "docs/benchmarks-ready.md").write_text(text)
    sys.exit(report.ratio(measured) > report.GOAL)


if __name__ == "__main__":
    typer.run(main)
