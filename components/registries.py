"""Credentials of image registries in the format of containerd."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from functools import partial

from pulumi import Input, Output

from nodeconfig.containerd import hosts_toml
from topology.model import Registry, Topology


def registry_secrets(
    topology: Topology, credentials: Mapping[str, tuple[str, Input[str]]]
) -> dict[str, Output[str]]:
    """Return the secret files of registries with credentials, by secret name (`registry-<name>`).

    The keys of `credentials` are the same names; the values are user and password.
    """
    secrets = {}
    for registry in topology.registries:
        if registry.credentials in credentials:
            user, password = credentials[registry.credentials]
            render = partial(_hosts_toml_with_password, registry, user)
            secrets[registry.credentials] = Output.secret(password).apply(render)
    return secrets


def _hosts_toml_with_password(registry: Registry, user: str, password: str) -> str:
    authorization = base64.b64encode(f"{user}:{password}".encode()).decode()
    return hosts_toml(registry, f"Basic {authorization}")
