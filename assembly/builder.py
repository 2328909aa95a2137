"""Conversion of settings to a topology, without access to files."""

from __future__ import annotations

from collections.abc import Mapping

from assembly.authentication import build_issuers, build_webhooks
from assembly.cert_manager import build_cert_manager
from assembly.cilium import build_cilium
from assembly.dashboard import build_dashboard
from assembly.distribution import build_distribution, node_login, node_registries, registry_secret_name
from assembly.dns import build_dns
from assembly.encryption import build_encryption, build_rotation, encryption_rotations
from assembly.external_dns import build_external_dns
from assembly.ingress import build_ingress, ingress_ports
from assembly.keda import build_keda
from assembly.logs import build_logs
from assembly.machines import build_machines
from assembly.metallb import build_metallb
from assembly.monitoring import build_monitoring
from assembly.pools import build_pools
from assembly.snapshots import build_defragmentation, build_snapshots
from assembly.storage import build_storage
from assembly.velero import build_velero
from settings.bases import replace_encrypted
from settings.certificates import CertificateSettings
from settings.cluster import Settings, service_account_issuers, service_account_jwks_uri
from settings.encryption import EncryptionSettings
from settings.loading import load
from settings.network import PortSettings
from settings.problem import CLUSTER_KEY, SettingsError
from settings.stackfile import ENCRYPTED_PLACEHOLDER
from settings.types import parse_seconds
from topology.certificates import SERVICE_ACCOUNT
from topology.cluster_network import Network
from topology.model import Endpoint, Member, Registry, Topology, Versions
from topology.open_ports import OpenPort
from topology.options import ControlPlaneOptions, EventRateLimit, ExtraFlags, LeaderElection
from topology.ports import API_PORT, SSH_PORT, Protocol
from topology.rotations import Certificates, Rotation


def build_topology(settings: Settings, *, files: Mapping[str, str] | None = None) -> Topology:
    """Return the topology that valid settings describe.

    `files` maps the paths that the settings name to the texts of the files, as `settings.files.read_files`
    returns them. Without `files`, registries and issuers have no private certificate authority; this is
    sufficient to print plans, but not for deliveries. Raise KeyError when `files` lacks a file, and
    ValueError for settings that `load` did not return.
    """
    if settings.name is None or (settings.metal is None and settings.cloud is None):
        raise ValueError("only settings that load() returned have a topology")
    machines = build_machines(settings)
    members = {machine.name: machine.member for machine in machines}
    return Topology(
        name=settings.name,
        environment=settings.environment,
        versions=_versions(settings),
        endpoint=_endpoint(settings, members),
        machines=machines,
        etcd=tuple(members[name] for name in settings.etcd_hosts),
        control_planes=tuple(members[name] for name in settings.control_planes.hosts),
        load_balancers=tuple(members[name] for name in settings.load_balancers.hosts),
        pools=build_pools(settings, members, files),
        network=_network(settings),
        control_plane=_control_plane_options(settings, files),
        registries=_registries(settings, files),
        pause_image=settings.sandbox_image,
        dns=build_dns(settings.dns),
        ingress=build_ingress(settings.addons.ingress),
        metallb=build_metallb(settings.addons.load_balancer),
        cert_manager=build_cert_manager(settings),
        external_dns=build_external_dns(settings),
        keda=build_keda(settings),
        storage=build_storage(settings),
        velero=build_velero(settings, files),
        dashboard=build_dashboard(settings, files),
        logs=build_logs(settings, files),
        monitoring=build_monitoring(settings, files),
        distribution=build_distribution(settings, files),
        api_names=settings.api.names,
        drain_seconds=parse_seconds(settings.drain_timeout),
        snapshots=build_snapshots(settings, files),
        defragmentation=build_defragmentation(settings),
        certificates=_certificates(settings.certificates, settings.api.encryption),
        encryption=build_encryption(settings.api.encryption),
        external_cloud=settings.cloud is not None,
        extra_flags=_extra_flags(settings),
    )


def topology_or_none(config: Mapping[str, object]) -> Topology | None:
    """Return the topology that the `config` mapping of a stack file describes; None for an invalid
    description.

    Checks use this function before the program runs. The program itself reports the problems of an invalid
    description. A placeholder replaces encrypted values, because the topology contains none of them.
    """
    cluster = replace_encrypted(config.get(CLUSTER_KEY), ENCRYPTED_PLACEHOLDER)
    try:
        return build_topology(load(cluster)) if isinstance(cluster, Mapping) else None
    except (SettingsError, ValueError):
        return None


def registry_credentials(settings: Settings) -> dict[str, tuple[str, str]]:
    """Return the user and password of each registry, by the name of its secret (`registry-<name>`).

    The result is secret.
    """
    credentials = {
        registry_secret_name(name): (registry.username, registry.password.get_secret_value())
        for name, registry in settings.registries.items()
        if registry.username is not None and registry.password is not None
    }
    return credentials | node_login(settings)


