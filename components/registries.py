"""Credentials of image registries, as containerd wants them."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from pulumi import Output

from nodeconfig.containerd import hosts_toml
from topology.model import Topology


def registry_secrets(
    topology: Topology, credentials: Mapping[str, tuple[str, str]]
) -> dict[str, Output[str]]:
    """The secret files of registries with credentials, by the secrets' names (`registry-<name>`).

    `credentials`: user and password by the same names.
    """
    secrets = {}
    for registry in topology.registries:
        if registry.credentials in credentials:
            pair = ":".join(credentials[registry.credentials])
            authorization = f"Basic {base64.b64encode(pair.encode()).decode()}"
            secrets[registry.credentials] = Output.secret(hosts_toml(registry, authorization))
    return secrets
