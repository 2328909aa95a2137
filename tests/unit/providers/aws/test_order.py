"""Tests of the order of resources and changes on AWS, and of resources that must not change."""

from __future__ import annotations

import json
from typing import cast

import pytest

from tests.unit.components.graph import Graph, Json
from tests.unit.providers.aws.program import (
    aws_resources,
    changed,
    deploy,
    graph,
    settings_of,
    user_data,
    with_own_etcd,
)
from tests.unit.providers.program import section

MEMBERS = ("cp-1", "cp-2", "cp-3")


class TestMembers:
    @pytest.mark.parametrize(("member", "number"), [("cp-1", 1), ("cp-2", 2), ("cp-3", 3)])
    def test_a_member_has_its_zone_address_and_interface(
        self, example: Graph, member: str, number: int
    ) -> None:
        zone = f"eu-central-1{'abc'[number - 1]}"
        interface = settings_of(example, f"{member}-seat-interface")
        assert interface["privateIps"] == [f"10.20.{32 * number}.10"]
        assert interface["subnetId"] == f"aws-network-private-{number}-id"
        assert settings_of(example, f"{member}-seat-data")["availabilityZone"] == zone
        group = settings_of(example, f"{member}-group")
        assert (group["minSize"], group["maxSize"], group["availabilityZones"]) == (1, 1, [zone])
        assert "desiredCapacity" not in group
        assert "vpcZoneIdentifiers" not in group
        (own,) = settings_of(example, f"{member}-template")["networkInterfaces"]
        assert own == {
            "deviceIndex": 0,
            "deleteOnTermination": "false",
            "networkInterfaceId": f"{member}-seat-interface-id",
        }
        assert f"VOLUME={member}-seat-data-id\n" in user_data(example.node(f"{member}-template"))

    def test_the_old_machine_terminates_before_the_new_one_starts(self, example: Graph) -> None:
        group = settings_of(example, "cp-1-group")
        assert group["instanceMaintenancePolicy"] == {"minHealthyPercentage": 0, "maxHealthyPercentage": 100}
        assert group["ignoreFailedScalingActivities"] is True

    def test_the_load_balancer_targets_addresses_before_members_exist(self, example: Graph) -> None:
        targets = {node.inputs["targetId"] for node in example.of_type(":TargetGroupAttachment")}
        assert targets == {"10.20.32.10", "10.20.64.10", "10.20.96.10"}
        check = settings_of(example, "aws-endpoint-targets")["healthCheck"]
        assert (check["protocol"], check["path"], check["port"]) == ("HTTPS", "/readyz", "6443")
        assert {f"aws-endpoint-target-{m}" for m in MEMBERS} <= example.dependencies(
            example.node("cp-1-group")
        )

    def test_a_machine_boots_after_everything_that_it_needs(self, example: Graph) -> None:
        before = example.dependencies(example.node("cp-2-group"))
        roles = ("etcd", "control-plane", "node")
        wanted = {f"members-control-plane-cp-2-{role}.{end}" for role in roles for end in ("sh", "payload")}
        wanted |= {"aws-identity-control-plane-machine", "aws-network-private-2-association"}
        assert wanted <= before

    def test_new_members_start_side_by_side(self, example: Graph) -> None:
        before = example.dependencies(example.node("cp-3-group"))
        others = {name for name in before if name.startswith(("cp-1", "cp-2"))}
        assert others <= {"cp-1", "cp-2"}
        assert example.node("cp-3-roll").inputs["create"] == ":"

    def test_changed_members_are_replaced_one_after_another(self, example: Graph) -> None:
        assert "cp-1-roll" in example.dependencies(example.node("cp-2-roll"))
        assert "cp-2-roll" in example.dependencies(example.node("cp-3-roll"))
        for member in MEMBERS:
            for role in ("etcd", "control-plane", "node"):
                assert f"{member}-roll" in example.dependencies(example.node(f"{member}-{role}"))

    def test_a_rollout_waits_for_every_role_with_the_new_digest(self, example: Graph) -> None:
        words = str(example.node("cp-1-roll").inputs["update"]).split()
        prefix = "status/members/control-plane/cp-1"
        assert words[-5:] == [
            "roll",
            "aws-example-cp-1",
            *(f"{prefix}/{r}" for r in ("etcd", "control-plane", "node")),
        ]
        digest = words[words.index("--digest") + 1]
        assert f"DIGEST={digest}\n" in user_data(example.node("cp-1-template"))
        assert words[words.index("--version") + 1] == "7"

    def test_a_rollout_checks_the_other_members_of_its_kind(self, example: Graph) -> None:
        def other_members(found: Graph, name: str) -> dict[str, str]:
            words = found.node(name).text("update").split()
            named = [words[number + 1] for number, word in enumerate(words) if word == "--beside"]
            return dict(one.split("=", 1) for one in named)

        found = other_members(example, "cp-1-roll")
        assert set(found) == {"aws-example-cp-2", "aws-example-cp-3"}
        prefix = "status/members/control-plane/cp-2"
        roles = ("etcd", "control-plane", "node")
        assert found["aws-example-cp-2"] == ",".join(f"{prefix}/{role}" for role in roles)
        apart = graph(with_own_etcd)
        assert set(other_members(apart, "e-2-roll")) == {"aws-example-e-1", "aws-example-e-3"}
        assert set(other_members(apart, "cp-2-roll")) == {"aws-example-cp-1", "aws-example-cp-3"}

    def test_a_deleted_member_leaves_the_cluster_first(self, example: Graph) -> None:
        words = str(example.node("cp-1-roll").inputs["delete"]).split()
        assert words[-4:] == [
            "leave",
            "aws-example-cp-1",
            "members/control-plane/cp-1/leave",
            "status/members/control-plane/cp-1/left",
        ]

    def test_snapshots_cover_the_volumes_of_members(self, example: Graph) -> None:
        details = settings_of(example, "aws-snapshots")["policyDetails"]
        (key, value), *_ = details["targetTags"].items()
        assert all(
            cast(Json, node.inputs["tags"])[key] == value for node in example.of_type("ebs/volume:Volume")
        )

    def test_separate_etcd_members_have_their_own_kind(self) -> None:
        def change(cluster: Json) -> None:
            cluster["etcd"] = {"hosts": ["e-1", "e-2", "e-3"], "machine": {"type": "m5.large"}}

        found = graph(change)
        assert settings_of(found, "e-2-seat-interface")["securityGroups"] == ["aws-firewall-etcd-id"]
        assert settings_of(found, "e-2-template")["instanceType"] == "m5.large"
        assert "KIND=members/etcd\n" in user_data(found.node("e-2-template"))
        # The control planes wait for the gates of etcd and change after the etcd members.
        assert {"e-1-etcd", "e-2-etcd", "e-3-etcd"} <= found.dependencies(found.node("cp-1-control-plane"))
        assert "e-3-roll" in found.dependencies(found.node("cp-1-roll"))


