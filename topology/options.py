"""The options of Kubernetes components, which are a part of the data model."""

from __future__ import annotations

from dataclasses import dataclass

SECRETS = "secrets"
"""The resource whose objects are always encrypted in etcd."""


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


@dataclass(frozen=True, slots=True)
class LeaderElection:
    """Leases of the controller manager and the scheduler, in seconds."""

    lease: int = 15
    renew: int = 10
    retry: int = 2


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
