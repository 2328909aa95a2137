"""The machines that a cluster in a cloud asks for, as its settings have them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from formats import quantity
from settings.clouds import MemberMachineSettings, PoolMachineSettings, SizeSettings
from settings.cluster import Settings
from settings.problem import Problem
from topology.sizing import GIB


def members(settings: Settings) -> Iterable[tuple[Sequence[str], MemberMachineSettings]]:
    """Names and machine of the members of each section: control planes, and etcd's own."""
    own = [host for host in settings.etcd.hosts if host not in settings.control_planes.hosts]
    for hosts, section in ((settings.control_planes.hosts, settings.control_planes), (own, settings.etcd)):
        if section.machine is not None and hosts:
            yield hosts, section.machine


def pools(settings: Settings) -> Iterable[tuple[SizeSettings, PoolMachineSettings]]:
    """Size and machine of every pool that has one."""
    for pool in settings.pools.values():
        if pool.machine is not None and pool.size is not None:
            yield pool.size, pool.machine


def asked(settings: Settings) -> Iterable[tuple[str, str]]:
    """Every machine type with the path of its setting."""
    for section, path in ((settings.control_planes, "control_planes"), (settings.etcd, "etcd")):
        if section.machine is not None:
            yield f"{path}.machine.type", section.machine.type
    for name, pool in settings.pools.items():
        if pool.machine is not None:
            for machine_type in pool.machine.types:
                yield f"pools.{name}.machine.types", machine_type


def member_vcpus(settings: Settings, vcpus: Callable[[str], int | None]) -> int:
    """vCPUs of all members; those of types that `vcpus` does not know count none."""
    return sum(len(hosts) * (vcpus(machine.type) or 0) for hosts, machine in members(settings))


def too_long(programs: Mapping[str, str], most: int, *, where: str, mend: str) -> list[Problem]:
    """Boot programs by machine or pool that have more than `most` bytes.

    `where` is what the cloud calls their place, `mend` what would make them shorter.
    """
    return [
        Problem(name, "", f"its boot program is {size} bytes, over the {most} that {where} may have; {mend}")
        for name, text in programs.items()
        if (size := len(text.encode())) > most
    ]


def gib(size: str) -> int:
    """A size of the settings in GiB, rounded up: clouds sell whole ones."""
    return whole_gib(quantity.whole(size))


def whole_gib(size: int) -> int:
    """Bytes in GiB, rounded up."""
    return -(-size // GIB)
