"""From settings to the plain data of one cluster. Pure: files are read by the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

from formats import quantity
from settings.certificates import CertificateSettings, RotationSettings
from settings.clouds import CloudSettings
from settings.cluster import Settings
from settings.kubelet import DEFAULTS
from settings.loading import load
from settings.pools import ControlPlaneSettings, PoolSettings
from settings.problem import OBJECT, SettingsError
from settings.types import parse_seconds
from topology.model import (
    Capacity,
    Certificates,
    ControlPlaneOptions,
    Endpoint,
    Kubelet,
    LeaderElection,
    Machine,
    Member,
    Network,
    Pool,
    Registry,
    Role,
    Rotation,
    Size,
    Snapshots,
    Taint,
    TaintEffect,
    Topology,
    Versions,
)
from topology.subnets import FIRST_CONTROL_PLANE, FIRST_ETCD_MEMBER, member_address

CONTROL_PLANE_POOL = "control-plane"
SERVICE_ACCOUNT = "service-account"
CONTROL_PLANE_LABEL = "node-role.kubernetes.io/control-plane"
NOT_BALANCED_LABEL = "node.kubernetes.io/exclude-from-external-load-balancers"
"""Keeps a cloud's controller from putting a node behind the balancers it makes, as kubeadm does."""
API_PORT = 6443


def build_topology(settings: Settings, *, files: Mapping[str, str] | None = None) -> Topology:
    """The cluster that valid settings describe.

    `files` are the texts of the files that settings name, from `settings.files.read`; without them
    registries get no private authority (enough to print plans, not to deliver). Raises KeyError when
    `files` lacks one, ValueError for settings that `load` did not return.
    """
    if settings.name is None or (settings.metal is None and settings.cloud is None):
        raise ValueError("only settings that load() returned have a topology")
    machines = _machines(settings)
    members = {machine.name: Member(machine.name, machine.address) for machine in machines}
    return Topology(
        name=settings.name,
        environment=settings.environment,
        versions=_versions(settings),
        endpoint=_endpoint(settings, members),
        machines=machines,
        etcd=tuple(members[name] for name in settings.etcd_hosts),
        control_planes=tuple(members[name] for name in settings.control_planes.hosts),
        load_balancers=tuple(members[name] for name in settings.load_balancers.hosts),
        pools=_pools(settings, members),
        network=_network(settings),
        control_plane=_options(settings),
        registries=_registries(settings, files),
        pause_image=settings.sandbox_image,
        api_names=settings.api.names,
        drain_seconds=parse_seconds(settings.drain_timeout),
        snapshots=_snapshots(settings),
        certificates=_certificates(settings.certificates),
        external_cloud=settings.cloud is not None,
    )


def topology_or_none(config: Mapping[str, object]) -> Topology | None:
    """Return the topology that a stack file's `config` mapping describes; None for an invalid description.

    For checks before the program runs: the program reports what is wrong with the description.
    """
    cluster = config.get(OBJECT)
    try:
        return build_topology(load(cluster)) if isinstance(cluster, Mapping) else None
    except (SettingsError, ValueError):
        return None


def registry_credentials(settings: Settings) -> dict[str, tuple[str, str]]:
    """User and password by the secret's name in the topology (`registry-<name>`). Secret."""
    return {
        _secret_of(name): (registry.username, registry.password.get_secret_value())
        for name, registry in settings.registries.items()
        if registry.username is not None and registry.password is not None
    }


def _versions(settings: Settings) -> Versions:
    chosen = settings.kubernetes
    return Versions(
        kubernetes=chosen.version,
        etcd=chosen.etcd,
        containerd=chosen.containerd,
        runc=chosen.runc,
        cni_plugins=chosen.cni_plugins,
        flannel=chosen.flannel,
        coredns=chosen.coredns,
        metrics_server=chosen.metrics_server,
    )


def _endpoint(settings: Settings, members: Mapping[str, Member]) -> Endpoint:
    if settings.endpoint is not None:
        return Endpoint(settings.endpoint.host, settings.endpoint.port)
    only = members[settings.control_planes.hosts[0]]
    return Endpoint(str(only.address), API_PORT)


def _machines(settings: Settings) -> tuple[Machine, ...]:
    """Machines with names in the inventory's order, each with its roles in the order of delivery."""
    pool_of = dict.fromkeys(settings.control_planes.hosts, CONTROL_PLANE_POOL)
    for pool, section in settings.pools.items():
        pool_of |= dict.fromkeys(section.hosts, pool)
    holders = {
        Role.LOAD_BALANCER: frozenset(settings.load_balancers.hosts),
        Role.ETCD: frozenset(settings.etcd_hosts),
        Role.CONTROL_PLANE: frozenset(settings.control_planes.hosts),
        Role.NODE: frozenset(pool_of),
    }
    places = _in_a_cloud(settings, settings.cloud) if settings.cloud else _in_the_inventory(settings)
    return tuple(
        Machine(
            name=name,
            address=place.address,
            roles=tuple(role for role in Role if name in holders[role]),
            pool=pool_of.get(name, ""),
            size=place.size,
            zone=place.zone,
        )
        for name, place in places.items()
    )


@dataclass(frozen=True, slots=True)
class _Place:
    address: IPv4Address
    size: Size | None = None
    zone: int = 0


def _in_the_inventory(settings: Settings) -> dict[str, _Place]:
    hosts = settings.metal.hosts if settings.metal else {}
    return {name: _Place(host.address, host.size) for name, host in hosts.items()}


