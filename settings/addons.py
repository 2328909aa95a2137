"""Settings of add-ons that a stack selects."""

from __future__ import annotations

from settings.base import Section
from settings.cert_manager import CertManagerSettings
from settings.dashboard import DashboardSettings
from settings.distribution import DistributionSettings
from settings.external_dns import ExternalDnsSettings
from settings.ingress import IngressSettings
from settings.keda import KedaSettings
from settings.logs import EventSettings, LogSettings
from settings.metallb import MetalLbSettings
from settings.monitoring import MonitoringSettings
from settings.velero import VeleroSettings


class AddonSettings(Section):
    """Add-ons that a cluster has only if its stack selects them."""

    cert_manager: CertManagerSettings | None = None
    """Certificates of workloads, by cert-manager; default: none."""
    dashboard: DashboardSettings | None = None
    """A web interface for the cluster with the login of each person, by Headlamp; default: none."""
    external_dns: ExternalDnsSettings | None = None
    """Names of services and Ingress objects in DNS zones, by external-dns; default: none."""
    ingress: IngressSettings | None = None
    """Ingress objects, served by Traefik; default: none."""
    keda: KedaSettings | None = None
    """Scaling of workloads by metrics and events, by KEDA; default: none."""
    load_balancer: MetalLbSettings | None = None
    """Addresses for services of type LoadBalancer, by MetalLB; bare metal only, because in a cloud its
    controller creates load balancers.
    """
    logs: LogSettings | None = None
    """Logs of all nodes, in Loki in the cluster or sent to your own receivers; default: none."""
    events: EventSettings | None = None
    """Archive of the events of the cluster, beside the logs, with alerts on them; default: none."""
    monitoring: MonitoringSettings | None = None
    """Metrics and alerts about the cluster, by Prometheus and Alertmanager; default: none."""
    registry: DistributionSettings | None = None
    """A registry for images and charts, by distribution; default: none."""
    velero: VeleroSettings | None = None
    """Backups of objects and volumes of applications, by Velero; default: none."""
