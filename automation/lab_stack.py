"""Reads lab stacks (stack files with the key `kubewright:lab`) and starts their hosts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from artifacts.mirror import optional_artifacts, optional_images
from assembly import build_topology
from automation import emulated_cloud
from automation.errors import UserError
from automation.workspace import LAB_KEY
from lab import lifecycle
from lab.errors import LabError
from lab.spec import LabHost, LabSpec
from settings import Settings, SettingsError, load
from settings.bases import replace_encrypted
from settings.metal import HostSettings
from settings.stackfile import ENCRYPTED_PLACEHOLDER
from topology.model import Versions
from topology.network import find_network

CLUSTER_KEY = "kubewright:cluster"
DEFAULT_MEMORY = 4 * 1024**3
"""Memory in bytes of hosts without `memory` in the inventory."""


@dataclass(frozen=True, slots=True)
class LabRequirements:
    """The requirements of a lab stack: its lab, and what the mirror must contain.

    `version_sets` are the sets of component versions in use (`Topology.version_sets`). `optional` are the
    optional artifacts that the hosts fetch, and `optional_images` the optional images that nodes pull.
    """

    lab: LabSpec
    version_sets: tuple[Versions, ...]
    optional: tuple[str, ...] = ()
    optional_images: tuple[str, ...] = ()


def lab_requirements(name: str, config: Mapping[str, Any], mirror: Path) -> LabRequirements | None:
    """Return the hosts and the component versions that a lab stack needs; None for a stack without a lab.

    The lab has one host for each host of the inventory. The setting `memory` of the inventory host is the
    memory limit of the lab's host. `name` is the name of the stack and of the lab. `config` is the `config`
    of the stack file. Raise `UserError` with all problems, including problems of the cluster settings.
    """
    if LAB_KEY not in config:
        return None
    lab = config[LAB_KEY]
    if not isinstance(lab, Mapping) or not {"network"} <= set(lab) <= {"network", "cloud", "virtual"}:
        raise UserError(
            f"{LAB_KEY}: {lab!r}: expected a mapping with `network` and, for an emulated cloud, `cloud`, "
            "or, for virtual machines, `virtual`"
        )
    if {"cloud", "virtual"} <= set(lab):
        raise UserError(f"{LAB_KEY}.virtual: hosts of an emulated cloud are containers; remove `virtual`")
    try:
        settings = load(replace_encrypted(config.get(CLUSTER_KEY) or {}, ENCRYPTED_PLACEHOLDER))
    except SettingsError as error:
        raise UserError(str(error)) from None
    try:
        spec = (
            emulated_cloud.lab_spec(name, lab, settings, mirror)
            if "cloud" in lab
            else LabSpec(name=name, network=lab["network"], hosts=_lab_hosts(settings, lab), mirror=mirror)
        )
    except ValidationError as error:
        problems = "; ".join(str(item["msg"]).removeprefix("Value error, ") for item in error.errors())
        raise UserError(f"{LAB_KEY}: {problems}") from None
    topology = build_topology(settings)
    return LabRequirements(
        lab=spec,
        version_sets=topology.version_sets,
        optional=optional_artifacts(topology),
        optional_images=optional_images(topology),
    )


def _lab_hosts(settings: Settings, lab: Mapping[str, Any]) -> tuple[LabHost, ...]:
    if settings.metal is None:
        raise UserError(f"{CLUSTER_KEY}.metal: missing; list the lab's hosts in the inventory")
    virtual = _virtual_hosts(lab, settings.metal.hosts)
    return tuple(
        LabHost(
            name=name,
            address=host.node_address,
            inner=_inner_address(settings, host),
            memory=_memory_of_host(host),
            virtual=name in virtual,
        )
        for name, host in settings.metal.hosts.items()
    )


def _virtual_hosts(lab: Mapping[str, Any], inventory: Mapping[str, HostSettings]) -> frozenset[str]:
    """Return the names of the hosts that are virtual machines. Raise `UserError` for a wrong list."""
    names = lab.get("virtual", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise UserError(f"{LAB_KEY}.virtual: {names!r}: expected a list of names of hosts")
    if unknown := sorted(set(names) - set(inventory)):
        known = ", ".join(inventory)
        raise UserError(f"{LAB_KEY}.virtual: {', '.join(unknown)}: no such host; the inventory has: {known}")
    return frozenset(names)


def _inner_address(settings: Settings, host: HostSettings) -> IPv4Interface | None:
    """Return the address of a host behind NAT with its network; None for another host."""
    network = find_network(settings.network.machines, host.address)
    if host.public_address is None or network is None:
        return None
    return IPv4Interface((host.address, network.prefixlen))


def ensure_hosts(spec: LabSpec, print_line: Callable[[str], None]) -> None:
    """Start the hosts of the lab that do not run.

    Hosts that were removed from the inventory keep running until the lab is removed, because the engine
    must first remove its deliveries from them, as on bare metal. Raise `LabError` when a host does not
    start.
    """
    if spec.cloud is not None:
        lifecycle.up(spec, keep_hosts=True, on_progress=print_line)
        return
    names = {host.name for host in spec.hosts}
    try:
        removed = tuple(host for host in lifecycle.load(spec.name).hosts if host.name not in names)
    except LabError:
        removed = ()
    lifecycle.up(spec.model_copy(update={"hosts": spec.hosts + removed}), on_progress=print_line)


def _memory_of_host(host: HostSettings) -> int:
    return host.size.memory if host.size and host.size.memory else DEFAULT_MEMORY