def _versions(settings: Settings) -> Versions:
    versions = settings.kubernetes
    return Versions(
        kubernetes=versions.version,
        etcd=versions.etcd,
        containerd=versions.containerd,
        runc=versions.runc,
        cni_plugins=versions.cni_plugins,
        flannel=versions.flannel,
        coredns=versions.coredns,
        metrics_server=versions.metrics_server,
    )


def _endpoint(settings: Settings, members: Mapping[str, Member]) -> Endpoint:
    """Return the endpoint in the settings, or else the address and API port of the first control plane."""
    if settings.endpoint is not None:
        return Endpoint(settings.endpoint.host, settings.endpoint.port)
    control_plane = members[settings.control_planes.hosts[0]]
    return Endpoint(str(control_plane.node_address), API_PORT)


def _network(settings: Settings) -> Network:
    section, cloud = settings.network, settings.cloud
    return Network(
        machines=settings.machine_networks,
        pods=section.pods,
        node_prefix=section.node_prefix,
        services=section.services,
        node_ports=section.node_ports,
        api_allowed=section.api_networks,
        ssh_allowed=section.ssh_networks,
        backend=section.backend,
        proxy_mode=section.proxy_mode,
        policies=section.policies,
        cni=section.cni,
        cilium=build_cilium(section),
        mtu=section.mtu,
        domain=section.domain,
        ssh_ports=_ssh_ports(settings),
        probe_sources=cloud.probe_sources if cloud else (),
        node_domains=cloud.node_domains if cloud else (),
        open_ports=(
            *(_open_port(name, port) for name, port in section.ports.items()),
            *ingress_ports(settings),
        ),
    )


def _open_port(name: str, port: PortSettings) -> OpenPort:
    return OpenPort(
        name=name,
        networks=port.sources,
        roles=port.roles,
        protocol=Protocol(port.protocol),
        ports=port.port,
        purpose=port.because,
        pools=port.pools,
    )


def _extra_flags(settings: Settings) -> ExtraFlags:
    return ExtraFlags(
        api=tuple(settings.api.extra_args.items()),
        controller_manager=tuple(settings.controller_manager.extra_args.items()),
        scheduler=tuple(settings.scheduler.extra_args.items()),
        proxy=tuple(settings.proxy.extra_args.items()),
        etcd=tuple(settings.etcd.extra_args.items()),
    )


def _ssh_ports(settings: Settings) -> tuple[int, ...]:
    if settings.metal:
        return settings.metal.ssh_ports
    return (SSH_PORT,) if settings.cloud and settings.cloud.ssh_key else ()


def _control_plane_options(settings: Settings, files: Mapping[str, str] | None) -> ControlPlaneOptions:
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
        exempt_namespaces=api.pod_security_exempt_namespaces,
        disabled_admission_plugins=api.disabled_admission_plugins,
        event_rate_limits=tuple(
            EventRateLimit(limit.type, limit.qps, limit.burst, limit.cache_size or 0)
            for limit in api.event_rate_limits
        ),
        issuers=build_issuers(api.oidc, files),
        webhooks=build_webhooks(api.authorization_webhooks),
        service_account_issuers=service_account_issuers(settings),
        jwks_uri=service_account_jwks_uri(settings),
        downscale_seconds=parse_seconds(settings.controller_manager.downscale_stabilization),
        leader_election=LeaderElection(lease=times.lease, renew=times.renew, retry=times.retry),
    )


def _certificates(settings: CertificateSettings, encryption: EncryptionSettings) -> Certificates:
    rotations = {str(name): build_rotation(section) for name, section in settings.authorities.items()}
    rotations[SERVICE_ACCOUNT] = build_rotation(settings.service_account)
    rotations |= encryption_rotations(settings.encryption, encryption)
    # A section that contains only defaults has the same effect as no section. An entry of `kubelet-serving`
    # always has an effect: the stage `sign` replaces the certificates that the CA `kubernetes` signed.
    non_default = tuple(
        (name, rotation)
        for name, rotation in rotations.items()
        if name == "kubelet-serving" or rotation != Rotation()
    )
    return Certificates(
        leaves=settings.leaves, rotations=non_default, rsa_from=settings.service_account.rsa_from
    )


def _registries(settings: Settings, files: Mapping[str, str] | None) -> tuple[Registry, ...]:
    mirrors = (
        Registry(
            name=name,
            endpoint=registry.endpoint,
            ca=files[registry.ca_file] if files is not None and registry.ca_file else "",
            credentials=registry_secret_name(name) if registry.username else "",
        )
        for name, registry in settings.registries.items()
    )
    return (*mirrors, *node_registries(settings))
