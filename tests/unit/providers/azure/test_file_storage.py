"""Tests of volumes in Azure Files: the storage account, the permissions, and the driver in the cluster."""

from __future__ import annotations

import re
from typing import Any, cast

import pytest

from assembly import build_topology
from nodeconfig.firewall import ruleset
from providers.azure import permissions
from providers.azure.file_driver import driver_values
from settings import load
from tests.unit.components.graph import Graph, Json, Node, without_secret_marks
from tests.unit.providers.azure.program import example_config, example_settings, graph, nested_value
from tests.unit.providers.program import section
from tests.unit.settings.wrong_file_storage import ACCOUNT
from topology.firewall_rules import file_storage_rules, port_table


def with_files(cluster: Json) -> None:
    section(cluster, "azure")["file_storage"] = {}


def with_private_files_in_production(cluster: Json) -> None:
    with_files(cluster)
    section(cluster, "azure")["private_store"] = True
    cluster["environment"] = "production"


def with_smb(cluster: Json) -> None:
    section(cluster, "azure")["file_storage"] = {
        "protocol": "smb",
        "sku": "Standard_ZRS",
        "class_name": "shared",
        "reclaim_policy": "Retain",
        "expansion": False,
        "mount_options": ["cache=strict", "uid=1000"],
        "version": "1.35.7",
    }


def with_existing_account(cluster: Json) -> None:
    section(cluster, "azure")["file_storage"] = {"account": ACCOUNT, "sku": "Premium_LRS"}


@pytest.fixture(scope="module")
def files() -> Graph:
    return graph(with_files)


@pytest.fixture(scope="module")
def smb() -> Graph:
    return graph(with_smb)


def account(resources: Graph) -> Node:
    return resources.node("azure-files-account")


def resource_names(resources: Graph) -> list[str]:
    return [node.name for node in resources.nodes.values()]


def release(resources: Graph) -> Node:
    (node,) = (
        node for node in resources.of_type("helm.sh/v3:Release") if "azurefile" in str(node.inputs["name"])
    )
    return node


def file_role(resources: Graph) -> Node:
    return resources.node("azure-identity-files")


def actions(role: Node) -> set[str]:
    return set(cast(list[str], nested_value(role.inputs, "permissions", 0, "actions")))


class TestAccount:
    def test_cluster_without_the_section_has_nothing_of_it(self) -> None:
        assert not [name for name in resource_names(graph()) if "files" in name or "file-" in name]

    def test_an_account_for_nfs_has_premium_storage_and_no_keys(self, files: Graph) -> None:
        inputs = account(files).inputs
        assert inputs["kind"] == "FileStorage"
        assert inputs["sku"] == {"name": "Premium_ZRS"}
        assert inputs["enableHttpsTrafficOnly"] is False, "Azure refuses NFS in accounts that require it"
        assert inputs["allowSharedKeyAccess"] is False
        assert re.fullmatch(r"kwfiles[0-9a-f]{17}", account(files).text("accountName"))
        assert account(files).text("accountName") != files.node("azure-store-account").text("accountName")

    def test_an_account_for_smb_requires_encryption(self, smb: Graph) -> None:
        inputs = account(smb).inputs
        assert (inputs["kind"], inputs["sku"]) == ("StorageV2", {"name": "Standard_ZRS"})
        assert inputs["enableHttpsTrafficOnly"] is True
        assert inputs["allowSharedKeyAccess"] is True, "SMB authenticates nodes with a key"

    @pytest.mark.parametrize("edit", [with_files, with_smb], ids=["nfs", "smb"])
    def test_only_the_subnets_of_the_cluster_reach_the_account(self, edit: Any) -> None:  # noqa: ANN401
        inputs = account(graph(edit)).inputs
        rules = cast(dict[str, Any], inputs["networkRuleSet"])
        assert (rules["defaultAction"], rules["bypass"]) == ("Deny", "None")
        assert {rule["virtualNetworkResourceId"] for rule in rules["virtualNetworkRules"]} == {
            "azure-network-members-id",
            "azure-network-pools-id",
        }
        assert not rules.get("ipRules")
        assert inputs["allowBlobPublicAccess"] is False
        assert nested_value(inputs, "encryption", "requireInfrastructureEncryption") is True

    def test_a_private_account_has_its_own_address_and_name(self) -> None:
        resources = graph(with_private_files_in_production)
        assert account(resources).inputs["publicNetworkAccess"] == "Disabled"
        endpoint = resources.node("azure-files-endpoint")
        (configuration,) = cast(list[dict[str, str]], endpoint.inputs["ipConfigurations"])
        assert (configuration["groupId"], configuration["memberName"]) == ("file", "file")
        store = resources.node("azure-store-endpoint")
        (other,) = cast(list[dict[str, str]], store.inputs["ipConfigurations"])
        assert (other["groupId"], other["name"]) == ("blob", "store")
        assert configuration["privateIPAddress"] != other["privateIPAddress"]
        zones = {node.inputs["privateZoneName"] for node in resources.of_type(":PrivateZone")}
        assert {"privatelink.file.core.windows.net", "privatelink.blob.core.windows.net"} <= zones
        for node in (release(resources), resources.node("azure-file-driver-class")):
            assert resources.node("azure-files-endpoint-names").urn in node.depends_on

    def test_the_account_is_protected_only_in_production(self, files: Graph) -> None:
        assert account(graph(with_private_files_in_production)).protect is True
        assert not account(files).protect

    def test_an_existing_account_is_left_as_it_is(self) -> None:
        resources = graph(with_existing_account)
        assert "azure-files-account" not in resource_names(resources)
        parameters = cast(dict[str, str], resources.node("azure-file-driver-class").inputs["parameters"])
        assert (parameters["resourceGroup"], parameters["storageAccount"]) == ("shared", "sharedfiles")
        assert file_role(resources).inputs["scope"] == ACCOUNT.split("/providers/")[0]
        assert resources.node("azure-identity-control-plane-files").inputs["scope"] == ACCOUNT


