"""Readers of Azure resources for reports and policies: tags, machine types, sizes, region. Imports no SDK."""

from __future__ import annotations

import re
from collections.abc import Iterator

from providers.azure import exposure
from providers.resources import Inputs, ResourceReaders, is_known, mapping, whole_number

_GROUP = "azure-native:compute:VirtualMachineScaleSet"
_MACHINE = "azure-native:compute:VirtualMachine"
_API_VERSION = re.compile(r"^(azure-native:[a-z0-9]+)/v[0-9]{8}[a-z]*:", re.IGNORECASE)


def canonical_type(resource_type: str) -> str:
    """Return the type token without its API version."""
    return _API_VERSION.sub(r"\1:", resource_type)


def tags(resource_type: str, inputs: Inputs) -> Inputs | None:
    """Return the tags of a resource; None where they are not known yet."""
    value = inputs.get("tags")
    return None if value is not None and not is_known(value) else mapping(value)


def machine_types(resource_type: str, inputs: Inputs, template: str) -> Iterator[tuple[str, int]]:
    """Yield the machine type and number of machines of a resource. A scale set counts with its minimum size.

    `template` is not used, because Azure has no launch templates.
    """
    if resource_type == _MACHINE:
        yield str(mapping(inputs.get("hardwareProfile")).get("vmSize") or ""), 1
    elif resource_type == _GROUP:
        yield str(mapping(inputs.get("sku")).get("name") or ""), min_size(inputs) or 0


def template_type(inputs: Inputs) -> str:
    """Return an empty string: Azure has no launch templates."""
    return ""


def min_size(inputs: Inputs) -> int | None:
    """Return the minimum size of a scale set; None if the inputs have no size.

    The autoscaler reads the minimum from a tag. Without the tag, the size in the inputs is the minimum.
    """
    minimum = whole_number(mapping(inputs.get("tags")).get("min"))
    return whole_number(mapping(inputs.get("sku")).get("capacity")) if minimum is None else minimum


def max_size(inputs: Inputs) -> int | None:
    """Return the maximum size of a scale set, from the tag that the autoscaler reads; None without a tag."""
    return whole_number(mapping(inputs.get("tags")).get("max"))


def region(inputs: Inputs) -> str:
    """Return the region of a resource; empty where the inputs name no location."""
    location = inputs.get("location")
    return location.replace(" ", "").lower() if isinstance(location, str) else ""


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
    public_source_names=exposure.PUBLIC_NAMES,
    publishes_only_issuer=exposure.publishes_only_issuer,
)
