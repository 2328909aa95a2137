"""Readers of AWS resources for reports and policies: tags, machine types, sizes, region. Imports no SDK."""

from __future__ import annotations

from collections.abc import Iterator

from providers.aws import exposure
from providers.resources import Inputs, ResourceReaders, is_known, mapping, mappings, whole_number

_GROUP = "aws:autoscaling/group:Group"
_MACHINE = "aws:ec2/instance:Instance"


def canonical_type(resource_type: str) -> str:
    """Return the type token unchanged: types of the AWS plugin have no API version."""
    return resource_type


def tags(resource_type: str, inputs: Inputs) -> Inputs | None:
    """Return the tags of a resource; None where they are not known yet."""
    # `tagsAll` includes the tags that the provider adds to all resources.
    values = [inputs.get(key) for key in ("tags", "tagsAll")]
    if any(value is not None and not is_known(value) for value in values):
        return None
    if resource_type == _GROUP:
        return {str(tag.get("key")): tag.get("value") for tag in mappings(inputs.get("tags"))}
    return {**mapping(values[0]), **mapping(values[1])}


def machine_types(resource_type: str, inputs: Inputs, template: str) -> Iterator[tuple[str, int]]:
    """Yield the machine type and number of machines of a resource. A group counts with its minimum size."""
    if resource_type == _MACHINE:
        yield str(inputs.get("instanceType") or ""), 1
    elif resource_type == _GROUP:
        policy = mapping(inputs.get("mixedInstancesPolicy"))
        overrides = mappings(mapping(policy.get("launchTemplate")).get("overrides"))
        first = overrides[0] if overrides else {}
        yield str(first.get("instanceType") or template), min_size(inputs) or 0


def template_type(inputs: Inputs) -> str:
    """Return the machine type that a launch template names, empty for none."""
    return str(inputs.get("instanceType") or "")


def min_size(inputs: Inputs) -> int | None:
    """Return the minimum size of an Auto Scaling group; None where the inputs have none."""
    return whole_number(inputs.get("minSize"))


def max_size(inputs: Inputs) -> int | None:
    """Return the maximum size of an Auto Scaling group; None where the inputs have none."""
    return whole_number(inputs.get("maxSize"))


def region(inputs: Inputs) -> str:
    """Return the region of a resource's availability zone; empty where the inputs name no zone."""
    zones = inputs.get("availabilityZones") or [inputs.get("availabilityZone")]
    if isinstance(zones, list) and zones and isinstance(zones[0], str):
        return zones[0].rstrip("abcdefgh")
    return ""


READERS = ResourceReaders(
    canonical_type=canonical_type,
    openings=exposure.openings,
    public_machines=exposure.public_machines,
    public_stores=exposure.public_stores,
    unencrypted_disks=exposure.unencrypted_disks,
    weak_transport=exposure.weak_transport,
    unprotected_data=exposure.unprotected_data,
    deleted_content=exposure.deleted_content,
    tags=tags,
    machine_types=machine_types,
    template_type=template_type,
    min_size=min_size,
    max_size=max_size,
    region=region,
    public_source_names=frozenset(),
    publishes_only_issuer=exposure.publishes_only_issuer,
)
