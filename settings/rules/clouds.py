"""Rules about machines in clouds: members, pools, images, add-ons and tags."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import AddressValueError, IPv4Address

from formats import quantity
from settings.clouds import MemberMachineSettings
from settings.cluster import CLOUD_SECTIONS
from settings.problem import Problem
from settings.rules.base import RuleInput, rule
from settings.types import validate_name as label
from settings.types import validate_subdomain

_GIB = 1024**3
_MIN_DISK = 20 * _GIB
_MIN_DATA_DISK = 10 * _GIB
"""The quota of etcd is 8 GiB; the write-ahead log and a snapshot need additional space."""
_KUBELET_LABELS = ("kubelet.kubernetes.io", "node.kubernetes.io")


@rule(needs_valid=("metal", *CLOUD_SECTIONS, "control_planes", "etcd"))
def members_have_machine_types(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the machine types of members in a cloud, and refuse them on bare metal."""
    settings = rule_input.settings
    own = [name for name in settings.etcd.hosts if name not in settings.control_planes.hosts]
    wanted = {
        "control_planes.machine": (settings.control_planes.machine, bool(settings.control_planes.hosts)),
        "etcd.machine": (settings.etcd.machine, bool(own)),
    }
    for path, (machine, used) in wanted.items():
        if settings.cloud is None and machine:
            yield Problem(path, "", "belongs to clouds, which make machines; these are there already")
        elif settings.cloud and used and machine is None:
            yield Problem(
                path, "", "missing; say what to make, such as {type: …, disk: 40Gi, data_disk: 20Gi}"
            )
        elif settings.cloud and not used and machine:
            yield Problem(path, "", "no machine is made of it; name hosts, or leave it out")
        elif settings.cloud and machine:
            yield from _check_disks(path, machine)


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
                label(host)
            except ValueError as error:
                yield Problem(f"{path}[{position}]", f'"{host}"', str(error))
    if settings.load_balancers.hosts:
        yield Problem(
            "load_balancers.hosts", "", "a cloud brings its own load balancer; leave the section out"
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
                    yield Problem(
                        f"{path}.{key}", "", "belongs to clouds, which make machines; name hosts here"
                    )
            continue
        if name in (*settings.control_planes.hosts, *settings.etcd.hosts):
            yield Problem(path, "", "is the name of a member too; choose another")
        if pool.hosts:
            yield Problem(f"{path}.hosts", "", "a cloud makes the machines of a pool; give size and machine")
        if pool.size is None:
            yield Problem(f"{path}.size", "", "missing; how many nodes, such as {min: 3, max: 10}")
        elif pool.size.min > pool.size.max:
            yield Problem(f"{path}.size.min", str(pool.size.min), f"above max, {pool.size.max}")
        if pool.machine is None:
            yield Problem(
                f"{path}.machine", "", "missing; say what to make, such as {types: […], disk: 100Gi}"
            )
        else:
            yield from _check_disk(f"{path}.machine.disk", pool.machine.disk, _MIN_DISK)
            if settings.azure and len(pool.machine.types) > 1:
                yield Problem(
                    f"{path}.machine.types", "", "a scale set of Azure has one size; name one, or more pools"
                )


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
            kept = any(prefix == end or prefix.endswith(f".{end}") for end in ("kubernetes.io", "k8s.io"))
            free = any(prefix == end or prefix.endswith(f".{end}") for end in _KUBELET_LABELS)
            if kept and not free:
                yield Problem(
                    f"pools.{name}.labels",
                    f'"{key}"',
                    "a node that a cloud makes brings its labels, and NodeRestriction refuses this one; "
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
                yield Problem("endpoint.host", f'"{host}"', "needs a domain, which gets a private zone")
    else:
        yield Problem(
            "endpoint.host", f'"{host}"', "must be a DNS name: the balancer's addresses are the cloud's"
        )


@rule(needs_valid=(*CLOUD_SECTIONS,))
def image_is_identified(rule_input: RuleInput) -> Iterator[Problem]:
    """Require either the id of an image, or all properties that select an image."""
    settings = rule_input.settings
    if settings.aws:
        image = settings.aws.image
        found = [image.owner, image.name]
        if bool(image.id) == any(found) or (not image.id and not all(found)):
            yield Problem(
                "aws.image", "", "needs either id, or owner and name (a pattern such as debian-13-amd64-*)"
            )
    if settings.azure:
        chosen = settings.azure.image
        found = [chosen.publisher, chosen.offer, chosen.sku]
        if bool(chosen.id) == any(found) or (not chosen.id and not all(found)):
            yield Problem("azure.image", "", "needs either id, or publisher, offer and sku")


@rule(needs_valid=(*CLOUD_SECTIONS,))
def addons_exist_in_cloud(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse add-ons and SSH keys that the cloud does not support."""
    settings = rule_input.settings
    if settings.azure and settings.azure.addons.load_balancers:
        yield Problem(
            "azure.addons.load_balancers",
            "true",
            "is AWS's; Azure's cloud controller makes balancers by itself",
        )
    if settings.azure and settings.azure.ssh_key and not settings.azure.ssh_key.startswith("ssh-"):
        yield Problem("azure.ssh_key", "", "not a public key; paste the text of one, such as ssh-rsa AAAA…")
    if settings.aws and " " in settings.aws.ssh_key.strip():
        yield Problem("aws.ssh_key", "", "not a key pair's name; import the key in EC2 and give its name")


@rule(needs_valid=(*CLOUD_SECTIONS,))
def tags_are_valid(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse tags that AWS or Azure reject, and more tags than fit beside the tags that Kubewright adds.

    On AWS, `/` in a key can prevent the start of instances.
    """
    cloud, section = rule_input.settings.cloud, rule_input.settings.cloud_name
    for key, value in (cloud.tags if cloud else {}).items():
        path, shown = f"{section}.tags", f'"{key}"'
        lower = key.lower()
        if lower.startswith(("aws:", "azure", "microsoft", "windows", "kubewright", "kubernetes")):
            yield Problem(path, shown, "begins with a word that is kept for others; choose another key")
        elif len(key) > 100 or len(value) > 256 or set(key) & set("<>%&\\?/"):
            yield Problem(
                path, shown, "allowed: keys of at most 100 characters without <>%&\\?/, values of 256"
            )
    if cloud and len(cloud.tags) > 30:
        yield Problem(
            f"{section}.tags", "", f"{len(cloud.tags)} tags; allowed: 30, as clouds take 50 with ours"
        )


def _check_disks(path: str, machine: MemberMachineSettings) -> Iterator[Problem]:
    yield from _check_disk(f"{path}.disk", machine.disk, _MIN_DISK)
    yield from _check_disk(f"{path}.data_disk", machine.data_disk, _MIN_DATA_DISK)


def _check_disk(path: str, size: str, minimum: int) -> Iterator[Problem]:
    count = quantity.parse_bytes(size)
    if count < minimum:
        yield Problem(path, f'"{size}"', f"too small; allowed: {quantity.format_bytes(minimum)} and more")
    elif count % _GIB:
        yield Problem(path, f'"{size}"', "clouds make disks of whole GiB, such as 40Gi")
