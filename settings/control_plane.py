"""Settings of the API server, the controller manager and the scheduler [D1, D2]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from settings.base import Section
from settings.types import Duration, NonEmpty

PodSecurity = Literal["privileged", "baseline", "restricted"]
# Plugins that an administrator may add to the default ones of Kubernetes. AlwaysAdmit and similar plugins
# would disable NodeRestriction or Pod Security and are not offered.
AdmissionPlugin = Literal[
    "AlwaysPullImages",
    "DenyServiceExternalIPs",
    "EventRateLimit",
    "LimitRanger",
    "NamespaceAutoProvision",
    "NodeRestriction",
    "PodNodeSelector",
    "PodSecurity",
    "PodTolerationRestriction",
    "ResourceQuota",
]


class AuditSettings(Section):
    """Rotation of the audit log."""

    max_age_days: int = Field(default=30, ge=1)
    """Days after which audit log files are deleted."""
    max_backups: int = Field(default=10, ge=1)
    """Number of old audit log files that are kept."""
    max_size_mb: int = Field(default=100, ge=1)
    """Megabytes after which the audit log starts a new file."""


class LeaderElectionSettings(Section):
    """Leases of the controller manager and the scheduler; defaults are those of Kubernetes."""

    lease: int = Field(default=15, ge=1)
    """Seconds that a lease is valid; must be longer than `renew`."""
    renew: int = Field(default=10, ge=1)
    """Seconds in which the leader must renew its lease; must be longer than 1.2 times `retry`."""
    retry: int = Field(default=2, ge=1)
    """Seconds between two attempts to get or renew the lease."""


class ApiSettings(Section):
    """The API server."""

    names: tuple[NonEmpty, ...] = ()
    """More DNS names and addresses for the API servers' certificates."""
    admission_plugins: tuple[AdmissionPlugin, ...] = ("NodeRestriction", "LimitRanger", "ResourceQuota")
    """Admission plugins that are enabled beside the default ones of Kubernetes."""
    audit: AuditSettings = AuditSettings()
    """Rotation of the audit log."""
    event_ttl: Duration = "1h"
    """How long events are kept, such as `1h`; longer needs more space in etcd."""
    max_requests_inflight: Annotated[int, Field(ge=1)] = 400
    """Requests that read and are handled at the same time; more are rejected."""
    max_mutating_requests_inflight: Annotated[int, Field(ge=1)] = 200
    """Requests that write and are handled at the same time; more are rejected."""
    pod_security_default: PodSecurity = "baseline"
    """Pod Security level of namespaces without a label; `baseline` blocks known privilege escalations."""
