"""Tests of network rules, access to the store, and identities on Azure."""

from __future__ import annotations

import re
from typing import cast

from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from providers.azure.permissions import BLOB_CONTRIBUTOR, BLOB_READER, CONTROLLER_ACTIONS
from tests.unit.components.graph import PRIVATE_PREFIX, Graph, Json, Node
from tests.unit.providers.azure.program import graph, nested_value, with_all_features
from tests.unit.providers.program import section

WORLD = {"*", "Internet", "0.0.0.0/0", "::/0"}


def open_to_all(cluster: Json) -> None:
    section(cluster, "network")["api_allowed"] = ["0.0.0.0/0"]


def sources(rule: Node) -> set[str]:
    prefix = rule.inputs.get("sourceAddressPrefix")
    return {str(prefix)} if prefix else set(cast(list[str], rule.inputs["sourceAddressPrefixes"]))


class TestFirewall:
    def test_no_rule_allows_all_sources(self, resources: Graph) -> None:
        allowed = [node for node in resources.of_type(":SecurityRule") if node.inputs["access"] == "Allow"]
        assert len(allowed) > 10
        assert [node.name for node in allowed if sources(node) & WORLD] == []

    def test_a_public_api_is_open_to_the_allowed_networks(self) -> None:
        rules = [
            node for node in graph(open_to_all).of_type(":SecurityRule") if node.inputs["access"] == "Allow"
        ]
        world = {(node.name, node.inputs["destinationPortRange"]) for node in rules if sources(node) & WORLD}
        assert world == {("azure-firewall-control-plane-tcp-6443", "6443")}

    def test_the_last_rule_denies_everything_else(self, resources: Graph) -> None:
        groups = resources.of_type(":NetworkSecurityGroup")
        denied = [node for node in resources.of_type(":SecurityRule") if node.inputs["access"] == "Deny"]
        assert len(denied) == len(groups)
        for node in denied:
            assert node.inputs["priority"] == 4096
            assert (node.inputs["protocol"], node.inputs["destinationPortRange"]) == ("*", "*")

    def test_priorities_are_below_the_cloud_controllers_and_unique(self, resources: Graph) -> None:
        priorities = set()
        for node in resources.of_type(":SecurityRule"):
            priority = int(cast(float, node.inputs["priority"]))
            assert priority < 500 or node.inputs["access"] == "Deny"
            priorities.add((node.inputs["networkSecurityGroupName"], priority))
        assert len(priorities) == len(resources.of_type(":SecurityRule"))

    def test_every_interface_has_a_group_and_none_a_public_address(self, resources: Graph) -> None:
        for node in resources.of_type(":NetworkInterface"):
            assert nested_value(node.inputs, "networkSecurityGroup", "id")
            assert "publicIPAddress" not in nested_value(node.inputs, "ipConfigurations", 0)
        for node in resources.of_type(":VirtualMachineScaleSet"):
            network = nested_value(node.inputs, "virtualMachineProfile", "networkProfile")
            interface = nested_value(network, "networkInterfaceConfigurations", 0)
            assert nested_value(interface, "networkSecurityGroup", "id") == "azure-firewall-nodes-id"
            assert "publicIPAddressConfiguration" not in nested_value(interface, "ipConfigurations", 0)

    def test_only_the_gateway_allows_outbound_traffic(self, resources: Graph) -> None:
        for node in resources.of_type(":Subnet"):
            assert node.inputs["defaultOutboundAccess"] is False
            assert nested_value(node.inputs, "natGateway", "id")


