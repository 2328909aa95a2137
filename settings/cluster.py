"""The model of the object `kubewright:cluster`, which has all settings of a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from settings.access import AccessSettings
from settings.addons import AddonSettings
from settings.aws import AwsSettings
from settings.azure import AzureSettings
from settings.base import Section
from settings.capacity import CapacitySettings
from settings.certificates import CertificateSettings
from settings.clouds import CloudSettings
from settings.control_plane import (
    ApiSettings,
    ControllerManagerSettings,
    LeaderElectionSettings,
    ProxySettings,
    SchedulerSettings,
)
from settings.dns import DnsSettings
from settings.helm_releases import HelmReleaseSettings
from settings.kubelet import KubeletSettings
from settings.metal import MetalSettings
from settings.network import EndpointSettings, NetworkSettings
from settings.pools import ControlPlaneSettings, EtcdSettings, LoadBalancerSettings, PoolSettings
from settings.pull_secrets import PullSecretSettings
from settings.storage import StorageSettings
from settings.types import Duration, Name, NonEmpty
from settings.versions import ArtifactSettings, RegistrySettings, VersionSettings
from topology.service_account_tokens import jwks_url

CLOUD_SECTIONS: Mapping[str, type[CloudSettings]] = {"aws": AwsSettings, "azure": AzureSettings}
"""The section types of the clouds by section key."""
PROVIDER_SECTIONS = ("metal", *CLOUD_SECTIONS)
"""Keys of the provider sections. A cluster has exactly one provider section."""


class Settings(Section):
    """All settings of a cluster.

    Some required keys (`name`, `control_planes.hosts`, …) have empty defaults, so that a missing key does not
    hide other mistakes. The rules in `settings.rules` report such missing keys.
    """

    name: Name | None = None
    """Required. Name of the cluster, a DNS label; part of the names of certificates and cloud resources."""
    environment: Literal["poc", "lab", "test", "production"] = "production"
    """Kind of environment; selects the machine sizes that warnings compare with, and the strictness of
    policies.
    """
    kubernetes: VersionSettings = VersionSettings()
    """Versions of components."""
    endpoint: EndpointSettings | None = None
    """The API endpoint; required in a cloud, with load balancers, and with several control planes."""
    network: NetworkSettings = NetworkSettings()
    """The network plan."""
    control_planes: ControlPlaneSettings = ControlPlaneSettings()
    """The control planes; `hosts` is required."""
    etcd: EtcdSettings = EtcdSettings()
    """The etcd members; default: the control planes."""
    load_balancers: LoadBalancerSettings = LoadBalancerSettings()
    """Load balancers of the API, on bare metal."""
    pools: dict[Name, PoolSettings] = Field(default_factory=dict)
    """Pools of workers by name."""
    capacity: CapacitySettings | None = None
    """Capacity that applications need of the pools; default: not checked."""
    kubelet: KubeletSettings = KubeletSettings()
    """Settings of all kubelets."""
    api: ApiSettings = ApiSettings()
    """Settings of the API server."""
    controller_manager: ControllerManagerSettings = ControllerManagerSettings()
    """Settings of the controller manager."""
    scheduler: SchedulerSettings = SchedulerSettings()
    """Settings of the scheduler."""
    proxy: ProxySettings = ProxySettings()
    """Settings of kube-proxy; `network.proxy_mode` has its mode."""
    leader_election: LeaderElectionSettings = LeaderElectionSettings()
    """Leases of the controller manager and the scheduler."""
    certificates: CertificateSettings = CertificateSettings()
    """Rotation of certificates and keys."""
    artifacts: ArtifactSettings = ArtifactSettings()
    """The source of binaries; `mirror` or, in a cloud, `store` is required."""
    registries: dict[NonEmpty, RegistrySettings] = Field(default_factory=dict)
    """Mirrors of image registries, by the registry's host name or `_default` for all others. A mirror
    replaces the registry: nodes never connect to the registry.
    """
    drain_timeout: Duration = "5m"
    """Maximum time for the drain of a node before the node changes; pods that stay longer stop the change."""
    pull_secrets: dict[Name, PullSecretSettings] = Field(default_factory=dict)
    """Credentials of image registries for the pods of chosen namespaces, by the name of the Secret. Those of
    `registries` are for all pods.
    """
    sandbox_image: NonEmpty = "registry.k8s.io/pause:3.10.1"
    """Image of the pause container, which every pod has."""
    dns: DnsSettings = DnsSettings()
    """The DNS of the cluster."""
    addons: AddonSettings = AddonSettings()
    """Add-ons that are off by default."""
    storage: StorageSettings = StorageSettings()
    """Storage for the volumes of pods."""
    helm_releases: dict[Name, HelmReleaseSettings] = Field(default_factory=dict)
    """Helm releases by name."""
    access: AccessSettings = AccessSettings()
    """Namespaces, roles and bindings."""
    metal: MetalSettings | None = None
    """A cluster on existing hosts. A cluster has either `metal` or a cloud's section."""
    aws: AwsSettings | None = None
    """A cluster on AWS."""
    azure: AzureSettings | None = None
    """A cluster on Azure."""

    @property
    def etcd_hosts(self) -> tuple[str, ...]:
        """Return the host names of the etcd members: the control planes unless `etcd.hosts` names others."""
        return self.etcd.hosts or self.control_planes.hosts

    @property
    def worker_hosts(self) -> tuple[str, ...]:
        """Return the host names of all pools, pool by pool."""
        return tuple(host for pool in self.pools.values() for host in pool.hosts)

    @property
    def cloud_name(self) -> str:
        """Return the key of the cloud's section; empty on bare metal."""
        return next((name for name in self.provider_names if name in CLOUD_SECTIONS and not self.metal), "")

    @property
    def cloud(self) -> CloudSettings | None:
        """Return the cloud's section; None on bare metal."""
        section: CloudSettings | None = getattr(self, self.cloud_name) if self.cloud_name else None
        return section

    @property
    def provider_names(self) -> tuple[str, ...]:
        """Return the keys of all provider sections in the settings. Valid settings have one provider
        section.
        """
        return tuple(name for name in PROVIDER_SECTIONS if getattr(self, name) is not None)

    @property
    def machine_networks(self) -> tuple[IPv4Network, ...]:
        """Return the networks of machines: `network.machines`, or the cloud's virtual network."""
        return (self.cloud.range,) if self.cloud else self.network.machines

    @property
    def worker_count(self) -> int:
        """Return the maximum number of nodes of all pools together."""
        return sum(pool.max_nodes for pool in self.pools.values())


def service_account_issuers(settings: Settings) -> tuple[str, ...]:
    """Return the issuers of service account tokens: the issuer of new tokens, then the accepted issuers."""
    section = settings.api.service_account_issuer
    if section is not None:
        return (section.url, *section.accepted)
    published = settings.cloud.token_issuer if settings.cloud else None
    return (published or f"https://kubernetes.default.svc.{settings.network.domain}",)


def service_account_jwks_uri(settings: Settings) -> str:
    """Return the URL of the keys of new tokens; empty: the keys on the API servers."""
    section = settings.api.service_account_issuer
    if section and section.jwks_uri:
        return section.jwks_uri
    published = settings.cloud.token_issuer if settings.cloud else None
    return jwks_url(published) if published and published == service_account_issuers(settings)[0] else ""
