"""Settings of the API server, the controller manager and the scheduler [D1, D2]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from settings.base import Section
from settings.encryption import EncryptionSettings
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
    """Seconds during which a lease is valid; must be longer than `renew`."""
    renew: int = Field(default=10, ge=1)
    """Seconds in which the leader must renew its lease; must be longer than 1.2 times `retry`."""
    retry: int = Field(default=2, ge=1)
    """Seconds between two attempts to get or renew the lease."""


class ApiSettings(Section):
    """The API server."""

    names: tuple[NonEmpty, ...] = ()
    """Additional DNS names and addresses in the API servers' certificates."""
    admission_plugins: tuple[AdmissionPlugin, ...] = ("NodeRestriction", "LimitRanger", "ResourceQuota")
    """Admission plugins that are enabled in addition to the defaults of Kubernetes."""
    audit: AuditSettings = AuditSettings()
    """Rotation of the audit log."""
    event_ttl: Duration = "1h"
    """Time for which events are kept, such as `1h`; a longer time needs more space in etcd."""
    max_requests_inflight: Annotated[int, Field(ge=1)] = 400
    """Maximum number of reading requests handled at the same time; more requests are rejected."""
    max_mutating_requests_inflight: Annotated[int, Field(ge=1)] = 200
    """Maximum number of writing requests handled at the same time; more requests are rejected."""
    pod_security_default: PodSecurity = "baseline"
    """Pod Security level of namespaces without a label; `baseline` blocks known privilege escalations."""
    encryption: EncryptionSettings = EncryptionSettings()
    """Encryption of objects in etcd."""
