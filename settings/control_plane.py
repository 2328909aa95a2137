"""Settings of the API server and its companions [D1, D2]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from settings.base import Section
from settings.types import Duration, Filled

PodSecurity = Literal["privileged", "baseline", "restricted"]
# Plugins that an administrator may add to those Kubernetes runs by default. AlwaysAdmit and the like
# would undo NodeRestriction or Pod Security and are not offered.
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
    """The audit log's rotation: days, files, megabytes per file."""

    max_age_days: int = Field(default=30, ge=1)
    max_backups: int = Field(default=10, ge=1)
    max_size_mb: int = Field(default=100, ge=1)


class LeaderElectionSettings(Section):
    """Leases of controller manager and scheduler, in seconds."""

    lease: int = Field(default=15, ge=1)
    renew: int = Field(default=10, ge=1)
    retry: int = Field(default=2, ge=1)


class ApiSettings(Section):
    """The API server. `names` are further DNS names and addresses in its certificates."""

    names: tuple[Filled, ...] = ()
    admission_plugins: tuple[AdmissionPlugin, ...] = ("NodeRestriction", "LimitRanger", "ResourceQuota")
    audit: AuditSettings = AuditSettings()
    event_ttl: Duration = "1h"
    max_requests_inflight: Annotated[int, Field(ge=1)] = 400
    max_mutating_requests_inflight: Annotated[int, Field(ge=1)] = 200
    pod_security_default: PodSecurity = "baseline"
