"""Selects an unused network for a new lab on this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

from automation import workspace
from automation.errors import UserError
from automation.workspace import LAB_KEY
from lab import paths, spec
from lab.errors import LabError

_CANDIDATES = tuple(IPv4Network(f"10.{number}.0.0/24") for number in range(100, 200))


def free_network(checkout: Path) -> IPv4Network:
    """Return a network that is not used by a stack file of the checkout or by a lab on this machine.

    Raise UserError when all candidates are in use.
    """
    used = [*_networks_of_stack_files(checkout), *_networks_of_labs()]
    free = (each for each in _CANDIDATES if not any(each.overlaps(network) for network in used))
    network = next(free, None)
    if network is None:
        raise UserError(
            "--network: all default networks are in use; give a /24 network for the hosts of the lab"
        )
    return network


def _networks_of_stack_files(checkout: Path) -> Iterator[IPv4Network]:
    """Yield the networks of labs in stack files. Skip files that cannot be read."""
    for path in checkout.glob("Pulumi.*.yaml"):
        with contextlib.suppress(UserError, ValueError, KeyError, TypeError):
            lab = workspace.merged_config(path).config[LAB_KEY]
            yield IPv4Network(lab["network"])  # type: ignore[index]  # other types raise TypeError


def _networks_of_labs() -> Iterator[IPv4Network]:
    """Yield the networks of the labs that exist on this machine."""
    for name in paths.labs():
        with contextlib.suppress(LabError):
            yield spec.read(paths.LabPaths.of(name).spec).network
