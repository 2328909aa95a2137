"""Tests of all resources on Azure: the complete program on mocks, for the example stack."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any, cast

import pytest

from providers.azure.limits import MAX_CUSTOM_DATA_BYTES
from providers.azure.names import CLUSTER_TAG
from tests.unit.components.graph import PRIVATE_PREFIX, Graph, Json
from tests.unit.providers.azure.program import azure_resources, custom_data, graph, nested_value
from tests.unit.providers.program import section

BOOTSTRAP_TOKEN = r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b"


def machine_profiles(resources: Graph) -> list[Json]:
    """Return the profiles of all machines: of members, and of the scale sets of pools."""
    single = [cast(Json, node.inputs) for node in resources.of_type("compute:VirtualMachine")]
    sets = resources.of_type(":VirtualMachineScaleSet")
    return [*single, *(cast(Json, node.inputs["virtualMachineProfile"]) for node in sets)]


class TestMachines:
    def test_all_machines_use_trusted_launch(self, resources: Graph) -> None:
        assert len(machine_profiles(resources)) >= 9
        for machine in machine_profiles(resources):
            profile = nested_value(machine, "securityProfile")
            assert profile["securityType"] == "TrustedLaunch"
            assert profile["uefiSettings"] == {"secureBootEnabled": True, "vTpmEnabled": True}

    @pytest.mark.parametrize("accelerated", [True, False])
    def test_machines_have_accelerated_networking_unless_it_is_disabled(self, accelerated: bool) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "azure", "network")["accelerated"] = accelerated

        resources = graph(None if accelerated else edit)
        values = [
            node.inputs["enableAcceleratedNetworking"] for node in resources.of_type(":NetworkInterface")
        ]
        for node in resources.of_type(":VirtualMachineScaleSet"):
            profile = nested_value(node.inputs, "virtualMachineProfile", "networkProfile")
            values.append(
                nested_value(profile, "networkInterfaceConfigurations", 0, "enableAcceleratedNetworking")
            )
        assert len(values) >= 9
        assert set(values) == {accelerated}

    def test_no_machine_allows_passwords(self, resources: Graph) -> None:
        for machine in machine_profiles(resources):
            system = nested_value(machine, "osProfile")
            assert system["linuxConfiguration"]["disablePasswordAuthentication"] is True
            assert "adminPassword" not in system

    def test_custom_data_fits_and_has_no_secret(self, resources: Graph) -> None:
        for machine in machine_profiles(resources):
            program = custom_data(nested_value(machine, "osProfile"))
            assert len(program.encode()) < MAX_CUSTOM_DATA_BYTES
            assert program.startswith("#!/bin/sh\n")
            for word in (PRIVATE_PREFIX, "PRIVATE KEY", "secret "):
                assert word not in program
            assert not re.search(BOOTSTRAP_TOKEN, program)

    def test_a_members_disk_and_interface_outlive_its_machine(self, resources: Graph) -> None:
        for node in resources.of_type("compute:VirtualMachine"):
            (disk,) = nested_value(node.inputs, "storageProfile", "dataDisks")
            assert (disk["createOption"], disk["deleteOption"], disk["lun"]) == ("Attach", "Detach", 0)
            (interface,) = nested_value(node.inputs, "networkProfile", "networkInterfaces")
            assert interface["deleteOption"] == "Detach"
            assert nested_value(node.inputs, "storageProfile", "osDisk", "deleteOption") == "Delete"
        for disk_node in resources.of_type(":Disk"):
            assert disk_node.inputs["networkAccessPolicy"] == "DenyAll"
            assert nested_value(disk_node.inputs, "encryption", "type")
            assert len(cast(list[str], disk_node.inputs["zones"])) == 1

    def test_data_disks_cannot_be_deleted_before_their_protection_is_removed(self, resources: Graph) -> None:
        """A changed zone or size that Azure cannot apply would replace the disk with etcd's data."""
        disks = resources.of_type(":Disk")
        assert len(disks) >= 3
        assert {disk.name: disk.protect for disk in disks} == dict.fromkeys(
            (disk.name for disk in disks), True
        )

    def test_members_are_in_different_zones_with_planned_addresses(self, resources: Graph) -> None:
        zones = [resources.node(f"cp-{n}-machine").inputs["zones"] for n in (1, 2, 3)]
        assert zones == [["1"], ["2"], ["3"]]
        addresses = {
            nested_value(
                resources.node(f"cp-{n}-interface").inputs, "ipConfigurations", 0, "privateIPAddress"
            )
            for n in (1, 2, 3)
        }
        assert len(addresses) == 3

    def test_changed_member_waits_for_the_previous_member(self, resources: Graph) -> None:
        assert "cp-1-roll" in resources.dependencies(resources.node("cp-2-machine"))
        assert "cp-2-roll" in resources.dependencies(resources.node("cp-3-machine"))
        # The command for a new machine does nothing, so that members start in parallel.
        assert resources.node("cp-1-roll").inputs["create"] == ":"

    def test_next_member_waits_for_every_kind_of_replacement(self) -> None:
        def other_image(cluster: Json) -> None:
            section(cluster, "azure", "image")["version"] = "0.20261101.1"

        def larger(cluster: Json) -> None:
            section(cluster, "control_planes", "machine")["type"] = "Standard_D4s_v5"

        before = graph().node("cp-1-roll").text("update")
        assert " roll /subscriptions/" in before
        assert before.split(" roll ")[1].split()[0].endswith("/virtualMachines/cp-1")
        for edit in (other_image, larger):
            after = graph(edit).node("cp-1-roll").text("update")
            # The digest of the machine config is the same.
            assert after != before
            assert after.split(" roll ")[1] == before.split(" roll ")[1]

    def test_machines_wait_for_their_dependencies(self, resources: Graph) -> None:
        before = resources.dependencies(resources.node("cp-1-machine"))
        assert {"azure-network-members", "azure-identity-control-plane-reads", "azure-group"} <= before
        assert "azure-store-members/control-plane/cp-1/control-plane.payload" in before

    def test_gate_shows_the_bundles_of_its_machines(self, resources: Graph) -> None:
        """The engine shows no content of a blob, so a changed setting must be a changed line of the gate."""
        for gate, role in (("cp-1-control-plane", "control-plane"), ("pool-general-nodes", "node")):
            shown = nested_value(resources.node(gate).inputs, "environment", "BECOMES")
            assert f"\nbegin {role}\n" in shown
            assert "PRIVATE KEY" not in shown

    def test_gates_wait_for_the_digest_of_the_machine_config(self, resources: Graph) -> None:
        gate = resources.node("cp-1-control-plane").text("create")
        digest = re.search(
            r"DIGEST=([0-9a-f]{64})", custom_data(resources.node("cp-1-machine").inputs["osProfile"])
        )
        assert digest is not None
        assert f"gate {digest[1]} status/members/control-plane/cp-1/control-plane" in gate


