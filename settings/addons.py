"""Settings of add-ons that a stack selects, and of the Helm releases that it installs [H5]."""

from __future__ import annotations

from pydantic import Field, JsonValue

from settings.base import Section
from settings.cert_manager import CertManagerSettings
from settings.external_dns import ExternalDnsSettings
from settings.ingress import IngressSettings
from settings.metallb import MetalLbSettings
from settings.types import HttpsUrl, LabelKey, LabelValue, Name, NonEmpty
from settings.velero import VeleroSettings


class AddonSettings(Section):
    """Add-ons that a cluster has only if its stack selects them."""

    cert_manager: CertManagerSettings | None = None
    """Certificates of workloads, by cert-manager; default: none."""
    external_dns: ExternalDnsSettings | None = None
    """Names of services and Ingress objects in DNS zones, by external-dns; default: none."""
    ingress: IngressSettings | None = None
    """Ingress objects, served by Traefik; default: none."""
    load_balancer: MetalLbSettings | None = None
    """Addresses for services of type LoadBalancer, by MetalLB; bare metal only, because the controller of a
    cloud serves these services.
    """
    velero: VeleroSettings | None = None
    """Backups of objects and volumes of applications, by Velero; default: none."""


class HelmReleaseSettings(Section):
    """A Helm release: a chart, its version and its values."""

    chart: NonEmpty
    """A path (`./charts/web`, relative to the checkout), an `oci://` reference, with a digest
    (`oci://registry.example/web@sha256:…`) or without, or a chart name in `repository`.
    """
    repository: HttpsUrl | None = None
    """URL of the chart repository; required for a chart name, not allowed for paths and `oci://`
    references.
    """
    version: NonEmpty | None = None
    """Version of the chart; required for charts by name and for `oci://` references without a digest, so that
    all runs install the same chart. Helm refuses a version that has another digest.
    """
    namespace: Name = "default"
    """Namespace of the release."""
    create_namespace: bool = False
    """Create the namespace before the release."""
    namespace_labels: dict[LabelKey, LabelValue] = Field(default_factory=dict)
    """Labels of the namespace that `create_namespace` creates, such as
    `pod-security.kubernetes.io/enforce: privileged`. The namespace remains when the release is removed.
    """
    values: dict[str, JsonValue] = Field(default_factory=dict)
    """Values of the chart; encrypt secret values (`secure: …`)."""
    timeout: int = Field(default=300, ge=1, le=3600)
    """Seconds after which an installation or upgrade fails if the release is not ready."""
