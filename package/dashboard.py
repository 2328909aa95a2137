"""Registers the add-on with a web interface for the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource

from components.addons.dashboard import DashboardAddOn, DashboardArgs
from components.cluster import Cluster
from components.scope import Scope
from package.storage_drivers import SecretAt
from settings import Settings
from topology.identities import PAYLOAD_SALT
from topology.model import Topology


def create_dashboard(
    topology: Topology,
    cluster: Cluster,
    settings: Settings,
    secret_at: SecretAt,
    issuers: Sequence[Resource],
    scope: Scope,
) -> None:
    """Create Headlamp if the cluster has it. `issuers` are the resources of cert-manager."""
    section = settings.addons.dashboard
    if section is None or topology.dashboard is None:
        return
    arguments = DashboardArgs(
        api=cluster.api,
        topology=topology,
        dashboard=topology.dashboard,
        client_secret=secret_at(("addons", "dashboard", "client_secret"), section.client_secret),
        salt=cluster.pki.secrets[PAYLOAD_SALT],
        values=section.values,
        issuers=issuers,
    )
    DashboardAddOn(scope.name("dashboard"), arguments, scope.options())
