"""Tests of network rules, access to the store, and identities on Azure."""

from __future__ import annotations

import re
from typing import cast

from providers.azure import permissions
from providers.azure.permissions import BLOB_CONTRIBUTOR, BLOB_READER
from settings.clouds import CloudAddonSettings
from tests.unit.components.graph import PRIVATE_PREFIX, Graph, Json, Node
from tests.unit.providers.azure.program import graph, nested_value, with_all_features
from tests.unit.providers.program import section

WORLD = {"*", "Internet", "0.0.0.0/0", "::/0"}


EXISTING_NETWORK = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/hub/providers/"
    "Microsoft.Network/virtualNetworks/hub"
)
# The permission list of cloud-provider-azure 1.36, without its comments.
DOCUMENTED_ACTIONS = """
    Microsoft.Network/loadBalancers/delete
    Microsoft.Network/loadBalancers/read
    Microsoft.Network/loadBalancers/write
    Microsoft.Network/loadBalancers/backendAddressPools/read
    Microsoft.Network/loadBalancers/backendAddressPools/write
    Microsoft.Network/loadBalancers/backendAddressPools/delete
    Microsoft.Network/publicIPAddresses/delete
    Microsoft.Network/publicIPAddresses/read
    Microsoft.Network/publicIPAddresses/write
    Microsoft.Network/publicIPAddresses/join/action
    Microsoft.Network/networkSecurityGroups/read
    Microsoft.Network/networkSecurityGroups/write
    Microsoft.Compute/disks/delete
    Microsoft.Compute/disks/read
    Microsoft.Compute/disks/write
    Microsoft.Compute/locations/DiskOperations/read
    Microsoft.Storage/storageAccounts/delete
    Microsoft.Storage/storageAccounts/listKeys/action
    Microsoft.Storage/storageAccounts/read
    Microsoft.Storage/storageAccounts/write
    Microsoft.Storage/operations/read
    Microsoft.Network/routeTables/read
    Microsoft.Network/routeTables/routes/delete
    Microsoft.Network/routeTables/routes/read
    Microsoft.Network/routeTables/routes/write
    Microsoft.Network/routeTables/write
    Microsoft.Compute/virtualMachines/read
    Microsoft.Compute/virtualMachines/write
    Microsoft.Compute/virtualMachineScaleSets/read
    Microsoft.Compute/virtualMachineScaleSets/virtualMachines/read
    Microsoft.Compute/virtualMachineScaleSets/virtualmachines/instanceView/read
    Microsoft.Network/networkInterfaces/write
    Microsoft.Compute/virtualMachineScaleSets/write
    Microsoft.Compute/virtualMachineScaleSets/virtualmachines/write
    Microsoft.Compute/virtualMachineScaleSets/manualupgrade/action
    Microsoft.Network/networkInterfaces/read
    microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/read
    Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces/ipconfigurations/publicipaddresses/read
    Microsoft.Network/virtualNetworks/read
    Microsoft.Network/virtualNetworks/subnets/read
    Microsoft.Compute/snapshots/delete
    Microsoft.Compute/snapshots/read
    Microsoft.Compute/snapshots/write
    Microsoft.Compute/locations/vmSizes/read
    Microsoft.Compute/locations/operations/read
    Microsoft.Network/privatelinkservices/delete
    Microsoft.Network/privatelinkservices/privateEndpointConnections/delete
    Microsoft.Network/privatelinkservices/read
    Microsoft.Network/privatelinkservices/write
    Microsoft.Network/virtualNetworks/subnets/write
"""


def store_objects(resources: Graph) -> list[Node]:
    return [node for node in resources.of_type(":Command") if node.name.startswith("azure-store-")]


def controller_role(resources: Graph) -> Node:
    """Return the role of the controllers on control planes."""
    (role,) = (node for node in resources.of_type(":RoleDefinition") if node.name.endswith("-controllers"))
    return role


def role_actions(role: Node) -> set[str]:
    return set(cast(list[str], nested_value(role.inputs, "permissions", 0, "actions")))


