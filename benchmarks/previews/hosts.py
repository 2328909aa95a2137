"""Previews of bare-metal stacks of many hosts.

The engine, the program and the driver are the real ones; plugins are those of `testkit/offline`, which
check and diff as the lab's stand-ins do and touch no host. For each size the stack is made once, then
previewed unchanged, and with one kubelet setting changed on every worker, report included.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from testkit.offline.machine import Machine
from testkit.stackfile import CLUSTER, Document

from benchmarks.costs import Cost, watched

SIZES = (10, 100, 1000, 5000)
WITHIN = (1000, 30.0, 1.0)
"""Hosts, and the seconds and GiB that their preview may take on two cores."""
_HOUR = 3600.0
# The file backend writes the whole state after each step: of thousands of hosts, terabytes. It is made to
# preview from, so it is written once, at the end.
_AT_ONCE = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"}
# Of 5,000 nodes no more are allowed than Kubernetes is tested with: 150,000 pods.
_PODS, _OTHER_PODS = 30, 25


@dataclass(frozen=True, slots=True)
class Measured:
    """One size of a stack."""

    hosts: int
    unchanged: Cost
    changed: Cost

    @property
    def too_much(self) -> bool:
        """Whether it has the size for which there is a limit, and is over it."""
        hosts, seconds, memory = WITHIN
        costs = (self.unchanged, self.changed)
        return self.hosts == hosts and any(cost.seconds > seconds or cost.memory > memory for cost in costs)


def measure(machine: Machine, hosts: int) -> Measured:
    """Makes a stack of that many hosts, previews it. Raises CommandFailed."""
    name = f"hosts-{hosts}"
    config = stack(machine, name, hosts)
    words = ("--stack", name, "--file", str(machine.file(name, config)))
    machine.execute(("up", *words), timeout=_HOUR, variables=_AT_ONCE)
    reports = str(machine.root / "reports")
    with watched() as unchanged:
        machine.command("preview", *words, timeout=_HOUR)
    config[CLUSTER]["pools"]["workers"]["kubelet"]["max_pods"] = _OTHER_PODS
    machine.file(name, config)
    with watched() as changed:
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
        "kubelet": {"max_pods": _PODS},
    }
    return {
        CLUSTER: {
            "name": name,
            "environment": "lab",
            "network": {"machines": ["10.0.0.0/16"], "pods": "172.16.0.0/12", "node_prefix": 26},
            "kubelet": {"max_pods": _PODS},
            "control_planes": {"hosts": ["cp-1"]},
            "pools": {"workers": workers},
            "artifacts": {"mirror": machine.server.url, "ca_file": str(machine.server.ca_file)},
            "metal": {"ssh": machine.keys(inventory), "hosts": inventory},
        }
    }


def table(measured: Iterable[Measured]) -> list[str]:
    """Lines of Markdown."""
    lines = [
        "| hosts | unchanged | processors | memory | one setting on every worker | processors | memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for each in measured:
        cells = [f"{each.hosts:,}"]
        for cost in (each.unchanged, each.changed):
            cells += [f"{cost.seconds:.1f} s", f"{cost.processor:.1f} s", f"{cost.memory:.2f} GiB"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