class TestPorts:
    @pytest.mark.parametrize(("edit", "port"), [(with_files, 2049), (with_smb, 445)], ids=["nfs", "smb"])
    def test_the_port_is_in_the_port_table_and_closed_to_pods(
        self,
        edit: Any,  # noqa: ANN401
        port: int,
    ) -> None:
        _, _, topology = example_settings(edit)
        (rule,) = file_storage_rules(topology)
        assert (rule.first, rule.last) == (port, port)
        assert f"file storage   tcp {port}" in port_table(topology).splitlines()[-1]
        (member,) = (machine for machine in topology.machines if machine.name == "cp-1")
        assert f"tcp dport {port} drop" in ruleset(topology, member.roles)
        without = build_topology(load(example_config()))
        assert f"dport {port} " not in ruleset(without, member.roles)

    def test_no_security_group_changes(self, files: Graph) -> None:
        """Machines connect to the account. They accept no connections for it."""
        rules = {node.name: dict(node.inputs) for node in files.of_type(":SecurityRule")}
        assert rules == {node.name: dict(node.inputs) for node in graph().of_type(":SecurityRule")}


class TestPermissions:
    def test_controllers_create_shares_only_in_their_account(self, files: Graph) -> None:
        assert actions(file_role(files)) == {*permissions.FILE_ACTIONS}
        assignment = files.node("azure-identity-control-plane-files").inputs
        assert assignment["scope"] == "azure-files-account-id"
        assert assignment["principalId"] == "azure-identity-control-plane-principal"
        assert "azure-identity-pool-general-files" not in resource_names(files)

    def test_the_gate_of_an_existing_cluster_waits_for_the_added_role(self, files: Graph) -> None:
        gate = "azure-identity-roles-replicated"
        assert files.node(gate).inputs["environment"] != graph().node(gate).inputs.get("environment")
        assert file_role(files).urn in files.node(gate).depends_on
        assert files.node(gate).urn in files.node("azure-identity-control-plane-files").depends_on

    def test_only_smb_reads_the_key_of_the_account(self, files: Graph, smb: Graph) -> None:
        assert actions(file_role(smb)) - actions(file_role(files)) == {*permissions.FILE_KEY_ACTIONS}

    def test_other_roles_do_not_change(self, files: Graph) -> None:
        def roles(resources: Graph) -> dict[str, set[str]]:
            return {node.name: actions(node) for node in resources.of_type(":RoleDefinition")}

        with_role = roles(files)
        assert with_role.pop("azure-identity-files")
        assert with_role == roles(graph())


class TestDriver:
    def test_release_is_the_official_chart_on_control_planes(self, files: Graph) -> None:
        inputs = release(files).inputs
        assert (inputs["chart"], inputs["version"]) == ("azurefile-csi-driver", "1.35.10")
        assert inputs["namespace"] == "kube-system"
        assert inputs["atomic"] is True
        values = cast(dict[str, Any], without_secret_marks(inputs["values"]))
        assert values["controller"]["replicas"] == 2
        assert values["controller"]["hostNetwork"] is True
        assert values["controller"]["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}
        assert values["controller"]["cloudConfigSecretName"] == "azure-cloud-provider"
        assert files.node("azure-addons-configuration").urn in release(files).depends_on

    def test_driver_installs_nothing_on_hosts(self) -> None:
        node = cast(dict[str, Any], driver_values(1)["node"])
        assert node["azurefileProxy"] == {"enabled": False, "installAznfsMount": False}
        assert node["enableManagedIdentityAuth"] is False

    def test_a_controller_on_the_host_network_frees_its_ports_first(self) -> None:
        assert cast(dict[str, Any], driver_values(1)["controller"])["strategyType"] == "Recreate"

    def test_class_of_nfs_names_account_and_subnet(self, files: Graph) -> None:
        inputs = files.node("azure-file-driver-class").inputs
        assert inputs["provisioner"] == "file.csi.azure.com"
        assert inputs["parameters"] == {
            "protocol": "nfs",
            "skuName": "Premium_ZRS",
            "resourceGroup": "kubewright-azure-example",
            "storageAccount": account(files).text("accountName"),
            "subnetName": "pools",
        }
        assert inputs["allowVolumeExpansion"] is True
        assert (inputs["reclaimPolicy"], inputs["volumeBindingMode"]) == ("Delete", "Immediate")
        assert account(files).urn in files.node("azure-file-driver-class").depends_on

    def test_key_of_smb_is_not_in_the_namespace_of_the_claim(self, smb: Graph) -> None:
        inputs = smb.node("azure-file-driver-class").inputs
        parameters = cast(dict[str, str], inputs["parameters"])
        assert (parameters["protocol"], parameters["skuName"]) == ("smb", "Standard_ZRS")
        assert parameters["secretNamespace"] == "kube-system"
        assert "subnetName" not in parameters
        assert cast(dict[str, str], inputs["metadata"])["name"] == "shared"
        assert inputs["mountOptions"] == ["cache=strict", "uid=1000"]
        assert (inputs["reclaimPolicy"], inputs["allowVolumeExpansion"]) == ("Retain", False)
        assert release(smb).inputs["version"] == "1.35.7"
