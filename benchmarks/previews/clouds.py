"""Benchmark of previews for the cloud examples, with few and with many workers alternately.

A pool is one group of machines of any size, so the cost of a preview must not depend on the size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import yaml

from benchmarks.costs import Cost, measure_cost
from testkit.cluster import CHECKOUT
from testkit.offline.machine import Machine
from testkit.stackfile import CLUSTER, Document

CLOUDS = ("aws", "azure")
FEW, MANY = 5, 4997
"""Numbers of workers. MANY workers and three control planes are the 5,000 nodes that Kubernetes is tested
with.
"""
MAX_EXTRA = 0.1
"""Maximum additional processor time with many workers, as a fraction of the time with few."""
ROUNDS = 5
_TIMEOUT = 600.0
_MAX_PODS = 30


@dataclass(frozen=True, slots=True)
class SizeComparison:
    """Costs of previews of a cloud's example with few and with many workers, each in several rounds."""

    cloud: str
    few: tuple[Cost, ...]
    many: tuple[Cost, ...]

    @property
    def ratio(self) -> float:
        """Return the ratio of the medians of processor time. Elapsed time would include other work of the
        machine.
        """
        return _median_processor(self.many) / _median_processor(self.few)

    @property
    def over_limit(self) -> bool:
        """Return whether the cost with many workers exceeds the limit."""
        return self.ratio > 1 + MAX_EXTRA


def compare_sizes(machine: Machine, cloud: str, rounds: int = ROUNDS) -> SizeComparison:
    """Preview the example stack of a cloud with few and with many workers alternately, and return the costs.

    Raise CommandFailed when a preview fails.
    """
    costs_by_size: dict[int, list[Cost]] = {FEW: [], MANY: []}
    for _ in range(rounds):
        for workers, costs in costs_by_size.items():
            name = f"{cloud}-{workers}"
            file = machine.write_stack_file(name, stack_config(cloud, workers))
            with measure_cost() as cost:
                machine.command(
                    "preview", "--offline", "--stack", name, "--file", str(file), timeout=_TIMEOUT
                )
            costs += cost
    return SizeComparison(cloud, tuple(costs_by_size[FEW]), tuple(costs_by_size[MANY]))


def stack_config(cloud: str, workers: int) -> Document:
    """Return the example's configuration with this number of workers in two pools."""
    config: Document = yaml.safe_load((CHECKOUT / f"Pulumi.{cloud}-example.yaml").read_text())["config"]
    cluster = config[CLUSTER]
    cluster["network"] |= {"pods": "172.16.0.0/12", "node_prefix": 26}
    cluster["kubelet"] = {"max_pods": _MAX_PODS}
    # A scale set of Azure cannot have this many machines, so the workers are in two pools.
    halves = {"general": workers // 2, "more": workers - workers // 2}
    pool = cluster["pools"]["general"]
    cluster["pools"] = {name: pool | {"size": {"min": half, "max": half}} for name, half in halves.items()}
    cluster[cloud]["quotas"] = {"vcpus": 100_000}
    cluster["artifacts"]["index"] = str(CHECKOUT / cluster["artifacts"]["index"])
    return config


def markdown_table(comparisons: Iterable[SizeComparison]) -> list[str]:
    """Return the lines of the Markdown table."""
    lines = [
        f"| cloud | {FEW} workers | processors | memory | {MANY:,} workers | processors | memory | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for comparison in comparisons:
        cells = [comparison.cloud]
        for costs in (comparison.few, comparison.many):
            cells += [f"{median(cost.seconds for cost in costs):.1f} s", f"{_median_processor(costs):.1f} s"]
            cells.append(f"{median(cost.memory for cost in costs):.2f} GiB")
        lines.append(f"| {' | '.join(cells)} | {comparison.ratio:.2f} |")
    return lines


def _median_processor(costs: Iterable[Cost]) -> float:
    return median(cost.processor for cost in costs)
