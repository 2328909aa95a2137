"""Tests of the checks of resources: the tables of limits, the types of the package, and the models."""

from __future__ import annotations

import base64
from fnmatch import fnmatchcase
from typing import Any

import pytest

from lab.plugins.azure_native import limits, models, shapes
from lab.plugins.azure_native.bodies import build_body
from lab.plugins.azure_native.catalogue import KINDS
from lab.plugins.azure_native.limit_table import LIMITS
from lab.plugins.azure_native.name_table import NAME
from lab.plugins.runtime.limits import find_problems as find_violations

Body = dict[str, Any]
NETWORK, COMPUTE = "Microsoft.Network", "Microsoft.Compute"
SET, MACHINE = f"{COMPUTE}/virtualMachineScaleSets", f"{COMPUTE}/virtualMachines"
ACCOUNT = "Microsoft.Storage/storageAccounts"
CREDENTIAL = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials"
GUID = "5f5c3b1e-7d0b-4f0e-9a5e-0c6f1a2b3c4d"


def at(path: str, value: object) -> Body:
    """Return a body with a value at a path, in which `[]` is a list with one item."""
    key, _, rest = path.partition(".")
    inner = at(rest, value) if rest else value
    return {key.removesuffix("[]"): [inner]} if key.endswith("[]") else {key: inner}


def profile(path: str, value: object) -> Body:
    return at(f"properties.virtualMachineProfile.{path}", value)


def upgrade(key: str, value: int) -> Body:
    return at(f"properties.upgradePolicy.rollingUpgradePolicy.{key}", value)


def health(key: str, value: int) -> Body:
    return profile(f"extensionProfile.extensions[].properties.settings.{key}", value)


def tags(count: int) -> Body:
    return {"tags": {f"t{number}": "v" for number in range(count)}}


NAMES: list[tuple[str, str, str]] = [
    ("Microsoft.Resources/resourceGroups", "kubewright.", "kubewright-x"),
    (f"{NETWORK}/virtualNetworks", "n" * 65, "azure-lab"),
    *(
        (f"{NETWORK}/{kind}", "-name", "Tcp-6443")
        for kind in (
            "loadBalancers",
            "natGateways",
            "networkInterfaces",
            "networkSecurityGroups",
            "networkSecurityGroups/securityRules",
            "publicIPAddresses",
            "virtualNetworks/subnets",
        )
    ),
    (f"{COMPUTE}/disks", "cp 1", "cp-1-data"),
    (MACHINE, "cp_1", "cp-1"),
    ("Microsoft.ManagedIdentity/userAssignedIdentities", "x", "azure-lab-control-plane"),
    (CREDENTIAL, "c" * 121, "web-reader"),
    (ACCOUNT, "kw-store", "kwstore"),
    (f"{ACCOUNT}/blobServices/containers", "pool--x", "pool-x-status"),
    ("Microsoft.Authorization/roleAssignments", "reads", GUID),
    ("Microsoft.DataProtection/backupVaults", "1vault", "vault"),
]
"""Types of resources with a name that Azure refuses and one that it accepts."""

