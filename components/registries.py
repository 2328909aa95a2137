"""Credentials of image registries in the format of containerd."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from pulumi import Output

from nodeconfig.containerd import hosts_toml
from topology.model import Topology


def registry_secrets(
    topology: Topology, credentials: Mapping[str, tuple[str, str]]
) -> dict[str, Output[str]]:
    """Return the secret files of registries with credentials, by secret name (`registry-<name>`).

    The keys of `credentials` are the same names; the values are user and password.
    """
    secrets = {}
    for registry in topology.registries:
        if registry.credentials in credentials:
            pair = ":".join(credentials[registry.credentials])
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
            secrets[registry.credentials] = Output.secret(hosts_toml(registry, authorization))
    return secrets
