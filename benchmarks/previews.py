"""`python -m benchmarks.previews 10 100 1000`: how a preview grows with the number of hosts.

The engine, the program and the driver are the real ones; plugins are those of `tests/support/offline`, which
check and diff as the lab's stand-ins do and touch no host. For each size the stack is made once, then
previewed unchanged, and with one kubelet setting changed on every worker, report included.
"""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.support.offline.machine import Machine
from tests.support.process import CommandFailed
from tests.support.stackfile import CLUSTER, Document
from tests.unit.artifacts.support import serving

SIZES = (10, 100, 1000, 5000)
WITHIN = (1000, 30.0, 1.0)
"""Hosts, and the seconds and GiB that their preview may take on two cores."""
FILE = Path(__file__).resolve().parent.parent / "docs/previews.md"
_HOUR = 3600.0
# The file backend writes the whole state after each step: of thousands of hosts, terabytes. It is made to
# preview from, so it is written once, at the end.
_AT_ONCE = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the clock and of processors, and GiB (all processes together, at their peak)."""

    seconds: float
    processor: float
    memory: float


@dataclass(frozen=True, slots=True)
class Measured:
    """One size of a stack."""

    hosts: int
    unchanged: Cost
    changed: Cost


def main(
    hosts: Annotated[list[int] | None, typer.Argument(help="Numbers of hosts.")] = None,
    write: Annotated[bool, typer.Option("--write", help="Write docs/previews.md too.")] = False,
) -> None:
    """Measure previews; fail when a stack of 1,000 hosts takes more than it may."""
    console = Console(stderr=True)
    measured = []
    with tempfile.TemporaryDirectory(prefix="kubewright-previews-") as directory:
        root = Path(directory)
        with serving(root) as server:
            machine = Machine.make(root, server)
            for number in hosts or SIZES:
                console.print(f"{number} hosts …")
                try:
                    measured.append(measure(machine, number))
                except CommandFailed as error:
                    console.print(str(error), markup=False)
                    sys.exit(1)
    text = markdown(measured)
    print(text)
    if write:
        FILE.write_text(text)
    hosts_of, seconds, memory = WITHIN
    for each in measured:
        if each.hosts == hosts_of and (each.unchanged.seconds > seconds or each.unchanged.memory > memory):
            sys.exit(f"{hosts_of} hosts: more than {seconds:.0f} s or {memory:.0f} GiB")


def measure(machine: Machine, hosts: int) -> Measured:
    """Makes a stack of that many hosts, previews it. Raises CommandFailed."""
    name = f"hosts-{hosts}"
    config = stack(machine, name, hosts)
    words = ("--stack", name, "--file", str(machine.file(name, config)))
    machine.execute(("up", *words), timeout=_HOUR, variables=_AT_ONCE)
    reports = str(machine.root / "reports")
    with _watched() as unchanged:
        machine.command("preview", *words, timeout=_HOUR)
    config[CLUSTER]["pools"]["workers"]["kubelet"]["max_pods"] = 50
    machine.file(name, config)
    with _watched() as changed:
        machine.command("preview", *words, "--report", reports, timeout=_HOUR)
    return Measured(hosts, unchanged[0], changed[0])


def stack(machine: Machine, name: str, hosts: int) -> Document:
    """One control plane, and workers; a /26 of pods for each of them."""
    first = IPv4Address("10.0.1.1")
    inventory = {"cp-1": {"address": str(first)}}
    inventory |= {f"w-{i}": {"address": str(first + i)} for i in range(1, hosts)}
    workers = {
        "hosts": list(inventory)[1:],
        "max_unavailable": max(1, hosts // 50),
        "kubelet": {"max_pods": 60},
    }
    return {
        CLUSTER: {
            "name": name,
            "environment": "lab",
            "network": {"machines": ["10.0.0.0/16"], "pods": "172.16.0.0/12", "node_prefix": 26},
            "kubelet": {"max_pods": 60},
            "control_planes": {"hosts": ["cp-1"]},
            "pools": {"workers": workers},
            "artifacts": {"mirror": machine.server.url, "ca_file": str(machine.server.ca_file)},
            "metal": {"ssh": machine.keys(inventory), "hosts": inventory},
        }
    }


def markdown(measured: list[Measured]) -> str:
    """The table, with where it was measured."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    lines = [
        "# How long a preview takes",
        "",
        "Written by `python -m benchmarks.previews --write`: `kubewright preview` of bare-metal stacks, the",
        "whole command. Processors: the seconds that all its processes used together; beside other work the",
        "clock says more. Memory: of all its processes together, at its peak.",
        f"Machine: {os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release()}.",
        "",
        "| hosts | unchanged | processors | memory | one setting on every worker | processors | memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in measured:
        cells = [f"{each.hosts:,}"]
        for cost in (each.unchanged, each.changed):
            cells += [f"{cost.seconds:.1f} s", f"{cost.processor:.1f} s", f"{cost.memory:.2f} GiB"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


@contextmanager
def _watched() -> Iterator[list[Cost]]:
    """Measures what runs inside; the list has the result afterwards."""
    found: list[Cost] = []
    peak, over = [0.0], threading.Event()

    def watch() -> None:
        while not over.wait(0.2):
            peak[0] = max(peak[0], _memory(os.getpid()))

    before, begun, used = _memory(os.getpid()), time.monotonic(), _processor()
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        seconds = time.monotonic() - begun
        over.set()
        watcher.join()
        # Without this process, which is none of the command's.
        found.append(Cost(seconds, _processor() - used, max(0.0, peak[0] - before)))


def _processor() -> float:
    """Seconds of processors that commands have used so far, theirs and their descendants'."""
    times = os.times()
    return times.children_user + times.children_system


def _memory(root: int) -> float:
    """GiB that a process and everything below it use; what several share is divided among them."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(entry.name))
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += parents.get(pid, [])
        total += _proportional(pid)
    return total / 2**20


def _proportional(pid: int) -> int:
    """KiB."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


if __name__ == "__main__":
    typer.run(main)
