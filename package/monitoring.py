"""Registers the add-on that monitors the cluster."""

from __future__ import annotations

from collections.abc import Mapping

from pulumi import Input, Output

from assembly.monitoring import Credentials, receiver_credentials, store_credentials
from components.addons.monitoring import MonitoringAddOn, MonitoringArgs
from components.api import Api
from components.scope import Scope
from package.storage_drivers import SecretAt
from settings import Settings
from topology.model import Topology


def create_monitoring(
    topology: Topology,
    api: Api,
    settings: Settings,
    secret_at: SecretAt,
    secrets: Mapping[str, Output[str]],
    scope: Scope,
) -> None:
    """Create Prometheus and Alertmanager if the cluster has them. `secrets` has certificates and keys."""
    if topology.monitoring is None:
        return

    def contents(credentials: Credentials) -> dict[str, Input[str]]:
        return {name: secret_at(path, secret) for name, (path, secret) in credentials.items()}

    arguments = MonitoringArgs(
        api=api,
        topology=topology,
        monitoring=topology.monitoring,
        secrets=secrets,
        store_credentials=contents(store_credentials(settings)),
        receiver_credentials=contents(receiver_credentials(settings)),
    )
    MonitoringAddOn(scope.name("monitoring"), arguments, scope.options())
