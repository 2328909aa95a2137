"""Hourly cost of the machines before and after a change, where a cloud has a table of prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from automation.report.hosts import operation_of
from automation.report.model import Cost, Operation
from automation.stacks.events import Step
from providers import registry
from providers.descriptor import CloudDescriptor

PriceTables = Mapping[str, Mapping[str, float]]
"""Hourly prices by machine type, by the cloud's plugin (the first word of its type tokens)."""


def machine_cost(steps: Sequence[Step], prices: PriceTables | None = None) -> Cost | None:
    """Return the cost of the machines before and after; None where no machine has a price.

    `prices`: default, the tables of the clouds for the stack's region. A pool counts with its minimum size.
    """
    before = Counter(dict(_count_machines(steps, Operation.CREATE)))
    after = Counter(dict(_count_machines(steps, Operation.DELETE)))
    types = before | after
    if not types:
        return None
    tables = prices if prices is not None else _price_tables({plugin for plugin, _ in types}, steps)
    if not tables:
        return None
    unknown = sorted(type_ or "?" for plugin, type_ in types if type_ not in tables.get(plugin, {}))
    return Cost(_sum(before, tables), _sum(after, tables), tuple(unknown))


def _count_machines(steps: Sequence[Step], absent: Operation) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield (plugin, machine type) and their number.

    `absent` is CREATE for the machines before the change, DELETE for the machines after it.
    """
    counter: Counter[tuple[str, str]] = Counter()
    for step in steps:
        operation, cloud = operation_of(step), registry.by_type(step.type)
        if operation is None or operation is absent or cloud is None:
            continue
        created_absent = absent is Operation.CREATE
        inputs = step.old if created_absent else step.new
        template = _template_type(step, steps, cloud, old=created_absent)
        type_ = cloud.readers.canonical_type(step.type)
        for machine_type, number in cloud.readers.machine_types(type_, inputs, template):
            counter[cloud.plugin, machine_type] += number
    yield from counter.items()


def _template_type(group: Step, steps: Sequence[Step], cloud: CloudDescriptor, *, old: bool) -> str:
    """Return the machine type of a group's launch template; empty for other resources.

    Ids are unknown in a preview, so the template of a group is found by the most similar name.
    """
    if group.type not in cloud.types.machine_groups:
        return ""
    templates = [
        step for step in steps if step.type in cloud.types.launch_templates and step.parent == group.parent
    ]
    if not templates:
        return ""
    best = max(templates, key=lambda step: _common_prefix(step.name, group.name))
    return cloud.readers.template_type(best.old if old else best.new)


def _common_prefix(one: str, other: str) -> int:
    """Return the number of characters that both names begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _sum(counter: Counter[tuple[str, str]], tables: PriceTables) -> float:
    return sum(number * tables.get(plugin, {}).get(type_, 0.0) for (plugin, type_), number in counter.items())


def _price_tables(plugins: Iterable[str], steps: Sequence[Step]) -> PriceTables:
    """Return the price tables of the clouds for the region of the stack."""
    tables = {}
    for plugin in plugins:
        cloud = registry.by_type(f"{plugin}:")
        prices = cloud.machine_prices(_region(cloud, steps)) if cloud else None
        if prices is not None:
            tables[plugin] = prices
    return tables


def _region(cloud: CloudDescriptor, steps: Iterable[Step]) -> str:
    """Return the region that the resources of a cloud name; empty when none does."""
    for step in steps:
        if registry.by_type(step.type) is cloud:
            for inputs in (step.new, step.old):
                if region := cloud.readers.region(inputs):
                    return region
    return ""
