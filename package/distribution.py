"""Registers the registry, and credentials of registries for pods."""

from __future__ import annotations

from collections.abc import Sequence

from pulumi import Resource

from assembly import registry_store_secret, registry_users
from components.addons.distribution import RegistryAddOn, RegistryArgs, UserSecret
from components.addons.pull_secrets import PullSecrets, PullSecretsArgs
from components.cluster import Cluster
from components.scope import Scope
from package.storage_drivers import SecretAt
from settings import Settings
from topology.distribution import REGISTRY_SECRET
from topology.model import Topology


def create_registry(
    topology: Topology,
    cluster: Cluster,
    settings: Settings,
    secret_at: SecretAt,
    issuers: Sequence[Resource],
    scope: Scope,
) -> None:
    """Create the registry if the cluster has it. `issuers` are the resources of cert-manager."""
    if topology.distribution is None:
        return
    users = {
        name: UserSecret(secret=secret_at(path, secret), is_hash=is_hash)
        for name, (path, secret, is_hash) in registry_users(settings).items()
    }
    store = registry_store_secret(settings)
    arguments = RegistryArgs(
        api=cluster.api,
        topology=topology,
        distribution=topology.distribution,
        key=cluster.pki.secrets[REGISTRY_SECRET],
        secrets=cluster.pki.secrets,
        users=users,
        store_secret=secret_at(*store) if store else None,
        issuers=issuers,
    )
    RegistryAddOn(scope.name("registry"), arguments, scope.options())


def create_pull_secrets(
    cluster: Cluster, settings: Settings, secret_at: SecretAt, after: Sequence[Resource], scope: Scope
) -> list[Resource]:
    """Create the credentials of registries for pods. Return [] without any."""
    if not settings.pull_secrets:
        return []
    arguments = PullSecretsArgs(
        api=cluster.api,
        pull_secrets=settings.pull_secrets,
        passwords={
            name: secret_at(("pull_secrets", name, "password"), section.password)
            for name, section in settings.pull_secrets.items()
        },
        after=after,
    )
    return [PullSecrets(scope.name("pull-secrets"), arguments, scope.options())]
