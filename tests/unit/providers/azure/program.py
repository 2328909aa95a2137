"""The whole program on mocks of Azure's plugin, from the example stack or a changed one."""

from __future__ import annotations

import base64
import copy
import json
import runpy
import signal
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import cast

import yaml
from pulumi.runtime import config, mocks

from settings import Settings, load
from settings.azure import AzureSettings
from tests.unit.components.graph import Graph, Json, Node, Plugins, record
from topology.build import topology
from topology.model import Topology

ROOT = Path(__file__).resolve().parents[4]
Change = Callable[[Json], None]


_NAMED = {
    "BackupVault": "vaultName",
    "BlobContainer": "containerName",
    "NetworkSecurityGroup": "networkSecurityGroupName",
    "PrivateEndpoint": "privateEndpointName",
    "PrivateZone": "privateZoneName",
    "StorageAccount": "accountName",
    "VirtualNetwork": "virtualNetworkName",
}
"""Where the names are of resources that others name."""


class AzurePlugins(Plugins):
    """What Azure's plugin gives back, as far as the program and its SDK look at it."""

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
            # A list that is asked for comes back as a mapping.
            ids = {id: {"clientId": "c", "principalId": "p"} for id in given["userAssignedIdentities"]}
            state["identity"] = given | {"userAssignedIdentities": ids}
        return identity, state


def example() -> Json:
    """The object `kubewright:cluster` of the example stack."""
    text = (ROOT / "Pulumi.azure-example.yaml").read_text()
    return cast(Json, yaml.safe_load(text)["config"]["kubewright:cluster"])


def part(cluster: Json, *path: str) -> Json:
    """A section of it, to be changed in place."""
    for key in path:
        cluster = cast(Json, cluster[key])
    return cluster


def deploy(cluster: Json) -> Graph:
    """Everything the program registers for that configuration."""
    interrupt = signal.getsignal(signal.SIGINT)
    config.set_config("kubewright:cluster", json.dumps(cluster))
    try:
        return record(
            lambda: runpy.run_path(str(ROOT / "__main__.py"), run_name="__main__"), plugins=AzurePlugins()
        )
    finally:
        signal.signal(signal.SIGINT, interrupt)
        config.set_all_config({})


@lru_cache
def _once(changed: str) -> Graph:
    return deploy(cast(Json, json.loads(changed)))


def graph(change: Change | None = None) -> Graph:
    """The graph of the example, changed by `change`; made once for each outcome."""
    return _once(json.dumps(changed(change)))


def changed(change: Change | None = None) -> Json:
    """The example, changed."""
    cluster = copy.deepcopy(example())
    if change:
        change(cluster)
    return cluster


def plan(change: Change | None = None) -> tuple[Settings, AzureSettings, Topology]:
    """Settings and topology of the example, changed."""
    settings = load(cast(Mapping[str, object], changed(change)))
    assert settings.azure is not None
    return settings, settings.azure, topology(settings)


def of_azure(found: Graph) -> list[Node]:
    """The resources that Azure makes."""
    return [node for node in found.nodes.values() if node.type.startswith("azure-native:")]


def custom_data(profile: object) -> str:
    """A boot program from the profile of a machine's or scale set's system."""
    assert isinstance(profile, dict)
    return base64.b64decode(profile["customData"]).decode()
