"""Rules about machines in clouds: members, pools, the endpoint and tags."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address, collapse_addresses

from formats import quantity
from settings.clouds import MemberMachineSettings
from settings.cluster import CLOUD_SECTIONS
from settings.domains import KUBERNETES_DOMAINS, is_in_domain
from settings.problem import Problem, format_path
from settings.rules.base import RuleInput, rule
from settings.rules.extra_args import extra_args
from settings.types import validate_name, validate_subdomain

_GIB = 1024**3
_MIN_DISK = 20 * _GIB
_MIN_DATA_DISK = 10 * _GIB
"""Bytes: the quota of etcd is 8 GiB; the write-ahead log and a snapshot need additional space."""
_RESERVED_TAGS = (
    "kubewright",
    "kubernetes",
    *(word for section in CLOUD_SECTIONS.values() for word in section.RESERVED_TAGS),
)
"""Prefixes of tag keys that no stack may use, so that the settings work in every cloud."""
_MAX_PUBLIC_SOURCES = 2**24
"""Addresses in a /8. More sources count as the internet."""
_KUBELET_LABELS = ("kubelet.kubernetes.io", "node.kubernetes.io")


@rule(needs_valid=("metal", *CLOUD_SECTIONS, "control_planes", "etcd"))
def members_have_machine_types(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the machine types of members in a cloud, and refuse them on bare metal."""
    settings = rule_input.settings
    etcd_only = [name for name in settings.etcd.hosts if name not in settings.control_planes.hosts]
    machines = {
        "control_planes.machine": (settings.control_planes.machine, bool(settings.control_planes.hosts)),
        "etcd.machine": (settings.etcd.machine, bool(etcd_only)),
    }
    for path, (machine, used) in machines.items():
        if settings.cloud is None and machine:
            yield Problem(
                path, "", "allowed only in a cloud; remove it, because hosts of the inventory exist"
            )
        elif settings.cloud and used and machine is None:
            yield Problem(
                path, "", "missing; describe the machines, such as {type: …, disk: 40Gi, data_disk: 20Gi}"
            )
        elif settings.cloud and not used and machine:
            yield Problem(path, "", "not used by any host; name hosts, or remove it")
        elif settings.cloud and machine:
            yield from _check_disks(path, machine)


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("network.api_allowed", "environment"))
def public_endpoint_is_restricted(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse a public endpoint that is open to the internet, except for a proof of concept."""
    settings = rule_input.settings
    cloud, network = settings.cloud, settings.network
    if cloud is None or not cloud.has_public_endpoint or settings.environment == "poc":
        return
    allowed = collapse_addresses(network.api_allowed or ())
    if sum(each.num_addresses for each in allowed) > _MAX_PUBLIC_SOURCES:
        yield Problem(
            "network.api_allowed",
            "",
            f"open to the internet, while {settings.cloud_name}.endpoint.public is true; "
            "list your own networks, or set environment: poc",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("control_planes.hosts", "etcd.hosts", "load_balancers.hosts"))
def member_names_are_dns_labels(rule_input: RuleInput) -> Iterator[Problem]:
    """Require DNS labels as names of members in a cloud, and refuse hosts for load balancers there."""
    settings = rule_input.settings
    if settings.cloud is None:
        return
    for path, names in {
        "control_planes.hosts": settings.control_planes.hosts,
        "etcd.hosts": settings.etcd.hosts,
    }.items():
        for position, host in enumerate(names):
            try:
                validate_name(host)
            except ValueError as error:
                yield Problem(f"{path}[{position}]", f'"{host}"', str(error))
    if settings.load_balancers.hosts:
        yield Problem(
            "load_balancers.hosts",
            "",
            "not allowed in a cloud, which provides a load balancer; remove the section",
        )


@rule(needs_valid=("metal", *CLOUD_SECTIONS, "pools", "control_planes.hosts", "etcd.hosts"))
def pools_have_size_and_machine(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a size and machine types for pools in a cloud, and hosts for pools on bare metal."""
    settings = rule_input.settings
    for name, pool in settings.pools.items():
        path, cloud = f"pools.{name}", settings.cloud
        if cloud is None:
            for key in ("size", "machine"):
                if getattr(pool, key) is not None:
                    yield Problem(f"{path}.{key}", "", "allowed only in a cloud; name hosts instead")
            continue
        if name in (*settings.control_planes.hosts, *settings.etcd.hosts):
            yield Problem(path, "", "also the name of a member; choose another")
        if pool.hosts:
            yield Problem(
                f"{path}.hosts",
                "",
                "not allowed in a cloud, which creates the machines of a pool; set size and machine",
            )
        if pool.size is None:
            yield Problem(f"{path}.size", "", "missing; set the number of nodes, such as {min: 3, max: 10}")
        elif pool.size.min > pool.size.max:
            yield Problem(f"{path}.size.min", str(pool.size.min), f"above max, {pool.size.max}; lower it")
        if pool.machine is None:
            yield Problem(
                f"{path}.machine", "", "missing; describe the machines, such as {types: […], disk: 100Gi}"
            )
        else:
            yield from _check_disk(f"{path}.machine.disk", pool.machine.disk, _MIN_DISK)


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("pools",))
def kubelets_may_set_labels(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse labels that the kubelet of a cloud machine is not allowed to set on its node.

    See https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction.
    """
    settings = rule_input.settings
    if settings.cloud is None:
        return
    for name, pool in settings.pools.items():
        for key in pool.labels:
            prefix = key.rpartition("/")[0]
            if is_in_domain(prefix, *KUBERNETES_DOMAINS) and not is_in_domain(prefix, *_KUBELET_LABELS):
                yield Problem(
                    f"pools.{name}.labels",
                    f'"{key}"',
                    "not allowed: a cloud node sets its labels itself, and NodeRestriction refuses this one; "
                    f"of kubernetes.io, allowed are: {', '.join(_KUBELET_LABELS)}",
                )


@rule(needs_valid=(*CLOUD_SECTIONS, "endpoint"))
def cloud_endpoint_is_dns_name(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a DNS name as the endpoint in a cloud.

    The address of a load balancer is unknown before its creation, but certificates need the endpoint.
    """
    settings = rule_input.settings
    if settings.cloud is None:
        return
    if settings.endpoint is None:
        yield Problem("endpoint", "", "missing; name the API, such as {host: api.example.internal}")
        return
    host = settings.endpoint.host
    try:
        IPv4Address(host)
    except AddressValueError:
        try:
            validate_subdomain(host)
        except ValueError as error:
            yield Problem("endpoint.host", f'"{host}"', str(error))
        else:
            if "." not in host:
                yield Problem(
                    "endpoint.host", f'"{host}"', "has no domain; add one, which becomes a private DNS zone"
                )
    else:
        yield Problem(
            "endpoint.host",
            f'"{host}"',
            "not a DNS name; use one, because the cloud chooses the load balancer's addresses",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,))
