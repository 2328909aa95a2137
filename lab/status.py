"""The state of labs, as data and as a table."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from lab import cgroups, gateway, hosts
from lab.lifecycle import load
from lab.paths import LabPaths, labs
from lab.spec import MIRROR_PORT, REGISTRY_PORT, LabHost, LabSpec

HEADER = ("LAB", "HOST", "ADDRESS", "STATE", "MEMORY", "PROCESSES")


@dataclass(frozen=True, slots=True)
class HostStatus:
    """The status of a host or gateway, which is one row of the table.

    `state` is a result of `hosts.state`. Memory is in bytes. `processes` is the number of processes.
    """

    lab: str
    host: str
    address: str
    state: str
    used_memory: int = 0
    memory_limit: int = 0
    processes: int = 0


def status(name: str = "") -> list[HostStatus]:
    """Return the status of the gateway and of each host of one lab, or of all labs if `name` is empty.

    Raise LabError for an unknown lab.
    """
    rows: list[HostStatus] = []
    for lab in [name] if name else sorted({*labs(), *cgroups.all_labs()}):
        if not name and not LabPaths.of(lab).spec.exists():
            rows.append(HostStatus(lab, "-", "-", "no state here", processes=len(cgroups.pids(lab))))
            continue
        spec = load(lab)
        if spec.mirror is not None:
            rows.append(_gateway_status(spec))
        with ThreadPoolExecutor(max_workers=8) as pool:
            rows += pool.map(lambda host, spec=spec: _host_status(spec, host), spec.hosts)
    return rows


def table(rows: Sequence[HostStatus]) -> str:
    """Format the status rows as text in aligned columns. Without rows, return a message."""
    if not rows:
        return "no labs here\n"
    cells = [HEADER, *(_format_row(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _format_row(row: HostStatus) -> tuple[str, ...]:
    memory = (
        f"{row.used_memory >> 20}/{row.memory_limit >> 20} MiB"
        if row.processes
        else f"-/{row.memory_limit >> 20} MiB"
    )
    return (row.lab, row.host, row.address, row.state, memory, str(row.processes))


def _gateway_status(spec: LabSpec) -> HostStatus:
    up = [gateway.answers_tls(spec, port) for port in (MIRROR_PORT, REGISTRY_PORT)]
    count = len(cgroups.pids(spec.name, gateway.GROUP))
    state = "running" if all(up) else "half-dead" if count else "stopped"
    used_memory = cgroups.used_memory(spec.name, gateway.GROUP)
    return HostStatus(spec.name, "(gateway)", str(spec.gateway), state, used_memory, gateway.MEMORY, count)


def _host_status(spec: LabSpec, host: LabHost) -> HostStatus:
    count = len(cgroups.pids(spec.name, host.name))
    used_memory = cgroups.used_memory(spec.name, host.name)
    return HostStatus(
        spec.name,
        host.name,
        str(host.address),
        hosts.state(spec.name, host),
        used_memory,
        host.memory_limit,
        count,
    )
