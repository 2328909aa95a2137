"""Rules about the disks of pools on bare metal [F6]."""

from __future__ import annotations

from collections.abc import Iterator

from settings.cluster import CLOUD_SECTIONS
from settings.disks import DiskSettings
from settings.pools import PoolSettings
from settings.problem import Problem, suggestion
from settings.rules.base import RuleInput, rule
from topology.storage import BindingMode, ReclaimPolicy

_SECTION = "storage.disks"


@rule(needs_valid=("pools", *CLOUD_SECTIONS))
def clouds_have_no_disks_of_pools(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse disks in a cloud, whose machines are replaced with their disks."""
    settings = rule_input.settings
    if settings.cloud is None:
        return
    for name, pool in settings.pools.items():
        if pool.disks:
            yield Problem(
                f"pools.{name}.disks",
                "",
                f"only for bare metal; in {settings.cloud_name} use claims of the class "
                f"{settings.cloud.DISK_CLASS}",
            )


@rule(needs_valid=("pools", *CLOUD_SECTIONS))
def hosts_have_a_device_for_each_disk(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one device for each disk of each host, and no host of another pool."""
    if rule_input.settings.cloud is not None:
        return
    for name, pool in rule_input.settings.pools.items():
        for disk, section in pool.disks.items():
            yield from _device_problems(f"pools.{name}.disks.{disk}", pool, section)


@rule(needs_valid=("pools",))
def disks_of_a_host_have_different_devices(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a device that two disks of a host name. Report each disk once."""
    for name, pool in rule_input.settings.pools.items():
        seen: dict[tuple[str, str], str] = {}
        for disk, section in pool.disks.items():
            path = f"pools.{name}.disks.{disk}"
            for host in pool.hosts:
                device = section.devices.get(host, section.device)
                other = seen.setdefault((host, device), disk) if device else disk
                if other != disk:
                    yield Problem(
                        path, "", f"{host} has {device} for the disk {other} too; correct one of them"
                    )
                    break


@rule(needs_valid=(_SECTION,))
def volumes_of_disks_keep_their_data(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a class whose volumes would be erased, or bound before their pod has a node."""
    section = rule_input.settings.storage.disks
    if section.reclaim_policy is ReclaimPolicy.DELETE:
        yield Problem(
            f"{_SECTION}.reclaim_policy", '"Delete"', "nothing erases a disk for Kubernetes; use Retain"
        )
    if section.binding_mode is BindingMode.IMMEDIATE:
        yield Problem(
            f"{_SECTION}.binding_mode",
            '"Immediate"',
            "a claim would get a disk of any host, also of one where its pod cannot run; use "
            "WaitForFirstConsumer",
        )


def _device_problems(path: str, pool: PoolSettings, section: DiskSettings) -> Iterator[Problem]:
    for host in section.devices:
        if host not in pool.hosts:
            hint = suggestion(host, pool.hosts, "remove it")
            yield Problem(f"{path}.devices.{host}", "", f"no host of this pool; {hint}")
    missing = [host for host in pool.hosts if host not in section.devices]
    if missing and section.device is None:
        yield Problem(
            f"{path}.device",
            "",
            f"missing; {', '.join(missing)} has no entry in devices; add device, or the missing entries",
        )
