"""The local stack's hosts: what a stack file with `kubewright:lab` asks of the lab."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from assembly import build_topology
from automation.errors import UserError
from lab import stack
from lab.errors import LabError
from lab.spec import LabHost, LabSpec
from settings import SettingsError, load
from settings.metal import HostSettings
from topology.model import Versions

LAB_KEY = "kubewright:lab"
CLUSTER_KEY = "kubewright:cluster"
DEFAULT_MEMORY = 4 * 1024**3
"""Bytes, for hosts whose inventory does not say."""


@dataclass(frozen=True, slots=True)
class LabRequirements:
    """What a local stack needs of this machine: hosts, and a mirror with these sets of versions."""

    lab: LabSpec
    releases: tuple[Versions, ...]


def lab_requirements(name: str, config: Mapping[str, Any], mirror: Path) -> LabRequirements | None:
    """The local part of a stack: the hosts of its inventory, with their memory as limits; None without.

    `config` is the stack file's `config` mapping. Raises `UserError` with every problem there is,
    the cluster's own included: nothing is built for a description that is wrong.
    """
    if LAB_KEY not in config:
        return None
    lab = config[LAB_KEY]
    if not isinstance(lab, Mapping) or set(lab) != {"network"}:
        raise UserError(f"{LAB_KEY}: {lab!r}: expected a mapping with the one key `network`")
    try:
        settings = load(config.get(CLUSTER_KEY) or {})
    except SettingsError as error:
        raise UserError(str(error)) from None
    if settings.metal is None:
        raise UserError(f"{CLUSTER_KEY}.metal: missing; the lab's hosts are those of its inventory")
    hosts = tuple(
        LabHost(name=name, address=host.address, memory=_memory(host))
        for name, host in settings.metal.hosts.items()
    )
    try:
        spec = LabSpec(name=name, network=lab["network"], hosts=hosts, mirror=mirror)
    except ValidationError as error:
        problems = "; ".join(str(item["msg"]).removeprefix("Value error, ") for item in error.errors())
        raise UserError(f"{LAB_KEY}: {problems}") from None
    return LabRequirements(lab=spec, releases=build_topology(settings).releases)


def ensure_hosts(wanted: LabSpec) -> None:
    """Makes the lab's hosts run. Hosts that left the inventory stay: first the engine must release them.

    They are empty machines then, as on bare metal, until the lab is taken down. Raises `LabError`.
    """
    names = {host.name for host in wanted.hosts}
    try:
        left = tuple(host for host in stack.load(wanted.name).hosts if host.name not in names)
    except LabError:
        left = ()
    stack.up(wanted.model_copy(update={"hosts": wanted.hosts + left}), say=_say)


def _say(line: str) -> None:
    """Standard output belongs to the engine, whose report may be read by a program."""
    print(line, file=sys.stderr)


def _memory(host: HostSettings) -> int:
    return host.size.memory if host.size and host.size.memory else DEFAULT_MEMORY
