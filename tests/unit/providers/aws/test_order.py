"""Tests of the order of resources and changes on AWS."""

from __future__ import annotations

from typing import cast

import pytest

from providers.aws.machine import hook_timeout
from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import (
    graph,
    inputs_of,
    user_data,
    with_dedicated_etcd,
)
from tests.unit.providers.program import section

MEMBERS = ("cp-1", "cp-2", "cp-3")


class TestMembers:
    @pytest.mark.parametrize(("member", "number"), [("cp-1", 1), ("cp-2", 2), ("cp-3", 3)])
    def test_a_member_has_its_zone_address_and_interface(
        self, example_resources: Graph, member: str, number: int
    ) -> None:
        zone = f"eu-central-1{'abc'[number - 1]}"
        interface = inputs_of(example_resources, f"{member}-seat-interface")
        assert interface["privateIps"] == [f"10.20.{32 * number}.10"]
        assert interface["subnetId"] == f"aws-network-private-{number}-id"
        assert inputs_of(example_resources, f"{member}-seat-data")["availabilityZone"] == zone
        group = inputs_of(example_resources, f"{member}-group")
        assert (group["minSize"], group["maxSize"], group["availabilityZones"]) == (1, 1, [zone])
        assert "desiredCapacity" not in group
        assert "vpcZoneIdentifiers" not in group
        (network_interface,) = inputs_of(example_resources, f"{member}-template")["networkInterfaces"]
        assert network_interface == {
            "deviceIndex": 0,
            "deleteOnTermination": "false",
            "networkInterfaceId": f"{member}-seat-interface-id",
        }
        assert f"VOLUME={member}-seat-data-id\n" in user_data(example_resources.node(f"{member}-template"))

    def test_the_old_machine_terminates_before_the_new_one_starts(self, example_resources: Graph) -> None:
        group = inputs_of(example_resources, "cp-1-group")
        assert group["instanceMaintenancePolicy"] == {"minHealthyPercentage": 0, "maxHealthyPercentage": 100}
        assert group["ignoreFailedScalingActivities"] is True

    def test_the_load_balancer_targets_addresses_before_members_exist(self, example_resources: Graph) -> None:
        targets = {node.inputs["targetId"] for node in example_resources.of_type(":TargetGroupAttachment")}
        assert targets == {"10.20.32.10", "10.20.64.10", "10.20.96.10"}
        check = inputs_of(example_resources, "aws-endpoint-targets")["healthCheck"]
        assert (check["protocol"], check["path"], check["port"]) == ("HTTPS", "/readyz", "6443")
        assert {f"aws-endpoint-target-{m}" for m in MEMBERS} <= example_resources.dependencies(
            example_resources.node("cp-1-group")
        )

    def test_a_machine_boots_after_everything_that_it_needs(self, example_resources: Graph) -> None:
        before = example_resources.dependencies(example_resources.node("cp-2-group"))
        roles = ("etcd", "control-plane", "node")
        expected = {
            f"members-control-plane-cp-2-{role}.{extension}"
            for role in roles
            for extension in ("sh", "payload")
        }
        expected |= {"aws-identity-control-plane-machine", "aws-network-private-2-association"}
        assert expected <= before

    def test_new_members_start_side_by_side(self, example_resources: Graph) -> None:
        before = example_resources.dependencies(example_resources.node("cp-3-group"))
        others = {name for name in before if name.startswith(("cp-1", "cp-2"))}
        assert others <= {"cp-1", "cp-2"}
        assert example_resources.node("cp-3-roll").inputs["create"] == ":"

    def test_changed_members_are_replaced_one_after_another(self, example_resources: Graph) -> None:
        assert "cp-1-roll" in example_resources.dependencies(example_resources.node("cp-2-roll"))
        assert "cp-2-roll" in example_resources.dependencies(example_resources.node("cp-3-roll"))
        for member in MEMBERS:
            for role in ("etcd", "control-plane", "node"):
                assert f"{member}-roll" in example_resources.dependencies(
                    example_resources.node(f"{member}-{role}")
                )

    def test_a_rollout_waits_for_every_role_with_the_new_digest(self, example_resources: Graph) -> None:
        words = str(example_resources.node("cp-1-roll").inputs["update"]).split()
        prefix = "status/members/control-plane/cp-1"
        assert words[-5:] == [
            "roll",
            "aws-example-cp-1",
            *(f"{prefix}/{r}" for r in ("etcd", "control-plane", "node")),
        ]
        digest = words[words.index("--digest") + 1]
        assert f"DIGEST={digest}\n" in user_data(example_resources.node("cp-1-template"))
        assert words[words.index("--version") + 1] == "7"

    def test_a_rollout_checks_the_other_members_of_its_kind(self, example_resources: Graph) -> None:
        def other_members(resources: Graph, name: str) -> dict[str, str]:
            words = resources.node(name).text("update").split()
            arguments = [words[number + 1] for number, word in enumerate(words) if word == "--beside"]
            return dict(argument.split("=", 1) for argument in arguments)

        cp_1_checks = other_members(example_resources, "cp-1-roll")
        assert set(cp_1_checks) == {"aws-example-cp-2", "aws-example-cp-3"}
        prefix = "status/members/control-plane/cp-2"
        roles = ("etcd", "control-plane", "node")
        assert cp_1_checks["aws-example-cp-2"] == ",".join(f"{prefix}/{role}" for role in roles)
        dedicated = graph(with_dedicated_etcd)
        assert set(other_members(dedicated, "e-2-roll")) == {"aws-example-e-1", "aws-example-e-3"}
        assert set(other_members(dedicated, "cp-2-roll")) == {"aws-example-cp-1", "aws-example-cp-3"}

    def test_a_deleted_member_leaves_the_cluster_first(self, example_resources: Graph) -> None:
        words = str(example_resources.node("cp-1-roll").inputs["delete"]).split()
        assert words[-4:] == [
            "leave",
            "aws-example-cp-1",
            "members/control-plane/cp-1/leave",
            "status/members/control-plane/cp-1/left",
        ]

    def test_snapshots_cover_the_volumes_of_members(self, example_resources: Graph) -> None:
        details = inputs_of(example_resources, "aws-snapshots")["policyDetails"]
        (key, value), *_ = details["targetTags"].items()
        assert all(
            cast(Json, node.inputs["tags"])[key] == value
            for node in example_resources.of_type("ebs/volume:Volume")
        )

    def test_separate_etcd_members_have_their_own_kind(self) -> None:
        def edit(cluster: Json) -> None:
            cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "m5.large"}}

        resources = graph(edit)
        assert inputs_of(resources, "e-2-seat-interface")["securityGroups"] == ["aws-firewall-etcd-id"]
        assert inputs_of(resources, "e-2-template")["instanceType"] == "m5.large"
        assert "KIND=members/etcd\n" in user_data(resources.node("e-2-template"))
        # The control planes wait for the gates of etcd and change after the etcd members.
        assert {"e-1-etcd", "e-2-etcd", "e-3-etcd"} <= resources.dependencies(
            resources.node("cp-1-control-plane")
        )
        assert "e-3-roll" in resources.dependencies(resources.node("cp-1-roll"))


