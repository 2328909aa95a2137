"""The options of Kubernetes components, which are a part of the data model."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from topology.authentication import AuthorizationWebhook, Issuer
from topology.snapshot_targets import SnapshotTarget

Flags = tuple[tuple[str, str], ...]
"""Additional flags of a component: pairs of name, without leading dashes, and value."""
SECRETS = "secrets"
"""The resource whose objects are always encrypted in etcd."""


class Backend(StrEnum):
    """The backend with which flannel sends packets between nodes."""

    VXLAN = "vxlan"
    HOST_GW = "host-gw"


class ProxyMode(StrEnum):
    """The mode of kube-proxy."""

    NFTABLES = "nftables"
    IPTABLES = "iptables"


class NetworkPlugin(StrEnum):
    """The software that connects pods. With `NONE`, users install their own."""

    FLANNEL = "flannel"
    CILIUM = "cilium"
    NONE = "none"


class PolicyMode(StrEnum):
    """Whether nodes enforce the NetworkPolicy objects of the cluster."""

    ENFORCED = "enforced"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class CredentialProvider:
    """A program that exchanges the identity of a machine for credentials of image registries.

    `program` is the name of its artifact. `images` are registries, as in `matchImages` of the kubelet.
    `environment` has variables of the program: pairs of name and value. `authority` is the PEM of the
    certificate authority that verifies the cloud's services, in a file that the variable
    `authority_variable` names; both are empty for the authorities of the system.
    """

    program: str
    images: tuple[str, ...]
    environment: tuple[tuple[str, str], ...] = ()
    authority_variable: str = ""
    authority: str = ""


@dataclass(frozen=True, slots=True)
class Kubelet:
    """Settings of the kubelets of a pool. Quantities are Kubernetes quantities, as text."""

    max_pods: int
    system_reserved: tuple[tuple[str, str], ...]
    kube_reserved: tuple[tuple[str, str], ...]
    eviction_hard: tuple[tuple[str, str], ...]
    eviction_minimum_reclaim: tuple[tuple[str, str], ...]
    container_log_max_size: str
    container_log_max_files: int
    pod_pids_limit: int
    extra_flags: Flags = ()
    credential_provider: CredentialProvider | None = None


@dataclass(frozen=True, slots=True)
class LeaderElection:
    """Leases of the controller manager and the scheduler, in seconds."""

    lease: int = 15
    renew: int = 10
    retry: int = 2


@dataclass(frozen=True, slots=True)
class EventRateLimit:
    """A limit for events. `cache_size` is 0 for the default of Kubernetes."""

    type: str
    qps: int
    burst: int
    cache_size: int = 0


@dataclass(frozen=True, slots=True)
class ControlPlaneOptions:
    """Options of the API server, the controller manager and the scheduler."""

    admission_plugins: tuple[str, ...]
    audit_max_age_days: int
    audit_max_backups: int
    audit_max_size_mb: int
    event_ttl: str
    max_requests_inflight: int
    max_mutating_requests_inflight: int
    pod_security_default: str
    leader_election: LeaderElection
    exempt_namespaces: tuple[str, ...] = ()
    """Namespaces without Pod Security checks, in addition to kube-system."""
    disabled_admission_plugins: tuple[str, ...] = ()
    event_rate_limits: tuple[EventRateLimit, ...] = ()
    issuers: tuple[Issuer, ...] = ()
    webhooks: tuple[AuthorizationWebhook, ...] = ()
    service_account_issuers: tuple[str, ...] = ()
    """Issuers of service account tokens: the issuer of new tokens, then the other accepted issuers."""
    jwks_uri: str = ""
    """URL of the keys of service account tokens in the discovery document; empty: on the API server."""
    downscale_seconds: int = 300
    """Time in seconds before a HorizontalPodAutoscaler removes pods."""


@dataclass(frozen=True, slots=True)
class ExtraFlags:
    """Additional flags by component. The flags of kubelets are in `Kubelet`."""

    api: Flags = ()
    controller_manager: Flags = ()
    scheduler: Flags = ()
    proxy: Flags = ()
    etcd: Flags = ()


NO_EXTRA_FLAGS = ExtraFlags()
"""No additional flags."""


COPY_TO, SNAPSHOT_COPIES = "copy_to", "snapshot_copies"
"""The settings of copies in a directory of the host, and in another region of a cloud."""
LATE_INTERVALS = 2
"""A snapshot or its copy is late when it is older than this number of intervals between snapshots."""
TRIAL_RESTORE_DAYS = {"daily": 2, "weekly": 10}
"""A trial restore is late after this number of days, by the setting `verify`."""


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Snapshots of every etcd member: the interval in seconds and the number of snapshots to keep.

    `copy_to` is a directory on the hosts for copies of the snapshots; empty: no copies. With `copy_to_cloud`,
    machines of a cloud also copy them to another region. Copies for `targets` are encrypted to the public
    keys of age in `recipients`.
    """

    every: int = 6 * 3600
    keep: int = 12
    copy_to: str = ""
    copy_to_cloud: bool = False
    recipients: tuple[str, ...] = ()
    targets: tuple[SnapshotTarget, ...] = ()
    verify: str = ""
    """How often each member restores a snapshot into a throwaway etcd: `daily`, `weekly`, or empty: never."""

    @property
    def copy_targets(self) -> tuple[str, ...]:
        """Names under which members record copies: those of `targets`, and the settings of other copies.
        Names of settings contain an underscore, which names of targets cannot contain.
        """
        names = [target.name for target in self.targets]
        names += [COPY_TO] if self.copy_to else []
        names += [SNAPSHOT_COPIES] if self.copy_to_cloud else []
        return tuple(names)


@dataclass(frozen=True, slots=True)
class Defragmentation:
    """Defragmentation of etcd: the interval in seconds, and the share of free space from which on a member is
    defragmented, in percent of its database file.
    """

    every: int
    free_percent: int


@dataclass(frozen=True, slots=True)
class KmsPlugin:
    """A KMS v2 plugin, with which API servers encrypt objects in etcd.

    `endpoint` is the URL of a Unix socket on the control planes. `timeout` is a Go duration. API servers
    start after the systemd unit `after`, if it is not empty.
    """

    name: str
    endpoint: str
    timeout: str
    after: str = ""


@dataclass(frozen=True, slots=True)
class Encryption:
    """The resources that API servers encrypt in etcd, and the KMS plugin.

    `resources` have the form `configmaps`, `cars.example.com` or `*.example.com`; wildcards are last.
    The stages of changes are rotations of `Certificates`; see `topology.encryption`.
    """

    resources: tuple[str, ...] = (SECRETS,)
    kms: KmsPlugin | None = None
