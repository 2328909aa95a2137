"""Benchmark of previews for bare-metal stacks with many hosts.

The engine, the program and the driver are real. The plugins of `testkit/offline` check and compare like the
lab's stand-in plugins and contact no host. Each stack is created once, then previewed without a change, and
with one kubelet setting changed on every worker. The previews include the report.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address

from benchmarks.costs import Cost, measure_cost
from testkit.offline.machine import Machine
from testkit.stackfile import CLUSTER, Document

SIZES = (10, 100, 1000, 5000)
LIMITS = (1000, 30.0, 1.0)
"""Number of hosts that has limits, and the maximum seconds and GiB of its previews on two cores."""
_TIMEOUT = 3600.0
# The file backend writes the whole state after each step: terabytes for thousands of hosts. Previews need
# only the final state.
_SINGLE_CHECKPOINT = {"PULUMI_SKIP_CHECKPOINTS": "true", "PULUMI_EXPERIMENTAL": "true"}
# 5,000 nodes may have at most 150,000 pods, the number of pods that Kubernetes is tested with.
_MAX_PODS, _CHANGED_MAX_PODS = 30, 25


@dataclass(frozen=True, slots=True)
class PreviewCosts:
    """Costs of the previews of a stack with this number of hosts."""

    hosts: int
    unchanged: Cost
    changed: Cost

    @property
    def over_limit(self) -> bool:
        """Return whether this number of hosts has a limit and a preview exceeds the limit."""
        hosts, seconds, memory = LIMITS
        costs = (self.unchanged, self.changed)
        return self.hosts == hosts and any(cost.seconds > seconds or cost.memory > memory for cost in costs)


def measure_previews(machine: Machine, hosts: int) -> PreviewCosts:
    """Create a stack with this number of hosts and measure its previews. Raise CommandFailed on a failure."""
    name = f"hosts-{hosts}"
    config = stack_config(machine, name, hosts)
    words = ("--stack", name, "--file", str(machine.write_stack_file(name, config)))
    machine.execute(("up", *words), timeout=_TIMEOUT, variables=_SINGLE_CHECKPOINT)
    reports = str(machine.root / "reports")
    with measure_cost() as unchanged:
        machine.command("preview", *words, timeout=_TIMEOUT)
    config[CLUSTER]["pools"]["workers"]["kubelet"]["max_pods"] = _CHANGED_MAX_PODS
    machine.write_stack_file(name, config)
    with measure_cost() as changed:
        machine.command("preview", *words, "--report", reports, timeout=_TIMEOUT)
    return PreviewCosts(hosts, unchanged[0], changed[0])


def stack_config(machine: Machine, name: str, hosts: int) -> Document:
    """Return the configuration of a stack with one control plane and with workers that have a /26 of pods
    each.
    """
    first = IPv4Address("10.0.1.1")
    inventory = {"cp-1": {"address": str(first)}}
    inventory |= {f"w-{i}": {"address": str(first + i)} for i in range(1, hosts)}
    workers = {
        "hosts": list(inventory)[1:],
        "max_unavailable": max(1, hosts // 50),
        "kubelet": {"max_pods": _MAX_PODS},
    }
    return {
        CLUSTER: {
            "name": name,
            "environment": "lab",
            "network": {"machines": ["10.0.0.0/16"], "pods": "172.16.0.0/12", "node_prefix": 26},
            "kubelet": {"max_pods": _MAX_PODS},
            "control_planes": {"hosts": ["cp-1"]},
            "pools": {"workers": workers},
            "artifacts": {"mirror": machine.server.url, "ca_file": str(machine.server.ca_file)},
            "metal": {"ssh": machine.ssh_settings(inventory), "hosts": inventory},
        }
    }


def markdown_table(costs: Iterable[PreviewCosts]) -> list[str]:
    """Return the lines of the Markdown table."""
    lines = [
        "| hosts | unchanged | processors | memory | one setting on every worker | processors | memory |",
        "|---|---|---|---|---|---|---|",
    ]
    for previews in costs:
        cells = [f"{previews.hosts:,}"]
        for cost in (previews.unchanged, previews.changed):
            cells += [f"{cost.seconds:.1f} s", f"{cost.processor:.1f} s", f"{cost.memory:.2f} GiB"]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