class TestPools:
    def test_workers_start_after_the_control_plane_and_join_permissions(
        self, example_resources: Graph
    ) -> None:
        before = example_resources.dependencies(example_resources.node("pool-general-group"))
        assert {"cp-1-control-plane", "cp-2-control-plane", "cp-3-control-plane"} <= before
        assert {name for name in before if name.startswith("cluster-bootstrap-")}
        assert {"pools-general-node.sh", "pools-general-node.payload"} <= before
        # The group changes only when its machines can fetch the new config.
        assert "pool-general-config" in before

    def test_no_pool_waits_for_another(self, example_resources: Graph) -> None:
        assert not {
            n
            for n in example_resources.dependencies(example_resources.node("pool-batch-nodes"))
            if "general" in n
        }

    def test_a_pool_has_a_group_in_each_zone(self, example_resources: Graph) -> None:
        """The autoscaler assumes that all nodes of a group are alike, also their zone."""
        groups = ["pool-batch-group", "pool-batch-zone-2-group", "pool-batch-zone-3-group"]
        for number, (name, size) in enumerate(zip(groups, (7, 7, 6), strict=True), start=1):
            group = inputs_of(example_resources, name)
            assert group["vpcZoneIdentifiers"] == [f"aws-network-private-{number}-id"]
            assert (group["minSize"], group["maxSize"]) == (0, size)
            tags = {tag["key"]: tag["value"] for tag in group["tags"]}
            label = "k8s.io/cluster-autoscaler/node-template/label/topology.ebs.csi.aws.com/zone"
            assert tags[label] == f"eu-central-1{'abc'[number - 1]}"
        words = str(example_resources.node("pool-batch-nodes").inputs["create"]).split()
        names = ["aws-example-pool-batch", "aws-example-pool-batch-zone-2", "aws-example-pool-batch-zone-3"]
        assert words[-3:] == names
        zones = " ".join(f"eu-central-1{zone}={name}" for zone, name in zip("abc", names, strict=True))
        assert f"GROUP='{zones}'\n" in user_data(example_resources.node("pool-batch-template"))

    def test_a_small_pool_has_no_empty_groups(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "batch").update({"size": {"min": 0, "max": 2}, "max_unavailable": 1})

        names = {node.name for node in graph(edit).nodes.values()}
        assert {"pool-batch-group", "pool-batch-zone-2-group"} <= names
        assert "pool-batch-zone-3-group" not in names

    def test_the_time_limit_of_a_pool_grows_with_its_size(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "pools", "general")["size"] = {"min": 3, "max": 200}
            section(cluster, "aws", "quotas")["vcpus"] = 2000

        assert graph(edit).node("pool-general-nodes").timeouts["create"] == "3060m"
        assert graph().node("cp-1-node").timeouts["create"] == "60m"

    def test_a_pool_has_the_requested_types(self, example_resources: Graph) -> None:
        group = inputs_of(example_resources, "pool-batch-group")
        policy = group["mixedInstancesPolicy"]
        kinds = [override["instanceType"] for override in policy["launchTemplate"]["overrides"]]
        assert kinds == ["m6i.xlarge", "m5.xlarge", "m5a.xlarge"]
        assert policy["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 0
        assert group["capacityRebalance"] is True
        regular = inputs_of(example_resources, "pool-general-group")["mixedInstancesPolicy"]
        assert regular["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 100

    def test_a_refresh_has_a_version_and_continues_when_nodes_are_healthy(
        self, example_resources: Graph
    ) -> None:
        group = inputs_of(example_resources, "pool-general-group")
        specification = group["mixedInstancesPolicy"]["launchTemplate"]["launchTemplateSpecification"]
        # With "$Latest" no refresh would ever start.
        assert specification["version"] == "7"
        preferences = group["instanceRefresh"]["preferences"]
        # At most 4 machines in the first zone, of which 1 may be missing.
        assert preferences["minHealthyPercentage"] == 75
        assert preferences["skipMatching"] is True
        hooks = {
            node.inputs["name"]: (node.inputs["lifecycleTransition"], node.inputs["defaultResult"])
            for node in example_resources.of_type(":LifecycleHook")
            if node.name in ("pool-general-leaving", "pool-general-joining")
        }
        assert hooks == {
            "leaving": ("autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"),
            "joining": ("autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"),
        }

    def test_a_dead_machine_is_replaced_before_its_drain_would_end(self) -> None:
        """A machine renews its wait while it drains (`cloud_renew` in boot.sh)."""

        def edit(cluster: Json) -> None:
            cluster["drain_timeout"] = "20m"

        resources = graph(edit)
        assert inputs_of(resources, "pool-general-leaving")["heartbeatTimeout"] == 90
        assert inputs_of(resources, "cp-1-leaving")["heartbeatTimeout"] == 90
        # AWS waits for at most 100 timeouts.
        assert hook_timeout(4 * 3600) * 100 >= 4 * 3600 + 120
        # Resources that wait for a member also wait for its drain.
        for key, seconds in (("update", "3300"), ("delete", "1800")):
            words = str(resources.node("cp-1-roll").inputs[key]).split()
            assert words[words.index("--seconds") + 1] == seconds

    def test_the_hook_of_a_deleted_pool_drains_its_nodes(self, example_resources: Graph) -> None:
        """The engine deletes a resource before its dependencies: the hook must exist until the machines of
        the group are gone.
        """
        assert example_resources.node("pool-general-leaving").retained
        assert not example_resources.node("pool-general-joining").retained
        # A member has already left through the `delete` of its rollout, so its machine does not wait a
        # second time.
        assert not example_resources.node("cp-1-leaving").retained
        assert example_resources.node("pool-general-group").timeouts["delete"] == "47m"

    def test_the_autoscaler_finds_a_group_with_labels_and_taints(self, example_resources: Graph) -> None:
        tags = {
            tag["key"]: tag["value"]
            for tag in cast(list[dict[str, str]], inputs_of(example_resources, "pool-batch-group")["tags"])
        }
        assert tags["k8s.io/cluster-autoscaler/enabled"] == "true"
        assert tags["k8s.io/cluster-autoscaler/aws-example"] == "owned"
        assert tags["k8s.io/cluster-autoscaler/node-template/label/tier"] == "batch"
        assert tags["k8s.io/cluster-autoscaler/node-template/taint/batch"] == "spot:NoSchedule"

    def test_without_the_autoscaler_a_pool_has_its_minimum_size(self) -> None:
        def edit(cluster: Json) -> None:
            section(cluster, "aws", "addons")["autoscaler"] = False

        group = inputs_of(graph(edit), "pool-general-group")
        assert (group["minSize"], group["maxSize"]) == (1, 1)
