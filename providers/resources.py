"""Types of the functions that read resource inputs of clouds, and helpers for inputs as JSON. Imports no SDK.

Reports and policies call these functions. Inputs come from the engine's events. A secret value is replaced by
the placeholder `MASK`, a value that is not known yet by `UNKNOWN`: a reader must not report a violation
because of a placeholder.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from redaction import MASK

Inputs = Mapping[str, Any]
"""Inputs of a resource by name, decoded from JSON."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Placeholder of a value that is computed by the update: `pulumi.runtime.rpc.UNKNOWN`."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Incoming traffic that one rule of a firewall resource allows.

    `path` is the name of the input that contains the rule, `port` a port number or range, and `sources` are
    addresses, networks, and source names of the cloud (`ResourceReaders.public_source_names`).
    """

    path: str
    protocol: str
    port: str
    sources: tuple[str, ...]


IsPublic = Callable[[Iterable[str]], bool]
"""Function that returns whether these sources together are public (`policy.rules.public_ranges.is_public`).
"""
Messages = Iterable[str]
"""Messages about violations of one resource, each as `<input>: <what is wrong>`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceReaders:
    """Functions that read the inputs of one cloud's resources. Most take the canonical type first, then
    inputs.

    canonical_type: the type token without an API version.
    openings: the traffic that a firewall resource allows in; empty for other types.
    public_machines: inputs that give a machine a public address.
    public_stores: inputs that allow anonymous access to a store.
    unencrypted_disks: disks without encryption.
    weak_transport: stores that accept connections without TLS 1.2 or later.
    unprotected_data: data disks that are deleted without a copy.
    deleted_content: stores that are deleted together with their content.
    tags: the tags of a resource; None where tags are not required or not known yet.
    machine_types: machine types and their number in a resource. The last argument is the machine type of
    the group's launch template, for a group that names none.
    template_type: the machine type that a launch template names, empty for none.
    min_size, max_size: size limits of a group of machines; None where the inputs have none.
    region: the region of a resource, empty where the inputs do not name one.
    public_source_names: names of the cloud for "any address" in firewall rules, in lower case.
    publishes_only_issuer: whether a resource configures the store with the given name, and allows anonymous
    access only to the documents of the issuer of service account tokens there.
    """

    canonical_type: Callable[[str], str]
    openings: Callable[[str, Inputs], Iterable[Opening]]
    public_machines: Callable[[str, Inputs], Messages]
    public_stores: Callable[[str, Inputs, IsPublic], Messages]
    unencrypted_disks: Callable[[str, Inputs], Messages]
    weak_transport: Callable[[str, Inputs], Messages]
    unprotected_data: Callable[[str, Inputs], Messages]
    deleted_content: Callable[[str, Inputs], Messages]
    tags: Callable[[str, Inputs], Inputs | None]
    machine_types: Callable[[str, Inputs, str], Iterable[tuple[str, int]]]
    template_type: Callable[[Inputs], str]
    min_size: Callable[[Inputs], int | None]
    max_size: Callable[[Inputs], int | None]
    region: Callable[[Inputs], str]
    public_source_names: frozenset[str]
    publishes_only_issuer: Callable[[str, Inputs, str], bool]


def is_known(value: object) -> bool:
    """Return whether an input has a visible value: neither secret nor computed by the update."""
    return value not in (MASK, UNKNOWN)


def may_be_true(value: object) -> bool:
    """Return whether an input is true or not visible. Some booleans of the engine are strings."""
    return value is True or value == "true" or (value is not None and not is_known(value))


def mappings(value: object) -> list[Inputs]:
    """Return the mappings in a list of an input; an empty list if the input is missing, secret or unknown."""
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def mapping(value: object) -> Inputs:
    """Return the value of an input if it is a mapping; an empty mapping for any other value."""
    return value if isinstance(value, Mapping) else {}


def strings(value: object) -> list[str]:
    """Return the strings of an input, which is one string or a list; empty for a missing input."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def whole_number(value: object) -> int | None:
    """Return an input as int: the engine's JSON has floats and digits as text.

    Return None for other values.
    """
    if isinstance(value, str) and value.isdigit():
        return int(value)
    return int(value) if isinstance(value, int | float) else None