BODIES: list[tuple[str, Body, Body]] = [
    (f"{NETWORK}/privateDnsZones", tags(16), tags(15)),
    (ACCOUNT, {"tags": {"k" * 129: "v"}}, {"tags": {"kubewright:cluster": "x"}}),
    (f"{NETWORK}/natGateways", {"tags": {"a/b": "v"}}, {"tags": {"kubewright:cluster": "x"}}),
    (f"{NETWORK}/loadBalancers", {"zones": ["4"]}, {"zones": ["1", "2", "3"]}),
    (
        MACHINE,
        at("properties.osProfile.customData", base64.b64encode(b"x" * 65536).decode()),
        at("properties.osProfile.customData", base64.b64encode(b"x" * 65535).decode()),
    ),
    (
        MACHINE,
        at("properties.storageProfile.osDisk.diskSizeGB", 4096),
        at("properties.storageProfile.osDisk.diskSizeGB", 40),
    ),
    (
        MACHINE,
        at("properties.osProfile.computerName", "cp_1"),
        at("properties.osProfile.computerName", "cp-1"),
    ),
    (SET, profile("osProfile.computerNamePrefix", "p" * 59), profile("osProfile.computerNamePrefix", "p-1-")),
    (SET, at("sku.capacity", 1001), at("sku.capacity", 0)),
    (SET, upgrade("maxBatchInstancePercent", 4), upgrade("maxBatchInstancePercent", 5)),
    (SET, upgrade("maxUnhealthyInstancePercent", 101), upgrade("maxUnhealthyInstancePercent", 100)),
    (
        SET,
        upgrade("maxUnhealthyUpgradedInstancePercent", -1),
        upgrade("maxUnhealthyUpgradedInstancePercent", 0),
    ),
    (
        SET,
        at("properties.automaticRepairsPolicy.gracePeriod", "PT5M"),
        at("properties.automaticRepairsPolicy.gracePeriod", "PT30M"),
    ),
    (
        SET,
        profile("scheduledEventsProfile.terminateNotificationProfile.notBeforeTimeout", "PT16M"),
        profile("scheduledEventsProfile.terminateNotificationProfile.notBeforeTimeout", "PT5M"),
    ),
    (
        SET,
        at("properties.spotRestorePolicy.restoreTimeout", "PT3H"),
        at("properties.spotRestorePolicy.restoreTimeout", "PT2H"),
    ),
    (SET, health("intervalInSeconds", 61), health("intervalInSeconds", 10)),
    (SET, health("numberOfProbes", 25), health("numberOfProbes", 3)),
    (SET, health("gracePeriod", 14401), health("gracePeriod", 1800)),
    (
        f"{NETWORK}/virtualNetworks/subnets",
        at("properties.addressPrefix", "10.0.0.0/30"),
        at("properties.addressPrefix", "10.0.0.0/19"),
    ),
    (
        f"{NETWORK}/networkSecurityGroups/securityRules",
        at("properties.priority", 99),
        at("properties.priority", 100),
    ),
    (
        f"{NETWORK}/networkSecurityGroups/securityRules",
        at("properties.description", "d" * 141),
        at("properties.description", "webhooks of a cloud's controllers"),
    ),
    (
        f"{NETWORK}/loadBalancers",
        at("properties.loadBalancingRules[].properties.idleTimeoutInMinutes", 31),
        at("properties.loadBalancingRules[].properties.idleTimeoutInMinutes", 30),
    ),
    (
        f"{NETWORK}/loadBalancers",
        at("properties.probes[].properties.intervalInSeconds", 4),
        at("properties.probes[].properties.intervalInSeconds", 5),
    ),
    (
        f"{NETWORK}/natGateways",
        at("properties.idleTimeoutInMinutes", 121),
        at("properties.idleTimeoutInMinutes", 10),
    ),
    (
        f"{ACCOUNT}/blobServices",
        at("properties.deleteRetentionPolicy.days", 366),
        at("properties.deleteRetentionPolicy.days", 7),
    ),
    (
        ACCOUNT,
        at("properties.networkRuleSet.ipRules", [{}] * 401),
        at("properties.networkRuleSet.ipRules", [{}] * 400),
    ),
    (
        CREDENTIAL,
        at("properties.issuer", f"https://{'i' * 600}"),
        at("properties.issuer", "https://x.blob.core.windows.net/oidc"),
    ),
    (
        CREDENTIAL,
        at("properties.subject", "s" * 601),
        at("properties.subject", "system:serviceaccount:web:reader"),
    ),
    (
        CREDENTIAL,
        at("properties.audiences", ["api://AzureADTokenExchange", "other"]),
        at("properties.audiences", ["api://AzureADTokenExchange"]),
    ),
    (
        "Microsoft.Authorization/roleDefinitions",
        at("properties.roleName", "r" * 513),
        at("properties.roleName", "Kubewright controllers"),
    ),
    (
        "Microsoft.Authorization/roleDefinitions",
        at("properties.description", "d" * 2049),
        at("properties.description", "Permissions"),
    ),
]
"""Types of resources with a body that Azure refuses and one that it accepts."""

