"""Runs of the Pulumi program with mocks of the Azure plugin, for the example stack or edited copies."""

from __future__ import annotations

import base64
from typing import Any, cast

from pulumi.runtime import mocks

from assembly import build_topology
from settings import Settings
from settings.azure import AzureSettings
from tests.unit.components.graph import Graph, Json, Node, PluginMocks
from tests.unit.providers.program import ConfigEdit, ExampleStack, section
from topology.model import Topology

_NAME_INPUTS = {
    "BackupVault": "vaultName",
    "BlobContainer": "containerName",
    "NetworkSecurityGroup": "networkSecurityGroupName",
    "PrivateEndpoint": "privateEndpointName",
    "PrivateZone": "privateZoneName",
    "StorageAccount": "accountName",
    "VirtualNetwork": "virtualNetworkName",
}
"""The input that has the name of the resource, by resource type."""


DATA_CONTAINER = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/data/providers/Microsoft.Storage/"
    "storageAccounts/exampledata/blobServices/default/containers/reports"
)


class AzurePlugins(PluginMocks):
    """Mocks of the Azure plugin. They return only the outputs that the program and its SDK read."""

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        identity, state = super().new_resource(args)
        kind = args.typ.rsplit(":", 1)[-1]
        if kind in _NAME_INPUTS:
            state["name"] = args.inputs[_NAME_INPUTS[kind]]
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
        assigned_identity = state.get("identity")
        if isinstance(assigned_identity, dict) and "userAssignedIdentities" in assigned_identity:
            # The result of a list operation is a mapping.
            ids = {
                id: {"clientId": "c", "principalId": "p"}
                for id in assigned_identity["userAssignedIdentities"]
            }
            state["identity"] = assigned_identity | {"userAssignedIdentities": ids}
        return identity, state


EXAMPLE = ExampleStack("azure-example", AzurePlugins)
run_program, graph, example_config = EXAMPLE.run_program, EXAMPLE.graph, EXAMPLE.config


def example_settings(edit: ConfigEdit | None = None) -> tuple[Settings, AzureSettings, Topology]:
    """Return settings, Azure settings and topology of the example stack, edited by `edit`."""
    settings = EXAMPLE.settings(edit)
    assert settings.azure is not None
    return settings, settings.azure, build_topology(settings)


def azure_resources(resources: Graph) -> list[Node]:
    """Return the resources of the Azure plugin."""
    return [node for node in resources.nodes.values() if node.type.startswith("azure-native:")]


def custom_data(profile: object) -> str:
    """Return the decoded boot program in the OS profile of a machine or scale set."""
    assert isinstance(profile, dict)
    return base64.b64decode(profile["customData"]).decode()


def with_all_features(cluster: Json) -> None:
    cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "Standard_D2s_v5"}}
    section(cluster, "azure", "endpoint").update({"public": True, "label": "example"})
    section(cluster, "azure")["private_store"] = True


def with_pod_identities(cluster: Json) -> None:
    """Give pods of three service accounts identities, of which the first has a role."""
    cluster["certificates"] = {"service_account": {"rsa_from": 1}}
    section(cluster, "azure")["pod_identities"] = {
        "issuer_account": "examplekubewrightissuer",
        "identities": {
            "reader": {
                "service_accounts": ["web/reader", "jobs/report.daily"],
                "roles": [{"role": "Storage Blob Data Reader", "scope": DATA_CONTAINER}],
            },
            "other": {"service_accounts": ["web/other"]},
        },
    }


def nested_value(value: object, *path: str | int) -> Any:  # noqa: ANN401
    for key in path:
        value = cast(Any, value)[key]
    return value