class TestPools:
    def test_number_of_resources_does_not_depend_on_the_pool_size(self) -> None:
        def large(cluster: Json) -> None:
            section(cluster, "pools", "general")["size"] = {"min": 3000, "max": 3000}
            section(cluster, "network")["node_prefix"] = 28
            section(cluster, "kubelet")["max_pods"] = 12
            section(cluster, "azure", "quotas").update({"vcpus": 100_000})

        def with_kubelet(cluster: Json) -> None:
            cluster["kubelet"] = {}
            large(cluster)

        resources = graph(with_kubelet)
        assert resources.names == graph().names
        capacities = [
            nested_value(node.inputs, "sku", "capacity")
            for node in resources.of_type(":VirtualMachineScaleSet")
            if "general" in node.name
        ]
        assert capacities == [1000, 1000, 1000]

    def test_scale_sets_have_repairs_upgrades_and_termination_notices(self, resources: Graph) -> None:
        for node in resources.of_type(":VirtualMachineScaleSet"):
            assert nested_value(node.inputs, "automaticRepairsPolicy", "enabled") is True
            assert nested_value(node.inputs, "upgradePolicy", "mode") == "Rolling"
            rolling = nested_value(node.inputs, "upgradePolicy", "rollingUpgradePolicy")
            assert rolling["maxSurge"] is True
            # A set with one unhealthy node can still change, and a change that creates unhealthy nodes
            # stops.
            assert rolling["maxUnhealthyInstancePercent"] == 100
            assert rolling["maxUnhealthyUpgradedInstancePercent"] < 100
            profile = nested_value(node.inputs, "virtualMachineProfile")
            assert (
                nested_value(profile, "scheduledEventsProfile", "terminateNotificationProfile", "enable")
                is True
            )
            (health,) = nested_value(profile, "extensionProfile", "extensions")
            assert (health["type"], health["typeHandlerVersion"]) == ("ApplicationHealthLinux", "2.0")
            assert f"HEALTH={health['settings']['port']:.0f}\n" in custom_data(
                nested_value(profile, "osProfile")
            )
            assert len(cast(list[str], node.inputs["zones"])) == 1

    def test_size_limits_are_tags_for_the_autoscaler(self, resources: Graph) -> None:
        tags = [cast(Json, node.inputs["tags"]) for node in resources.of_type(":VirtualMachineScaleSet")]
        general = sorted((str(tag["min"]), str(tag["max"])) for tag in tags if tag["min"] != "0")
        assert general == [("1", "3"), ("1", "3"), ("1", "4")]

    def test_reclaimed_spot_machines_come_back_without_the_autoscaler(self) -> None:
        def fixed(cluster: Json) -> None:
            section(cluster, "azure", "addons")["autoscaler"] = False
            section(cluster, "pools", "batch")["size"] = {"min": 6, "max": 6}

        def restored(resources: Graph) -> set[str]:
            sets = resources.of_type(":VirtualMachineScaleSet")
            return {node.name for node in sets if node.inputs.get("spotRestorePolicy")}

        assert restored(graph(fixed)) == {f"pool-batch-{number}" for number in (1, 2, 3)}
        # The autoscaler replaces them itself.
        assert restored(graph()) == set()

    def test_reclaimed_spot_machines_are_deleted(self, resources: Graph) -> None:
        for node in resources.of_type(":VirtualMachineScaleSet"):
            profile = nested_value(node.inputs, "virtualMachineProfile")
            spot = "batch" in node.name
            assert profile["priority"] == ("Spot" if spot else "Regular")
            assert profile.get("evictionPolicy") == ("Delete" if spot else None)