def _in_a_cloud(settings: Settings, cloud: CloudSettings) -> dict[str, _Place]:
    """Members' zones and addresses, by their place in their list: a new one at its end moves no other."""
    control_planes = settings.control_planes.hosts
    own = tuple(name for name in settings.etcd.hosts if name not in control_planes)
    return _spread(control_planes, FIRST_CONTROL_PLANE, cloud) | _spread(own, FIRST_ETCD_MEMBER, cloud)


def _spread(names: Sequence[str], first: int, cloud: CloudSettings) -> dict[str, _Place]:
    """Zone after zone; in each of the subnets the addresses from number `first` on."""
    places: dict[str, _Place] = {}
    given: dict[IPv4Network, int] = {}
    ranges = cloud.member_ranges
    for number, name in enumerate(names):
        zone = number % len(ranges)
        taken = given.get(ranges[zone], 0)
        given[ranges[zone]] = taken + 1
        places[name] = _Place(member_address(ranges[zone], first, taken), zone=zone)
    return places


def _pools(settings: Settings, members: Mapping[str, Member]) -> tuple[Pool, ...]:
    common = settings.kubelet.applied_to(DEFAULTS)
    workers = (_pool(name, section, members, common) for name, section in settings.pools.items())
    # A cloud's controller would open the control planes' own security group for such a balancer.
    labels = ((NOT_BALANCED_LABEL, ""),) if settings.cloud is not None else ()
    return (_control_plane_pool(settings.control_planes, members, common, labels), *workers)


def _control_plane_pool(
    section: ControlPlaneSettings,
    members: Mapping[str, Member],
    common: Kubelet,
    labels: tuple[tuple[str, str], ...],
) -> Pool:
    own = Taint(key=CONTROL_PLANE_LABEL, value="", effect=TaintEffect.NO_SCHEDULE)
    return Pool(
        name=CONTROL_PLANE_POOL,
        nodes=tuple(members[name] for name in section.hosts),
        labels=((CONTROL_PLANE_LABEL, ""), *labels, *section.labels.items()),
        taints=section.taints if section.schedulable else (own, *section.taints),
        max_unavailable=1,
        kubelet=section.kubelet.applied_to(common),
    )


def _pool(name: str, section: PoolSettings, members: Mapping[str, Member], common: Kubelet) -> Pool:
    return Pool(
        name=name,
        nodes=tuple(members[host] for host in section.hosts),
        labels=tuple(section.labels.items()),
        taints=section.taints,
        max_unavailable=section.max_unavailable,
        kubelet=section.kubelet.applied_to(common),
        kubernetes=section.kubernetes_version or "",
        capacity=_capacity(section),
    )


def _capacity(section: PoolSettings) -> Capacity | None:
    if section.size is None or section.machine is None:
        return None
    return Capacity(
        min_size=section.size.min,
        max_size=section.size.max,
        types=section.machine.types,
        spot=section.machine.spot,
        disk=quantity.parse_bytes(section.machine.disk),
    )


def _network(settings: Settings) -> Network:
    plan, cloud = settings.network, settings.cloud
    return Network(
        machines=settings.machine_networks,
        pods=plan.pods,
        node_prefix=plan.node_prefix,
        services=plan.services,
        node_ports=plan.node_ports,
        api_allowed=plan.api_allowed,
        backend=plan.backend,
        proxy_mode=plan.proxy_mode,
        mtu=plan.mtu,
        domain=plan.domain,
        ssh_ports=_ssh_ports(settings),
        probes=cloud.probes if cloud else (),
        node_domains=cloud.node_domains if cloud else (),
    )


def _ssh_ports(settings: Settings) -> tuple[int, ...]:
    if settings.metal:
        return settings.metal.ssh_ports
    return (22,) if settings.cloud and settings.cloud.ssh_key else ()


def _options(settings: Settings) -> ControlPlaneOptions:
    api, times = settings.api, settings.leader_election
    return ControlPlaneOptions(
        admission_plugins=tuple(api.admission_plugins),
        audit_max_age_days=api.audit.max_age_days,
        audit_max_backups=api.audit.max_backups,
        audit_max_size_mb=api.audit.max_size_mb,
        event_ttl=api.event_ttl,
        max_requests_inflight=api.max_requests_inflight,
        max_mutating_requests_inflight=api.max_mutating_requests_inflight,
        pod_security_default=api.pod_security_default,
        leader_election=LeaderElection(lease=times.lease, renew=times.renew, retry=times.retry),
    )


def _certificates(settings: CertificateSettings) -> Certificates:
    rotations = {str(name): _rotation(section) for name, section in settings.authorities.items()}
    rotations[SERVICE_ACCOUNT] = _rotation(settings.service_account)
    # A section that only repeats defaults counts as absent and changes nothing.
    begun = tuple((name, rotation) for name, rotation in rotations.items() if rotation != Rotation())
    return Certificates(leaves=settings.leaves, rotations=begun)


def _rotation(section: RotationSettings) -> Rotation:
    new = section.generation
    match section.stage:
        case "trust":
            return Rotation(signing=new - 1, trusted=(new - 1, new))
        case "sign":
            return Rotation(signing=new, trusted=(new - 1, new))
        case "done":
            return Rotation(signing=new, trusted=(new,))


def _snapshots(settings: Settings) -> Snapshots:
    chosen = settings.etcd.snapshots
    return Snapshots(every=parse_seconds(chosen.every), keep=chosen.keep, copy_to=chosen.copy_to or "")


def _registries(settings: Settings, files: Mapping[str, str] | None) -> tuple[Registry, ...]:
    return tuple(
        Registry(
            name=name,
            endpoint=registry.endpoint,
            ca=files[registry.ca_file] if files is not None and registry.ca_file else "",
            credentials=_secret_of(name) if registry.username else "",
        )
        for name, registry in settings.registries.items()
    )


def _secret_of(registry: str) -> str:
    return f"registry-{registry}"
