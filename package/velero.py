"""Registers the add-on that backs up objects and volumes of applications."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource

from assembly import velero_credentials
from components.addons.velero import VeleroAddOn, VeleroArgs
from components.api import Api
from components.scope import Scope
from package.storage_drivers import SecretAt
from settings import Settings
from topology.model import Topology


def create_velero(
    topology: Topology,
    api: Api,
    settings: Settings,
    secret_at: SecretAt,
    snapshots: Sequence[Resource],
    scope: Scope,
) -> None:
    """Create Velero if the cluster has it. `snapshots` are the definitions of snapshots."""
    section = settings.addons.velero
    if section is None or topology.velero is None:
        return
    password, path = section.repository_password, ("addons", "velero", "repository_password")
    credentials = velero_credentials(settings)
    arguments = VeleroArgs(
        api=api,
        topology=topology,
        velero=topology.velero,
        secrets={name: secret_at(path, secret) for name, (path, secret) in credentials.items()},
        password=secret_at(path, password) if password is not None else None,
        values=section.values,
        snapshots=snapshots,
    )
    VeleroAddOn(scope.name("velero"), arguments, scope.options())