class TestAll:
    def test_resources_used_by_the_cloud_controller_are_deleted_with_the_group(
        self, resources: Graph
    ) -> None:
        group = resources.node("azure-group").urn
        network_resources = [
            resources.node(f"azure-network-{name}") for name in ("network", "members", "pools", "nat")
        ]
        assert {node.deleted_with for node in network_resources} == {group}
        # These resources are not part of the group or prevent its deletion, so each is deleted separately.
        for kind in (":RoleDefinition", ":RoleAssignment", ":BackupInstance", "compute:VirtualMachine"):
            assert {node.deleted_with for node in resources.of_type(kind)} == {""}

    def test_every_taggable_resource_has_its_tags(self, resources: Graph) -> None:
        for node in azure_resources(resources):
            module, name = node.type.split(":")[1:]
            package = importlib.import_module(f"pulumi_azure_native.{module}")
            parameters = inspect.signature(getattr(package, name)._internal_init).parameters
            if "tags" in parameters:
                assert "tags" in node.inputs, node.name
                tags = cast(Json, node.inputs["tags"])
                # Names of tags of DNS zones cannot contain a colon.
                cluster_tag = CLUSTER_TAG.replace(":", "-") if module == "privatedns" else CLUSTER_TAG
                assert tags[cluster_tag] == "azure-example", node.name
                assert tags["owner"] == "platform", node.name

    def test_every_resource_is_in_the_group_and_after_it(self, resources: Graph) -> None:
        group = resources.node("azure-group")
        for node in azure_resources(resources):
            if node is not group:
                assert group.urn in node.depends_on, node.name
                group_name = node.inputs.get("resourceGroupName", "kubewright-azure-example")
                own_group = ":dataprotection:" in node.type or node.name == "azure-snapshots-group"
                assert group_name == f"kubewright-azure-example{'-backup' if own_group else ''}", node.name

    def test_every_resource_is_in_the_subscription_of_the_settings(self, resources: Graph) -> None:
        (provider,) = resources.of_type("providers:azure-native")
        assert provider.inputs["subscriptionId"] == "00000000-0000-0000-0000-000000000000"
        for node in azure_resources(resources):
            assert node.provider.startswith(provider.urn), node.name

    def test_example_has_a_limited_number_of_resources(self) -> None:
        assert len(azure_resources(graph())) <= 120

    def test_add_ons_run_on_control_planes(self, resources: Graph) -> None:
        releases = {node.name: node for node in resources.of_type(":Release")}
        controller = cast(Any, releases["azure-addons-cloud-provider-azure"].inputs["values"])
        assert controller["cloudControllerManager"]["configureCloudRoutes"] == "false"
        for name in ("azuredisk-csi-driver", "cluster-autoscaler"):
            values = cast(Any, releases[f"azure-addons-{name}"].inputs["values"])
            pod_values = values.get("controller", values)
            assert pod_values["hostNetwork"] is True
            assert "node-role.kubernetes.io/control-plane" in pod_values["nodeSelector"]

    def test_there_is_one_default_storage_class(self, resources: Graph) -> None:
        (storage,) = resources.of_type(":StorageClass")
        assert storage.inputs["provisioner"] == "disk.csi.azure.com"
        assert storage.inputs["volumeBindingMode"] == "WaitForFirstConsumer"
        annotations = nested_value(storage.inputs, "metadata", "annotations")
        assert annotations == {"storageclass.kubernetes.io/is-default-class": "true"}

    def test_every_data_disk_is_backed_up(self, resources: Graph) -> None:
        disks_with_backup = {
            nested_value(node.inputs, "properties", "dataSourceInfo", "resourceID")
            for node in resources.of_type(":BackupInstance")
        }
        assert disks_with_backup == {f"{node.name}-id" for node in resources.of_type(":Disk")}
        # At this point the role assignments of the vault have had minutes to become effective.
        for node in resources.of_type(":BackupInstance"):
            assert any(
                name.startswith("cp-") and name.endswith("-roll") for name in resources.dependencies(node)
            )