class TestStore:
    def test_the_store_is_encrypted_versioned_and_not_public(self, resources: Graph) -> None:
        (account,) = resources.of_type(":StorageAccount")
        assert nested_value(account.inputs, "encryption", "requireInfrastructureEncryption") is True
        assert account.inputs["allowBlobPublicAccess"] is False
        assert account.inputs["enableHttpsTrafficOnly"] is True
        assert account.inputs["minimumTlsVersion"] == "TLS1_2"
        assert nested_value(account.inputs, "networkRuleSet", "defaultAction") == "Deny"
        (service,) = resources.of_type(":BlobServiceProperties")
        assert service.inputs["isVersioningEnabled"] is True
        assert {node.inputs["publicAccess"] for node in resources.of_type(":BlobContainer")} == {"None"}

    def test_a_private_store_has_no_public_address(self) -> None:
        resources = graph(with_all_features)
        (account,) = resources.of_type(":StorageAccount")
        assert account.inputs["publicNetworkAccess"] == "Disabled"
        assert nested_value(account.inputs, "networkRuleSet").get("ipRules", []) == []
        assert len(resources.of_type(":PrivateEndpoint")) == 1

    def test_payloads_are_secret_and_texts_are_visible(self, resources: Graph) -> None:
        blobs = resources.of_type(":Blob")
        assert len(blobs) >= 10
        for node in blobs:
            secret = nested_value(node.inputs, "source", SIGNATURE) == SECRET_SIGNATURE
            assert secret == node.name.endswith(".payload"), node.name
            if not secret:
                text = nested_value(node.inputs, "source", "text")
                assert "commit\n" in text
                assert PRIVATE_PREFIX not in text

    def test_nothing_private_is_in_a_plain_input(self, resources: Graph) -> None:
        for node in resources.nodes.values():
            assert [text for text in node.plain_texts() if PRIVATE_PREFIX in text] == [], node.name

    def test_objects_are_in_the_container_of_their_identity(self, resources: Graph) -> None:
        for node in resources.of_type(":Blob"):
            kind, unit = str(node.inputs["blobName"]).rsplit("/", 2)[:2]
            expected = f"pool-{unit}" if kind == "pools" else kind.split("/")[1]
            assert node.inputs["containerName"] == expected


class TestIdentities:
    def test_each_identity_has_its_own_containers(self, resources: Graph) -> None:
        for node in resources.of_type(":RoleAssignment"):
            role = str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1]
            if role not in (BLOB_READER, BLOB_CONTRIBUTOR):
                continue
            own = str(node.inputs["principalId"]).removeprefix("azure-identity-").removesuffix("-principal")
            ending = "" if role == BLOB_READER else "-status"
            assert node.inputs["scope"] == f"azure-store-{own}{ending}-id"

    def test_only_control_planes_have_more_permissions(self, resources: Graph) -> None:
        controller_principals = {
            str(node.inputs["principalId"])
            for node in resources.of_type(":RoleAssignment")
            if "azure-identity" in node.name
            and str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1] not in (BLOB_READER, BLOB_CONTRIBUTOR)
        }
        assert controller_principals == {"azure-identity-control-plane-principal"}

    def test_no_action_is_a_wildcard_or_reads_keys_of_the_store(self, resources: Graph) -> None:
        (role,) = resources.of_type(":RoleDefinition")
        actions = cast(list[str], nested_value(role.inputs, "permissions", 0, "actions"))
        assert set(CONTROLLER_ACTIONS) < set(actions)
        for action in actions:
            assert "*" not in action
            assert "Microsoft.Storage" not in action
            assert "Microsoft.Authorization" not in action

    def test_assignments_have_a_principal_type_and_guids(self, resources: Graph) -> None:
        names = [str(node.inputs["roleAssignmentName"]) for node in resources.of_type(":RoleAssignment")]
        assert len(set(names)) == len(names)
        for node in resources.of_type(":RoleAssignment"):
            assert node.inputs["principalType"] == "ServicePrincipal"
            assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", node.text("roleAssignmentName"))

    def test_every_machine_has_one_identity(self, resources: Graph) -> None:
        for node in [
            *resources.of_type("compute:VirtualMachine"),
            *resources.of_type(":VirtualMachineScaleSet"),
        ]:
            assert len(nested_value(node.inputs, "identity", "userAssignedIdentities")) == 1
            assert nested_value(node.inputs, "identity", "type") == "UserAssigned"
