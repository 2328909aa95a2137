"""Settings of the API server, the controller manager and the scheduler [D1, D2]."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from settings.admission import AdmissionPlugin, EventRateLimitSettings
from settings.authentication import OidcIssuerSettings, ServiceAccountIssuerSettings
from settings.authorization import AuthorizationWebhookSettings
from settings.base import Section
from settings.encryption import EncryptionSettings
from settings.extra_args import ExtraArgs
from settings.types import Duration, Name, NonEmpty, parse_seconds

PodSecurity = Literal["privileged", "baseline", "restricted"]


def _require_expiry(duration: str) -> str:
    # Without a time to live, etcd keeps events forever.
    if parse_seconds(duration) == 0:
        raise ValueError("events would never expire and fill etcd; allowed: 1s and more, such as 1h")
    return duration


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
    """Admission plugins that are enabled in addition to the defaults of Kubernetes. NodeRestriction,
    PodSecurity and DenyServiceExternalIPs are always enabled.
    """
    disabled_admission_plugins: tuple[AdmissionPlugin, ...] = ()
    """Default admission plugins of Kubernetes to disable; not plugins that security depends on."""
    event_rate_limits: tuple[EventRateLimitSettings, ...] = ()
    """Limits for events; limits enable the plugin EventRateLimit."""
    audit: AuditSettings = AuditSettings()
    """Rotation of the audit log."""
    event_ttl: Annotated[Duration, AfterValidator(_require_expiry)] = "1h"
    """Time for which events are kept, such as `1h`; a longer time needs more space in etcd. Not 0."""
    max_requests_inflight: Annotated[int, Field(ge=1)] = 400
    """Maximum number of reading requests handled at the same time; more requests are rejected."""
    max_mutating_requests_inflight: Annotated[int, Field(ge=1)] = 200
    """Maximum number of writing requests handled at the same time; more requests are rejected."""
    pod_security_default: PodSecurity = "baseline"
    """Pod Security level of namespaces without a label; `baseline` blocks known privilege escalations."""
    pod_security_exempt_namespaces: tuple[Name, ...] = ()
    """Namespaces without Pod Security checks, such as the namespace of a storage driver; kube-system is
    always exempt.
    """
    oidc: dict[Name, OidcIssuerSettings] = Field(default_factory=dict)
    """OpenID Connect issuers by name, whose tokens the API server accepts."""
    authorization_webhooks: dict[Name, AuthorizationWebhookSettings] = Field(default_factory=dict)
    """Webhooks by name that decide about requests, in addition to Node and RBAC."""
    service_account_issuer: ServiceAccountIssuerSettings | None = None
    """The issuer of service account tokens; default: that of `pod_identities` of a cloud, or
    `https://kubernetes.default.svc.<network.domain>`.
    """
    encryption: EncryptionSettings = EncryptionSettings()
    """Encryption of objects in etcd."""
    extra_args: ExtraArgs = Field(default_factory=dict)
    """Additional flags of kube-apiserver without checks, as a last resort, such as
    `feature-gates: MutatingAdmissionPolicy=true`.
    """


class ControllerManagerSettings(Section):
    """The controller manager."""

    downscale_stabilization: Duration = "5m"
    """Time for which a HorizontalPodAutoscaler keeps the highest recommended number of replicas before it
    removes pods.
    """
    extra_args: ExtraArgs = Field(default_factory=dict)
    """Additional flags of kube-controller-manager without checks, as a last resort."""


class SchedulerSettings(Section):
    """The scheduler."""

    extra_args: ExtraArgs = Field(default_factory=dict)
    """Additional flags of kube-scheduler without checks, as a last resort."""


class ProxySettings(Section):
    """kube-proxy."""

    extra_args: ExtraArgs = Field(default_factory=dict)
    """Additional flags of kube-proxy about its log, such as `v: 4`; kube-proxy ignores all other flags."""
