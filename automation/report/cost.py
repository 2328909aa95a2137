"""Calculates the hourly cost of the machines before and after a change, for clouds with a price table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from automation.report.hosts import operation_of
from automation.report.model import Cost, Operation
from automation.stacks.events import Step
from providers import registry
from providers.descriptor import CloudDescriptor

PriceTables = Mapping[str, Mapping[str, float]]
"""Hourly prices by machine type, by the name of the cloud's plugin (the first word of its type tokens)."""


def machine_cost(steps: Sequence[Step], prices: PriceTables | None = None) -> Cost | None:
    """Return the cost of the machines before and after the change; None if no machine has a price.

    By default, `prices` are the price tables of the clouds for the region of the stack. A pool counts with
    its minimum size.
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
    return Cost(_total_price(before, tables), _total_price(after, tables), tuple(unknown))


def _count_machines(
    steps: Sequence[Step], ignored_operation: Operation
) -> Iterator[tuple[tuple[str, str], int]]:
    """Yield the number of machines of each plugin and machine type.

    Steps with `ignored_operation` do not count: CREATE to count the machines before the change, DELETE to
    count the machines after the change.
    """
    counter: Counter[tuple[str, str]] = Counter()
    for step in steps:
        operation, cloud = operation_of(step), registry.by_type(step.type)
        if operation is None or operation is ignored_operation or cloud is None:
            continue
        use_old_inputs = ignored_operation is Operation.CREATE
        inputs = step.old if use_old_inputs else step.new
        template = _template_type(step, steps, cloud, old=use_old_inputs)
        type_ = cloud.readers.canonical_type(step.type)
        for machine_type, number in cloud.readers.machine_types(type_, inputs, template):
            counter[cloud.plugin, machine_type] += number
    yield from counter.items()


def _template_type(group: Step, steps: Sequence[Step], cloud: CloudDescriptor, *, old: bool) -> str:
    """Return the machine type in the launch template of a machine group; empty for other resources.

    IDs are unknown in a preview, so the template with the most similar name is used.
    """
    if group.type not in cloud.types.machine_groups:
        return ""
    templates = [
        step for step in steps if step.type in cloud.types.launch_templates and step.parent == group.parent
    ]
    if not templates:
        return ""
    most_similar = max(templates, key=lambda step: _common_prefix_length(step.name, group.name))
    return cloud.readers.template_type(most_similar.old if old else most_similar.new)


def _common_prefix_length(one: str, other: str) -> int:
    """Return the length of the common prefix of two names."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(one), len(other)))


def _total_price(counter: Counter[tuple[str, str]], tables: PriceTables) -> float:
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
    """Return the region in the inputs of the cloud's resources; empty when no resource has a region."""
    for step in steps:
        if registry.by_type(step.type) is cloud:
            for inputs in (step.new, step.old):
                if region := cloud.readers.region(inputs):
                    return region
    return ""
