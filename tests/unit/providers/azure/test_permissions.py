"""Tests of network rules, access to the store, and identities on Azure."""

from __future__ import annotations

import re
from typing import cast

from automation.signatures import SECRET_SIGNATURE, SIGNATURE
from providers.azure.permissions import BLOB_CONTRIBUTOR, BLOB_READER, CONTROLLER_ACTIONS
from tests.unit.components.graph import PRIVATE, Graph, Json, Node
from tests.unit.providers.azure.program import everything, graph, inner
from tests.unit.providers.program import section

WORLD = {"*", "Internet", "0.0.0.0/0", "::/0"}


def open_to_all(cluster: Json) -> None:
    section(cluster, "network")["api_allowed"] = ["0.0.0.0/0"]


def sources(rule: Node) -> set[str]:
    one = rule.inputs.get("sourceAddressPrefix")
    return {str(one)} if one else set(cast(list[str], rule.inputs["sourceAddressPrefixes"]))


class TestFirewall:
    def test_no_rule_allows_all_sources(self, recorded: Graph) -> None:
        allowed = [node for node in recorded.of_type(":SecurityRule") if node.inputs["access"] == "Allow"]
        assert len(allowed) > 10
        assert [node.name for node in allowed if sources(node) & WORLD] == []

    def test_a_public_api_is_open_to_the_allowed_networks(self) -> None:
        rules = [
            node for node in graph(open_to_all).of_type(":SecurityRule") if node.inputs["access"] == "Allow"
        ]
        world = {(node.name, node.inputs["destinationPortRange"]) for node in rules if sources(node) & WORLD}
        assert world == {("azure-firewall-control-plane-tcp-6443", "6443")}

    def test_the_last_rule_denies_everything_else(self, recorded: Graph) -> None:
        groups = recorded.of_type(":NetworkSecurityGroup")
        denied = [node for node in recorded.of_type(":SecurityRule") if node.inputs["access"] == "Deny"]
        assert len(denied) == len(groups)
        for node in denied:
            assert node.inputs["priority"] == 4096
            assert (node.inputs["protocol"], node.inputs["destinationPortRange"]) == ("*", "*")

    def test_priorities_are_below_the_cloud_controllers_and_unique(self, recorded: Graph) -> None:
        seen = set()
        for node in recorded.of_type(":SecurityRule"):
            priority = int(cast(float, node.inputs["priority"]))
            assert priority < 500 or node.inputs["access"] == "Deny"
            seen.add((node.inputs["networkSecurityGroupName"], priority))
        assert len(seen) == len(recorded.of_type(":SecurityRule"))

    def test_every_interface_has_a_group_and_none_a_public_address(self, recorded: Graph) -> None:
        for node in recorded.of_type(":NetworkInterface"):
            assert inner(node.inputs, "networkSecurityGroup", "id")
            assert "publicIPAddress" not in inner(node.inputs, "ipConfigurations", 0)
        for node in recorded.of_type(":VirtualMachineScaleSet"):
            network = inner(node.inputs, "virtualMachineProfile", "networkProfile")
            interface = inner(network, "networkInterfaceConfigurations", 0)
            assert inner(interface, "networkSecurityGroup", "id") == "azure-firewall-nodes-id"
            assert "publicIPAddressConfiguration" not in inner(interface, "ipConfigurations", 0)

    def test_only_the_gateway_allows_outbound_traffic(self, recorded: Graph) -> None:
        for node in recorded.of_type(":Subnet"):
            assert node.inputs["defaultOutboundAccess"] is False
            assert inner(node.inputs, "natGateway", "id")