def tags_are_valid(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse tags that a cloud rejects, and more tags than fit beside the tags that Kubewright adds."""
    cloud, section = rule_input.settings.cloud, rule_input.settings.cloud_name
    for key, value in (cloud.tags if cloud else {}).items():
        path, shown = f"{section}.tags", f'"{key}"'
        lower = key.lower()
        if lower.startswith(_RESERVED_TAGS):
            yield Problem(path, shown, "begins with a reserved word; choose another key")
        elif len(key) > 100 or len(value) > 256 or set(key) & set("<>%&\\?/"):
            yield Problem(
                path,
                shown,
                "not a tag; allowed: keys of at most 100 characters without <>%&\\?/, values of 256",
            )
    if cloud and len(cloud.tags) > 30:
        yield Problem(
            f"{section}.tags",
            "",
            f"{len(cloud.tags)} tags; allowed: 30, because clouds allow 50 and Kubewright adds its own",
        )


def _check_disks(path: str, machine: MemberMachineSettings) -> Iterator[Problem]:
    yield from _check_disk(f"{path}.disk", machine.disk, _MIN_DISK)
    yield from _check_disk(f"{path}.data_disk", machine.data_disk, _MIN_DATA_DISK)


def _check_disk(path: str, size: str, minimum: int) -> Iterator[Problem]:
    """Yield a problem for a disk smaller than `minimum` bytes, or with a size that is not whole GiB."""
    count = quantity.parse_bytes(size)
    if count < minimum:
        yield Problem(path, f'"{size}"', f"too small; allowed: {quantity.format_bytes(minimum)} and more")
    elif count % _GIB:
        yield Problem(
            path,
            f'"{size}"',
            "not whole GiB; allowed: sizes such as 40Gi, because clouds create disks of whole GiB",
        )


@rule(needs_valid=(*CLOUD_SECTIONS,), needs=("kubelet", "control_planes", "pools"))
def credential_provider_has_one_owner(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse flags of a credential provider beside the image registries of the cloud, which set them."""
    settings = rule_input.settings
    if settings.cloud is None or settings.cloud.credential_provider() is None:
        return
    for path, component, flags in extra_args(settings):
        for flag in flags if component == "kubelet" else ():
            if flag.startswith("image-credential-provider-"):
                yield Problem(
                    format_path([*path.split("."), flag]),
                    f'"{flags[flag]}"',
                    f"{settings.cloud_name}.image_registries sets this flag; remove one of them",
                )