EXAMPLES = [
    *((type, {NAME: refused}, {NAME: accepted}) for type, refused, accepted in NAMES),
    *BODIES,
]


@pytest.mark.parametrize(("type", "refused", "accepted"), EXAMPLES)
def test_limit_refuses_what_azure_refuses(type: str, refused: Body, accepted: Body) -> None:
    valid_name = next((good for kind, _, good in NAMES if kind == type), GUID)
    problems = list(limits.find_problems(type, valid_name, refused))
    assert len(problems) == 1
    assert "https://learn.microsoft.com/" in problems[0]
    assert not list(limits.find_problems(type, valid_name, accepted))


def test_every_limit_has_an_example() -> None:
    for limit in LIMITS:
        paths = [
            problem.partition(":")[0]
            for type, refused, _ in EXAMPLES
            if fnmatchcase(type, limit.type)
            for problem in find_violations([limit], refused)
        ]
        assert paths, f"{limit.type}: {limit.path}"


@pytest.mark.parametrize(
    ("token", "inputs", "problem"),
    [
        ("network:LoadBalancer", {"probes": [{"portt": 1}]}, "probes[0].portt: there is no such property"),
        ("network:LoadBalancer", {"probes": [{"port": "x"}]}, "probes[0].port: 'x' is no int"),
        ("network:LoadBalancer", {"probes": [{"port": 1}]}, "probes[0].protocol: missing"),
        ("network:LoadBalancer", {"probes": {}}, "probes: {} is no list"),
        (
            "network:LoadBalancer",
            {"loadBalancingRules": [{"protocol": "Sctp"}]},
            "loadBalancingRules[0].protocol: 'Sctp' is none of Udp, Tcp, All",
        ),
        ("network:VirtualNetwork", {"tags": {"a": 1}}, "tags['a']: 1 is no str"),
        ("storage:StorageAccount", {"allowBlobPublicAccess": "no"}, "allowBlobPublicAccess: 'no' is no bool"),
        ("storage:StorageAccount", {}, "sku: missing"),
    ],
)
def test_inputs_are_checked_against_the_types_of_the_package(token: str, inputs: Body, problem: str) -> None:
    assert problem in list(shapes.find_problems(f"azure-native:{token}", inputs))


def test_numbers_of_the_engine_can_be_integers() -> None:
    inputs = {"probes": [{"port": 6443.0, "protocol": "Https"}], "resourceGroupName": "g"}
    assert not list(shapes.find_problems("azure-native:network:LoadBalancer", inputs))


def test_bodies_are_checked_against_the_models_of_the_library() -> None:
    kind = KINDS["azure-native:compute:VirtualMachineScaleSet"]
    interface = {"name": "primary", "primary": True, "ipConfigurations": [{"name": "primary"}]}
    network = {"networkProfile": {"networkInterfaceConfigurations": [interface]}}
    inputs = {"location": "westeurope", "virtualMachineProfile": network}
    assert not list(models.find_problems(kind.type, build_body(inputs, kind.wrapped)))
    path = "properties.virtualMachineProfile.networkProfile.networkInterfaceConfigurations[0]"
    assert list(models.find_problems(kind.type, build_body(inputs, kind.wrapped[:1]))) == [
        f"{path}.primary: there is no such property",
        f"{path}.ipConfigurations: there is no such property",
    ]
    assert list(models.find_problems(kind.type, {"location": "x", "etag": "1"})) == ["etag: read-only"]
    modes = {"location": "x", "properties": {"upgradePolicy": {"mode": "Slow"}}}
    assert list(models.find_problems(kind.type, modes)) == [
        "properties.upgradePolicy.mode: 'Slow' is none of Automatic, Manual, Rolling"
    ]
