"""The whole object `kubewright:cluster`."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Literal

from pydantic import Field

from settings.access import AccessSettings
from settings.addons import HelmReleaseSettings
from settings.aws import AwsSettings
from settings.azure import AzureSettings
from settings.base import Section
from settings.certificates import CertificateSettings
from settings.clouds import CloudSettings
from settings.control_plane import ApiSettings, LeaderElectionSettings
from settings.kubelet import KubeletSettings
from settings.metal import MetalSettings
from settings.network import EndpointSettings, NetworkSettings
from settings.pools import ControlPlaneSettings, EtcdSettings, PoolSettings, RoleSettings
from settings.types import Duration, Filled, Name
from settings.versions import ArtifactSettings, RegistrySettings, VersionSettings


class Settings(Section):
    """One cluster as its administrator describes it.

    Keys that must be there and belong to no section (`name`, `control_planes.hosts`, …) have empty
    defaults here and are demanded by `settings.rules`, so that one missing key hides no other mistake.
    """

    name: Name | None = None
    environment: Literal["poc", "lab", "test", "production"] = "production"
    kubernetes: VersionSettings = VersionSettings()
    endpoint: EndpointSettings | None = None
    network: NetworkSettings = NetworkSettings()
    control_planes: ControlPlaneSettings = ControlPlaneSettings()
    etcd: EtcdSettings = EtcdSettings()
    load_balancers: RoleSettings = RoleSettings()
    pools: dict[Name, PoolSettings] = Field(default_factory=dict)
    kubelet: KubeletSettings = KubeletSettings()
    api: ApiSettings = ApiSettings()
    leader_election: LeaderElectionSettings = LeaderElectionSettings()
    certificates: CertificateSettings = CertificateSettings()
    artifacts: ArtifactSettings = ArtifactSettings()
    registries: dict[Filled, RegistrySettings] = Field(default_factory=dict)
    drain_timeout: Duration = "5m"
    sandbox_image: Filled = "registry.k8s.io/pause:3.10.1"
    helm_releases: dict[Name, HelmReleaseSettings] = Field(default_factory=dict)
    access: AccessSettings = AccessSettings()
    metal: MetalSettings | None = None
    aws: AwsSettings | None = None
    azure: AzureSettings | None = None

    @property
    def etcd_hosts(self) -> tuple[str, ...]:
        """Names of etcd's hosts: the control planes unless others are named."""
        return self.etcd.hosts or self.control_planes.hosts

    @property
    def worker_hosts(self) -> tuple[str, ...]:
        """Names of all pools' hosts, pool by pool."""
        return tuple(host for pool in self.pools.values() for host in pool.hosts)

    @property
    def cloud(self) -> CloudSettings | None:
        """The cloud's section; None on bare metal."""
        return None if self.metal else self.aws or self.azure

    @property
    def cloud_name(self) -> str:
        """Under which key the cloud's section is; empty on bare metal."""
        return "" if self.cloud is None else "aws" if self.aws else "azure"

    @property
    def machine_networks(self) -> tuple[IPv4Network, ...]:
        """The networks of machines: named, or the cloud's virtual network."""
        return (self.cloud.range,) if self.cloud else self.network.machines

    @property
    def worker_count(self) -> int:
        """How many nodes all pools together have at most."""
        return sum(pool.max_nodes for pool in self.pools.values())