class TestStore:
    def test_the_store_is_encrypted_versioned_and_not_public(self, recorded: Graph) -> None:
        (account,) = recorded.of_type(":StorageAccount")
        assert inner(account.inputs, "encryption", "requireInfrastructureEncryption") is True
        assert account.inputs["allowBlobPublicAccess"] is False
        assert account.inputs["enableHttpsTrafficOnly"] is True
        assert account.inputs["minimumTlsVersion"] == "TLS1_2"
        assert inner(account.inputs, "networkRuleSet", "defaultAction") == "Deny"
        (service,) = recorded.of_type(":BlobServiceProperties")
        assert service.inputs["isVersioningEnabled"] is True
        assert {node.inputs["publicAccess"] for node in recorded.of_type(":BlobContainer")} == {"None"}

    def test_a_private_store_has_no_public_address(self) -> None:
        found = graph(everything)
        (account,) = found.of_type(":StorageAccount")
        assert account.inputs["publicNetworkAccess"] == "Disabled"
        assert inner(account.inputs, "networkRuleSet").get("ipRules", []) == []
        assert len(found.of_type(":PrivateEndpoint")) == 1

    def test_payloads_are_secret_and_texts_are_visible(self, recorded: Graph) -> None:
        blobs = recorded.of_type(":Blob")
        assert len(blobs) >= 10
        for node in blobs:
            secret = inner(node.inputs, "source", SIGNATURE) == SECRET_SIGNATURE
            assert secret == node.name.endswith(".payload"), node.name
            if not secret:
                text = inner(node.inputs, "source", "text")
                assert "commit\n" in text
                assert PRIVATE not in text

    def test_nothing_private_is_in_a_plain_input(self, recorded: Graph) -> None:
        for node in recorded.nodes.values():
            assert [text for text in node.plain() if PRIVATE in text] == [], node.name

    def test_objects_are_in_the_container_of_their_identity(self, recorded: Graph) -> None:
        for node in recorded.of_type(":Blob"):
            kind, unit = str(node.inputs["blobName"]).rsplit("/", 2)[:2]
            expected = f"pool-{unit}" if kind == "pools" else kind.split("/")[1]
            assert node.inputs["containerName"] == expected


class TestIdentities:
    def test_each_identity_has_its_own_containers(self, recorded: Graph) -> None:
        for node in recorded.of_type(":RoleAssignment"):
            role = str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1]
            if role not in (BLOB_READER, BLOB_CONTRIBUTOR):
                continue
            own = str(node.inputs["principalId"]).removeprefix("azure-identity-").removesuffix("-principal")
            ending = "" if role == BLOB_READER else "-status"
            assert node.inputs["scope"] == f"azure-store-{own}{ending}-id"

    def test_only_control_planes_have_more_permissions(self, recorded: Graph) -> None:
        more = {
            str(node.inputs["principalId"])
            for node in recorded.of_type(":RoleAssignment")
            if "azure-identity" in node.name
            and str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1] not in (BLOB_READER, BLOB_CONTRIBUTOR)
        }
        assert more == {"azure-identity-control-plane-principal"}

    def test_no_action_is_a_wildcard_or_reads_keys_of_the_store(self, recorded: Graph) -> None:
        (role,) = recorded.of_type(":RoleDefinition")
        actions = cast(list[str], inner(role.inputs, "permissions", 0, "actions"))
        assert set(CONTROLLER_ACTIONS) < set(actions)
        for action in actions:
            assert "*" not in action
            assert "Microsoft.Storage" not in action
            assert "Microsoft.Authorization" not in action

    def test_assignments_have_a_principal_type_and_guids(self, recorded: Graph) -> None:
        names = [str(node.inputs["roleAssignmentName"]) for node in recorded.of_type(":RoleAssignment")]
        assert len(set(names)) == len(names)
        for node in recorded.of_type(":RoleAssignment"):
            assert node.inputs["principalType"] == "ServicePrincipal"
            assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", node.text("roleAssignmentName"))

    def test_every_machine_has_one_identity(self, recorded: Graph) -> None:
        for node in [
            *recorded.of_type("compute:VirtualMachine"),
            *recorded.of_type(":VirtualMachineScaleSet"),
        ]:
            assert len(inner(node.inputs, "identity", "userAssignedIdentities")) == 1
            assert inner(node.inputs, "identity", "type") == "UserAssigned"
