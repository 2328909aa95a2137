"""Rules about volumes on NFS servers [H3]."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from formats.quantity import parse_quantity
from settings.cluster import Settings
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.storage_nfs import NfsVolumeSettings, nfs_version
from topology.storage import ReclaimPolicy

_SECTION = "storage.nfs"
_WITHOUT_LOCKS = ("nolock", "local_lock=all")
_OTHER_VALUES = {
    "sec": (("sys",), "needs Kerberos and its daemon rpc.gssd, which nodes do not have"),
    "xprtsec": (("none",), "needs the daemon tlshd, which nodes do not have"),
}
"""Mount options with the values that need no daemon on nodes."""
_VERSIONS = ("3", "4", "4.0", "4.1", "4.2")


@rule(needs_valid=(_SECTION,))
def nfs_volumes_keep_their_data(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the reclaim policy Delete, with which Kubernetes marks a volume as failed."""
    for path, volume in _volumes(rule_input.settings):
        if volume.reclaim_policy is ReclaimPolicy.DELETE:
            yield Problem(
                f"{path}.reclaim_policy",
                '"Delete"',
                f"Kubernetes deletes no data of such a volume; use Retain, or {_SECTION}.driver",
            )


@rule(needs_valid=(_SECTION,))
def nfs_volumes_have_a_size(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a capacity, because no claim asks for a volume of size 0."""
    for path, volume in _volumes(rule_input.settings):
        if parse_quantity(volume.capacity) <= 0:
            yield Problem(f"{path}.capacity", f'"{volume.capacity}"', "must be above 0, such as 100Gi")


@rule(needs_valid=(_SECTION,))
def nodes_resolve_nfs_servers(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse names of services for volumes that nodes mount, because nodes do not query the cluster's DNS."""
    domain = rule_input.settings.network.domain
    for path, volume in _volumes(rule_input.settings):
        if volume.server.endswith((f".{domain}", ".svc")):
            yield Problem(
                f"{path}.server",
                f'"{volume.server}"',
                "is a name of the cluster's DNS, which nodes do not query; use the address of the server",
            )


@rule(needs_valid=(_SECTION,))
def nfs_mounts_need_no_daemons(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse mount options that need programs besides the client."""
    for path, options in _mount_options(rule_input.settings):
        version = nfs_version(options)
        if version and version not in _VERSIONS:
            yield Problem(path, f'"{version}"', f"no version of NFS; use one of {', '.join(_VERSIONS)}")
        elif version == "3" and not set(_WITHOUT_LOCKS) & set(options):
            yield Problem(
                path,
                '"3"',
                "locks of NFS version 3 need the daemon rpc.statd, which nodes do not have; use version 4, "
                "or add nolock",
            )
        for option in options:
            name, _, value = option.partition("=")
            allowed, problem = _OTHER_VALUES.get(name, ((value,), ""))
            if value not in allowed:
                yield Problem(path, f'"{option}"', f"{problem}; use {name}={allowed[0]}, or remove it")


@rule(needs_valid=(_SECTION,))
def nfs_mounts_need_no_table_of_protocols(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse names of protocols that the client looks up in a file of the host. The driver has its own."""
    for path, volume in _volumes(rule_input.settings):
        for option in volume.mount_options:
            if option.startswith("proto=") and option != "proto=rdma":
                yield Problem(
                    f"{path}.mount_options",
                    f'"{option}"',
                    "needs the file /etc/netconfig, which nodes may not have; remove it, because version 4 "
                    "uses tcp",
                )


@rule(needs_valid=(_SECTION,))
def nfs_claims_get_one_volume(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a claim that two volumes are for, because the claim gets only one of them."""
    owners: dict[str, str] = {}
    for path, volume in _volumes(rule_input.settings):
        if volume.claim and (owner := owners.setdefault(volume.claim, path)) != path:
            yield Problem(
                f"{path}.claim", f'"{volume.claim}"', f"{owner} is for this claim; choose another claim"
            )


def _volumes(settings: Settings) -> Iterator[tuple[str, NfsVolumeSettings]]:
    """Yield each volume with its path."""
    if settings.storage.nfs:
        for name, volume in settings.storage.nfs.volumes.items():
            yield f"{_SECTION}.volumes.{name}", volume


def _mount_options(settings: Settings) -> Iterator[tuple[str, Iterable[str]]]:
    """Yield the mount options of volumes and of the driver with their paths."""
    for path, volume in _volumes(settings):
        yield f"{path}.mount_options", volume.mount_options
    if settings.storage.nfs and settings.storage.nfs.driver:
        yield f"{_SECTION}.driver.mount_options", settings.storage.nfs.driver.mount_options
