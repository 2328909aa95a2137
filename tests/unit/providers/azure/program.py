"""The Pulumi program with mocks of the Azure plugin, for the example stack or a changed copy."""

from __future__ import annotations

import base64
from typing import Any, cast

from pulumi.runtime import mocks

from assembly import build_topology
from settings import Settings
from settings.azure import AzureSettings
from tests.unit.components.graph import Graph, Json, Node, Plugins
from tests.unit.providers.program import Change, Example, section
from topology.model import Topology

_NAMED = {
    "BackupVault": "vaultName",
    "BlobContainer": "containerName",
    "NetworkSecurityGroup": "networkSecurityGroupName",
    "PrivateEndpoint": "privateEndpointName",
    "PrivateZone": "privateZoneName",
    "StorageAccount": "accountName",
    "VirtualNetwork": "virtualNetworkName",
}
"""Maps each lookup to the input that has the name of the resource."""


class AzurePlugins(Plugins):
    """Mocks of the Azure plugin. They return only the outputs that the program and its SDK read."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        identity, state = super().new_resource(args)
        kind = args.typ.rsplit(":", 1)[-1]
        if kind in _NAMED:
            state["name"] = args.inputs[_NAMED[kind]]
        if args.typ.startswith("tls:index/privateKey"):
            state["publicKeyOpenssh"] = f"ssh-rsa {args.name}"
        if args.typ.endswith(":UserAssignedIdentity"):
            state |= {
                "principalId": f"{args.name}-principal",
                "clientId": f"{args.name}-client",
                "tenantId": "tenant",
            }
        if args.typ.endswith(":BackupVault"):
            state["identity"] = {"type": "SystemAssigned", "principalId": "vault", "tenantId": "tenant"}
        given = state.get("identity")
        if isinstance(given, dict) and "userAssignedIdentities" in given:
            # The result of a list operation is a mapping.
            ids = {id: {"clientId": "c", "principalId": "p"} for id in given["userAssignedIdentities"]}
            state["identity"] = given | {"userAssignedIdentities": ids}
        return identity, state


EXAMPLE = Example("azure-example", AzurePlugins)
deploy, graph, changed = EXAMPLE.deploy, EXAMPLE.graph, EXAMPLE.changed


def plan(change: Change | None = None) -> tuple[Settings, AzureSettings, Topology]:
    """Return the settings and the topology of the example after a change."""
    settings = EXAMPLE.settings(change)
    assert settings.azure is not None
    return settings, settings.azure, build_topology(settings)


def azure_resources(found: Graph) -> list[Node]:
    """Return the resources of the Azure plugin."""
    return [node for node in found.nodes.values() if node.type.startswith("azure-native:")]


def custom_data(profile: object) -> str:
    """Return the decoded boot program in the OS profile of a machine or scale set."""
    assert isinstance(profile, dict)
    return base64.b64decode(profile["customData"]).decode()


def everything(cluster: Json) -> None:
    cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "Standard_D2s_v5"}}
    section(cluster, "azure", "endpoint").update({"public": True, "label": "example"})
    section(cluster, "azure")["private_store"] = True


def inner(value: object, *path: str | int) -> Any:  # noqa: ANN401
    for key in path:
        value = cast(Any, value)[key]
    return value
