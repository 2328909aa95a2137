"""Previews of the cloud examples with few and with many workers, in turns.

A pool is one group of the cloud whatever its size, so that a preview must not depend on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

import yaml
from testkit.cluster import CHECKOUT
from testkit.offline.machine import Machine
from testkit.stackfile import CLUSTER, Document

from benchmarks.costs import Cost, watched

CLOUDS = ("aws", "azure")
FEW, MANY = 5, 4997
"""Workers. With three control planes 5,000 nodes, which is what Kubernetes is tested to."""
WITHIN = 0.1
"""The part by which many workers may cost more processors' time than few."""
ROUNDS = 5
_MINUTES = 600.0
_PODS = 30


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sizes of a cloud's example, each in several rounds."""

    cloud: str
    few: tuple[Cost, ...]
    many: tuple[Cost, ...]

    @property
    def ratio(self) -> float:
        """Many to few: the medians of processors' seconds. The clock tells of other work too."""
        return _processor(self.many) / _processor(self.few)

    @property
    def too_much(self) -> bool:
        """Whether many workers cost more than they may."""
        return self.ratio > 1 + WITHIN


def compare(machine: Machine, cloud: str, rounds: int = ROUNDS) -> Compared:
    """Previews a cloud's example in both sizes, in turns. Raises CommandFailed."""
    found: dict[int, list[Cost]] = {FEW: [], MANY: []}
    for _ in range(rounds):
        for workers, costs in found.items():
            name = f"{cloud}-{workers}"
            file = machine.file(name, stack(cloud, workers))
            with watched() as cost:
                machine.command("preview", "--stack", name, "--file", str(file), timeout=_MINUTES)
            costs += cost
    return Compared(cloud, tuple(found[FEW]), tuple(found[MANY]))


def stack(cloud: str, workers: int) -> Document:
    """The example's configuration with that many workers in two pools; nothing else differs between two."""
    config: Document = yaml.safe_load((CHECKOUT / f"Pulumi.{cloud}-example.yaml").read_text())["config"]
    cluster = config[CLUSTER]
    cluster["network"] |= {"pods": "172.16.0.0/12", "node_prefix": 26}
    cluster["kubelet"] = {"max_pods": _PODS}
    # One alone would be more than Azure's scale sets take.
    halves = {"general": workers // 2, "more": workers - workers // 2}
    pool = cluster["pools"]["general"]
    cluster["pools"] = {name: pool | {"size": {"min": half, "max": half}} for name, half in halves.items()}
    cluster[cloud]["quotas"] = {"vcpus": 100_000}
    cluster["artifacts"]["index"] = str(CHECKOUT / cluster["artifacts"]["index"])
    return config


def table(compared: Iterable[Compared]) -> list[str]:
    """Lines of Markdown."""
    lines = [
        f"| cloud | {FEW} workers | processors | memory | {MANY:,} workers | processors | memory | ratio |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in compared:
        cells = [each.cloud]
        for costs in (each.few, each.many):
            cells += [f"{median(cost.seconds for cost in costs):.1f} s", f"{_processor(costs):.1f} s"]
            cells.append(f"{median(cost.memory for cost in costs):.2f} GiB")
        lines.append(f"| {' | '.join(cells)} | {each.ratio:.2f} |")
    return lines


def _processor(costs: Iterable[Cost]) -> float:
    return median(cost.processor for cost in costs)