class TestPools:
    def test_workers_start_after_the_control_plane_and_join_permissions(self, example: Graph) -> None:
        before = example.dependencies(example.node("pool-general-group"))
        assert {"cp-1-control-plane", "cp-2-control-plane", "cp-3-control-plane"} <= before
        assert {name for name in before if name.startswith("cluster-bootstrap-")}
        assert {"pools-general-node.sh", "pools-general-node.payload"} <= before

    def test_no_pool_waits_for_another(self, example: Graph) -> None:
        assert not {n for n in example.dependencies(example.node("pool-batch-nodes")) if "general" in n}

    def test_a_pool_spans_all_zones_with_the_requested_types(self, example: Graph) -> None:
        group = settings_of(example, "pool-batch-group")
        assert group["vpcZoneIdentifiers"] == [f"aws-network-private-{n}-id" for n in (1, 2, 3)]
        policy = group["mixedInstancesPolicy"]
        kinds = [one["instanceType"] for one in policy["launchTemplate"]["overrides"]]
        assert kinds == ["m6i.xlarge", "m5.xlarge", "m5a.xlarge"]
        assert policy["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 0
        assert group["capacityRebalance"] is True
        regular = settings_of(example, "pool-general-group")["mixedInstancesPolicy"]
        assert regular["instancesDistribution"]["onDemandPercentageAboveBaseCapacity"] == 100

    def test_a_refresh_has_a_version_and_continues_when_nodes_are_healthy(self, example: Graph) -> None:
        group = settings_of(example, "pool-general-group")
        specification = group["mixedInstancesPolicy"]["launchTemplate"]["launchTemplateSpecification"]
        # With "$Latest" no refresh would ever start.
        assert specification["version"] == "7"
        preferences = group["instanceRefresh"]["preferences"]
        assert preferences["minHealthyPercentage"] == 90
        assert preferences["skipMatching"] is True
        hooks = {
            node.inputs["name"]: (node.inputs["lifecycleTransition"], node.inputs["defaultResult"])
            for node in example.of_type(":LifecycleHook")
            if node.name.startswith("pool-general")
        }
        assert hooks == {
            "leaving": ("autoscaling:EC2_INSTANCE_TERMINATING", "CONTINUE"),
            "joining": ("autoscaling:EC2_INSTANCE_LAUNCHING", "ABANDON"),
        }

    def test_a_terminating_node_has_time_for_its_drain(self) -> None:
        def change(cluster: Json) -> None:
            cluster["drain_timeout"] = "20m"

        found = graph(change)
        assert settings_of(found, "pool-general-leaving")["heartbeatTimeout"] == 20 * 60 + 120
        # Resources that wait for a member also wait for its drain.
        for key, seconds in (("update", "3300"), ("delete", "1800")):
            words = str(found.node("cp-1-roll").inputs[key]).split()
            assert words[words.index("--seconds") + 1] == seconds

    def test_the_hook_of_a_deleted_pool_drains_its_nodes(self, example: Graph) -> None:
        """The engine deletes a resource before its dependencies: the hook must exist until the machines of
        the group are gone.
        """
        assert example.node("pool-general-leaving").retained
        assert not example.node("pool-general-joining").retained
        # A member has already left through the `delete` of its rollout, so its machine does not wait a
        # second time.
        assert not example.node("cp-1-leaving").retained
        assert example.node("pool-general-group").timeouts["delete"] == "47m"

    def test_the_autoscaler_finds_a_group_with_labels_and_taints(self, example: Graph) -> None:
        tags = {
            tag["key"]: tag["value"]
            for tag in cast(list[dict[str, str]], settings_of(example, "pool-batch-group")["tags"])
        }
        assert tags["k8s.io/cluster-autoscaler/enabled"] == "true"
        assert tags["k8s.io/cluster-autoscaler/aws-example"] == "owned"
        assert tags["k8s.io/cluster-autoscaler/node-template/label/tier"] == "batch"
        assert tags["k8s.io/cluster-autoscaler/node-template/taint/batch"] == "spot:NoSchedule"

    def test_without_the_autoscaler_a_pool_has_its_minimum_size(self) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "aws", "addons")["autoscaler"] = False

        group = settings_of(graph(change), "pool-general-group")
        assert (group["minSize"], group["maxSize"]) == (3, 3)


class TestChanges:
    def test_a_setting_of_one_pool_changes_no_other_pool(self, example: Graph) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "pools", "batch")["kubelet"] = {"max_pods": 60}

        after = graph(change)
        different = {
            node.name
            for node in after.nodes.values()
            if node.name in {other.name for other in example.nodes.values()}
            and node.inputs != example.node(node.name).inputs
        }
        assert "pools-batch-node.sh" in different
        assert different <= {
            "pools-batch-node.sh",
            "pools-batch-node.payload",
            "pool-batch-template",
            "pool-batch-nodes",
        }

    def test_one_changed_setting_is_one_line_of_an_object(self, example: Graph) -> None:
        def change(cluster: Json) -> None:
            section(cluster, "pools", "batch")["kubelet"] = {"max_pods": 60}

        old = example.node("pools-batch-node.sh").text("content").splitlines()
        new = graph(change).node("pools-batch-node.sh").text("content").splitlines()
        assert len(set(new) - set(old)) == 1

    def test_a_preview_with_unknown_values_succeeds(self) -> None:
        found = deploy(changed(), preview=True)
        assert len(aws_resources(found)) == len(aws_resources(graph()))
        assert json.dumps(found.outputs)
