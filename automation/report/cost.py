"""What the machines cost per hour before and after, where a provider has a table of prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, cast

from automation.report.hosts import operation
from automation.report.model import Cost, Operation
from automation.stacks.events import Step


class Region(Protocol):
    """What a region's prices tell: US dollars an hour by the type of machine."""

    @property
    def machines(self) -> Mapping[str, float]:
        """Prices by type."""
        ...


class Prices(Protocol):
    """A module `providers/<cloud>/prices.py`: its table of prices, by region."""

    PRICES: Mapping[str, Region]


_GROUP = "aws:autoscaling/group:Group"
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_CLOUDS = {"aws": "providers.aws.prices", "azure-native": "providers.azure.prices"}


def cost(steps: Iterable[Step], tables: Mapping[str, Mapping[str, float]] | None = None) -> Cost | None:
    """The machines' prices before and after; None where nothing has a price.

    `tables` are prices per hour by the type of machine, by the cloud's package (`aws`); left out: those
    that the providers have. Pools count with the fewest machines that they may have.
    """
    steps = list(steps)
    before: Counter[tuple[str, str]] = Counter()
    after: Counter[tuple[str, str]] = Counter()
    for step in steps:
        done = operation(step)
        cloud = step.type.split(":")[0]
        if done is None or cloud not in _CLOUDS:
            continue
        for counter, values, absent in (
            (before, step.old, Operation.CREATE),
            (after, step.new, Operation.DELETE),
        ):
            if done is not absent:
                template = _template(step, steps, values is step.new)
                for kind, number in machines(step.type, values, template):
                    counter[cloud, kind] += number
    known = tables if tables is not None else _tables({cloud for cloud, _ in before | after}, steps)
    kinds = before | after
    if not kinds or not known:
        return None
    unknown = sorted(kind or "?" for cloud, kind in kinds if kind not in known.get(cloud, {}))
    return Cost(_sum(before, known), _sum(after, known), tuple(unknown))


def machines(kind: str, inputs: Mapping[str, Any], template: str = "") -> Iterator[tuple[str, int]]:
    """Types and numbers of the machines that a resource with these inputs stands for.

    `template` is the type that a group's launch template names, where the group itself names none.
    """
    match kind:
        case "aws:ec2/instance:Instance":
            yield str(inputs.get("instanceType") or ""), 1
        case _ if kind == _GROUP:
            policy = inputs.get("mixedInstancesPolicy") or {}
            overrides = (policy.get("launchTemplate") or {}).get("overrides") or [{}]
            yield str(overrides[0].get("instanceType") or template), int(inputs.get("minSize") or 0)
        case "azure-native:compute:VirtualMachine":
            yield str((inputs.get("hardwareProfile") or {}).get("vmSize") or ""), 1
        case "azure-native:compute:VirtualMachineScaleSet":
            sku = inputs.get("sku") or {}
            yield str(sku.get("name") or ""), int(sku.get("capacity") or 0)


def _template(group: Step, steps: Sequence[Step], new: bool) -> str:
    """The type in the launch template that is named most like the group: ids are not known beforehand."""
    if group.type != _GROUP:
        return ""
    near = [step for step in steps if step.type == _TEMPLATE and step.parent == group.parent]
    if not near:
        return ""
    best = max(near, key=lambda step: _alike(step.name, group.name))
    return str((best.new if new else best.old).get("instanceType") or "")


def _alike(one: str, other: str) -> int:
    """How many characters two names have in common at their beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _sum(counter: Counter[tuple[str, str]], tables: Mapping[str, Mapping[str, float]]) -> float:
    return sum(number * tables.get(cloud, {}).get(kind, 0.0) for (cloud, kind), number in counter.items())


def _tables(clouds: Iterable[str], steps: Sequence[Step]) -> dict[str, Mapping[str, float]]:
    """The price tables that the providers have of the regions where the machines are."""
    found = {}
    for cloud in clouds:
        table = cast(Prices, import_module(_CLOUDS[cloud])).PRICES
        region = table.get(_region(cloud, steps))
        if region is not None:
            found[cloud] = region.machines
    return found


def _region(cloud: str, steps: Iterable[Step]) -> str:
    """Where a stack is, as its resources say; empty when none does."""
    for step in steps:
        if step.type.split(":")[0] != cloud:
            continue
        for inputs in (step.new, step.old):
            if cloud == "azure-native" and isinstance(inputs.get("location"), str):
                return str(inputs["location"]).replace(" ", "").lower()
            zones = inputs.get("availabilityZones") or [inputs.get("availabilityZone")]
            if cloud == "aws" and isinstance(zones, list) and zones and isinstance(zones[0], str):
                return zones[0].rstrip("abcdefgh")
    return ""