def with_existing_network(cluster: Json) -> None:
    subnets = {
        "members": {"id": f"{EXISTING_NETWORK}/subnets/members", "range": "10.30.0.0/24"},
        "pools": {"id": f"{EXISTING_NETWORK}/subnets/pools", "range": "10.30.64.0/18"},
    }
    section(cluster, "azure")["network"] = {
        "range": "10.30.0.0/16",
        "id": EXISTING_NETWORK,
        "subnets": subnets,
    }


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

    def test_objects_are_written_with_tokens(self, resources: Graph) -> None:
        """Many subscriptions forbid shared keys, and the plugin writes blobs only with the shared key."""
        (account,) = resources.of_type(":StorageAccount")
        assert account.inputs["allowSharedKeyAccess"] is False
        assert resources.of_type(":Blob") == []
        objects = store_objects(resources)
        assert len(objects) >= 10
        for node in objects:
            assert node.text("create").startswith("exec python3 -m providers.azure.objects put https://kw")
            assert node.text("delete") == node.text("create").replace(" put ", " delete ")
            assert node.deleted_with == account.urn
            assert "azure-store-versions" in resources.dependencies(node)

    def test_objects_are_secret_inputs_and_their_texts_are_in_the_gate(self, resources: Graph) -> None:
        for node in store_objects(resources):
            assert node.is_secret("stdin"), node.name
        (text, *_) = [
            node.text("stdin") for node in store_objects(resources) if node.name.endswith("/etcd.sh")
        ]
        assert "commit\n" in text
        assert PRIVATE_PREFIX not in text

    def test_nothing_private_is_in_a_plain_input(self, resources: Graph) -> None:
        for node in resources.nodes.values():
            assert [text for text in node.plain_texts() if PRIVATE_PREFIX in text] == [], node.name

    def test_objects_are_in_the_container_of_their_identity(self, resources: Graph) -> None:
        for node in store_objects(resources):
            url, key = node.text("create").split()[-2:]
            kind, unit = key.rsplit("/", 2)[:2]
            expected = f"pool-{unit}" if kind == "pools" else kind.split("/")[1]
            assert url.rsplit("/", 1)[1] == expected
            assert node.name == f"azure-store-{key}"


class TestIdentities:
    def test_each_identity_has_its_own_containers(self, resources: Graph) -> None:
        for node in resources.of_type(":RoleAssignment"):
            role = str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1]
            if role not in (BLOB_READER, BLOB_CONTRIBUTOR) or node.name.endswith("-reads-joins"):
                continue
            own = str(node.inputs["principalId"]).removeprefix("azure-identity-").removesuffix("-principal")
            ending = "" if role == BLOB_READER else "-status"
            assert node.inputs["scope"] == f"azure-store-{own}{ending}-id"

    def test_only_control_planes_have_more_permissions(self, resources: Graph) -> None:
        controller_principals = {
            str(node.inputs["principalId"])
            for node in resources.of_type(":RoleAssignment")
            if "azure-identity" in node.name
            and not node.name.endswith("-joins")
            and str(node.inputs["roleDefinitionId"]).rsplit("/", 1)[-1] not in (BLOB_READER, BLOB_CONTRIBUTOR)
        }
        assert controller_principals == {"azure-identity-control-plane-principal"}

    def test_no_action_is_a_wildcard_or_reads_keys_of_the_store(self, resources: Graph) -> None:
        for action in role_actions(controller_role(resources)):
            assert "*" not in action
            assert "Microsoft.Storage" not in action
            assert "Microsoft.Authorization" not in action

    def test_deleted_services_lose_their_finalizer(self, resources: Graph) -> None:
        """The controller lists private link services whenever it removes the frontend of a service."""
        actions = role_actions(controller_role(resources))
        assert "Microsoft.Network/privateLinkServices/read" in actions

    def test_roles_have_only_permissions_of_the_chosen_add_ons(self) -> None:
        def without(*addons: str) -> set[str]:
            def edit(cluster: Json) -> None:
                section(cluster, "azure", "addons").update(dict.fromkeys(addons, False))

            return role_actions(controller_role(graph(edit)))

        controller = {*permissions.NETWORK_ACTIONS, *permissions.CLOUD_CONTROLLER_ACTIONS}
        assert without("storage", "autoscaler") == controller
        assert without("autoscaler") == controller | {*permissions.STORAGE_ACTIONS}
        assert without("storage") == controller | {*permissions.AUTOSCALER_ACTIONS}
        assert not {action for action in controller if action.startswith("Microsoft.Compute/disks")}

    def test_every_documented_action_is_granted_or_has_a_reason(self) -> None:
        granted = {action.lower() for action in permissions.controller_actions(CloudAddonSettings())}
        omitted = {action.lower() for action in permissions.OMITTED_ACTIONS}
        documented = {line.strip().lower() for line in DOCUMENTED_ACTIONS.splitlines() if line.strip()}
        assert len(documented) > 40
        assert documented - granted == omitted
        assert all(permissions.OMITTED_ACTIONS.values())

    def test_role_for_an_existing_network_has_only_actions_on_networks(self) -> None:
        resources = graph(with_existing_network)
        roles = {
            str(node.inputs["scope"]): role_actions(node)
            for node in resources.of_type(":RoleDefinition")
            if not node.name.endswith("-joins")
        }
        group = EXISTING_NETWORK.split("/providers/")[0]
        assert roles[group] == {*permissions.NETWORK_ACTIONS}
        assert len(roles) == 2
        assignments = {str(node.inputs["scope"]) for node in resources.of_type(":RoleAssignment")}
        assert EXISTING_NETWORK in assignments

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
