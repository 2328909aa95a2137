"""The machines that the settings of a cloud cluster request. The functions have no side effects."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from formats import quantity
from settings.clouds import MemberMachineSettings, PoolMachineSettings, SizeSettings
from settings.cluster import Settings
from settings.problem import Problem
from topology.sizing import GIB


def member_machines(settings: Settings) -> Iterable[tuple[Sequence[str], MemberMachineSettings]]:
    """Yield host names and machine settings of the control planes, then of the dedicated etcd members."""
    etcd_only = [host for host in settings.etcd.hosts if host not in settings.control_planes.hosts]
    sections = (
        (settings.control_planes.hosts, settings.control_planes.machine),
        (etcd_only, settings.etcd.machine),
    )
    for hosts, machine in sections:
        if machine is not None and hosts:
            yield hosts, machine


def pool_machines(settings: Settings) -> Iterable[tuple[SizeSettings, PoolMachineSettings]]:
    """Yield the size settings and the machine settings of every pool whose machines the cloud creates."""
    for pool in settings.pools.values():
        if pool.machine is not None and pool.size is not None:
            yield pool.size, pool.machine


def requested_types(settings: Settings) -> Iterable[tuple[str, str]]:
    """Yield the path of the setting and the machine type for every machine type in the settings."""
    for section, path in ((settings.control_planes, "control_planes"), (settings.etcd, "etcd")):
        if section.machine is not None:
            yield f"{path}.machine.type", section.machine.type
    for name, pool in settings.pools.items():
        if pool.machine is not None:
            for machine_type in pool.machine.types:
                yield f"pools.{name}.machine.types", machine_type


def member_vcpus(settings: Settings, vcpus: Callable[[str], int | None]) -> int:
    """Return the number of vCPUs of all members. Types for which `vcpus` returns None count as 0."""
    return sum(len(hosts) * (vcpus(machine.type) or 0) for hosts, machine in member_machines(settings))


def oversized_programs(
    programs: Mapping[str, str], max_bytes: int, *, field: str, advice: str
) -> list[Problem]:
    """Return a problem for every boot program with more than `max_bytes`.

    `programs` are the boot programs by name of the machine or pool. `field` is the cloud's word for user
    data. `advice` describes how to shorten the program.
    """
    return [
        Problem(name, "", f"the boot program has {size} bytes; {field} may have {max_bytes}; {advice}")
        for name, text in programs.items()
        if (size := len(text.encode())) > max_bytes
    ]


def parse_gib(size: str) -> int:
    """Return a size in the settings, such as `40Gi`, in whole GiB.

    Round up, because clouds sell whole GiB.
    """
    return bytes_to_gib(quantity.parse_bytes(size))


def bytes_to_gib(size: int) -> int:
    """Return a number of bytes in whole GiB, rounded up."""
    return -(-size // GIB)
