"""Tests of the permissions of machines and pods on AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from providers.aws import addon_permissions, balancer_permissions, permissions
from providers.aws.policies import Statement
from providers.cloud.machine_config import CONTROL_PLANES
from tests.unit.components.graph import Graph
from tests.unit.providers.aws.program import graph, launch_templates, with_dedicated_etcd
from tests.unit.providers.program import ROOT


def all_statements() -> list[Statement]:
    return [
        *permissions.machine_statements("pools/general", volume=True),
        *permissions.machine_statements(CONTROL_PLANES, volume=True),
        *permissions.image_statements(()),
        *permissions.LIFECYCLE_MANAGER,
        *addon_permissions.CLOUD_CONTROLLER,
        *addon_permissions.STORAGE,
        *addon_permissions.AUTOSCALER,
        *addon_permissions.FILE_STORAGE,
        *addon_permissions.FILE_CLIENT,
        *balancer_permissions.LOAD_BALANCERS,
    ]


def policy_statements(resources: Graph) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and statements of all policies of roles."""
    nodes = [*resources.of_type(":RolePolicy"), *resources.of_type("iam/policy:Policy")]
    return [
        (node.name, statement) for node in nodes for statement in json.loads(node.text("policy"))["Statement"]
    ]


class TestPermissions:
    def test_no_action_is_a_pattern(self, resources: Graph) -> None:
        assert len(policy_statements(resources)) > 20
        assert [
            s for _, s in policy_statements(resources) if any("*" in action for action in s["Action"])
        ] == []

    def test_every_wildcard_resource_has_a_documented_reason(self, resources: Graph) -> None:
        reasons = {statement.name for statement in all_statements() if statement.wildcard_reason}
        wildcard_statements = {s["Sid"] for _, s in policy_statements(resources) if "*" in s["Resource"]}
        assert wildcard_statements <= reasons
        services = (
            "acm:",
            "autoscaling:Describe",
            "ec2:Describe",
            "ec2:Get",
            "elasticloadbalancing:Describe",
        )
        for _, statement in policy_statements(resources):
            if "*" in statement["Resource"] and statement["Sid"] != "Sessions":
                assert all(action.startswith(services) for action in statement["Action"])

    def test_other_resources_are_limited_to_account_or_cluster(self, resources: Graph) -> None:
        for name, statement in policy_statements(resources):
            for resource in set(statement["Resource"]) - {"*"}:
                own = "123456789012" in resource or resource.startswith(
                    ("arn:aws:s3:::kubewright-aws-example-", "arn:aws:ec2:eu-central-1::snapshot/")
                )
                assert own, f"{name} {resource}"

    def test_a_kind_and_a_pool_read_their_own_prefix_and_no_other(self) -> None:
        resources = graph(with_dedicated_etcd)
        readable_resources: dict[str, set[str]] = {}
        for name, statement in policy_statements(resources):
            if "s3:GetObject" in statement["Action"]:
                readable_resources.setdefault(name, set()).update(statement["Resource"])
        store = "arn:aws:s3:::kubewright-aws-example-123456789012-eu-central-1"
        assert readable_resources == {
            "aws-identity-control-plane-machine": {f"{store}/members/control-plane/*", f"{store}/joins/*"},
            "aws-identity-etcd-machine": {f"{store}/members/etcd/*"},
            "aws-identity-pool-general-machine": {f"{store}/pools/general/*"},
            "aws-identity-pool-batch-machine": {f"{store}/pools/batch/*"},
        }

    def test_nodes_of_a_pool_have_a_role_limited_to_their_group(self, resources: Graph) -> None:
        for pool in ("general", "batch"):
            template = resources.node(f"pool-{pool}-template")
            profile = resources.node(f"aws-identity-pool-{pool}-profile")
            arn = cast(dict[str, str], template.inputs["iamInstanceProfile"])["arn"]
            assert arn.endswith(f":{profile.name}")
            assert profile.inputs["role"] == f"aws-example-pool-{pool}-eu-central-1"
            own = [
                s for name, s in policy_statements(resources) if name == f"aws-identity-pool-{pool}-machine"
            ]
            (leave_statement,) = (statement for statement in own if statement["Sid"] == "Leave")
            names = [group.rpartition("/")[2] for group in leave_statement["Resource"]]
            assert names == [f"aws-example-pool-{pool}", f"aws-example-pool-{pool}-zone-*"]
            (status_statement,) = (statement for statement in own if statement["Sid"] == "Status")
            assert [resource.partition("/status/")[2] for resource in status_statement["Resource"]] == [
                f"pools/{pool}/*"
            ]

    def test_a_machine_of_a_pool_writes_no_token_but_its_own(self, resources: Graph) -> None:
        """Test that the key of the object is the ARN of the machine."""
        writers = {
            name: statement["Resource"]
            for name, statement in policy_statements(graph(with_dedicated_etcd))
            if "s3:PutObject" in statement["Action"] and statement["Sid"] != "Status"
        }
        own = "arn:aws:s3:::kubewright-aws-example-123456789012-eu-central-1/joins/${ec2:SourceInstanceARN}"
        assert writers == {f"aws-identity-pool-{pool}-machine": [own] for pool in ("general", "batch")}
        for pool in ("general", "batch"):
            role = resources.node(f"aws-identity-pool-{pool}-role")
            (trusted,) = json.loads(role.text("assumeRolePolicy"))["Statement"]
            # A session with a chosen name, which only `sts:AssumeRole` can create, has no ARN of a machine.
            assert trusted["Principal"] == {"Service": "ec2.amazonaws.com"}

    def test_workers_have_permissions_only_for_themselves(self, resources: Graph) -> None:
        actions = {
            action
            for name, statement in policy_statements(resources)
            if name.startswith("aws-identity-pool-")
            for action in statement["Action"]
        }
        assert actions == {
            "s3:GetObject",
            "s3:PutObject",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:RecordLifecycleActionHeartbeat",
            "autoscaling:SetInstanceHealth",
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        }

    def test_members_may_do_only_what_their_boot_program_calls(self, resources: Graph) -> None:
        actions = {
            action
            for name, statement in policy_statements(resources)
            if name == "aws-identity-control-plane-machine"
            for action in statement["Action"]
            if action.startswith("ec2:")
        }
        assert actions == {"ec2:AttachVolume", "ec2:DescribeInstances"}

    def test_the_metadata_service_requires_a_token_from_one_hop(self, resources: Graph) -> None:
        assert len(launch_templates(resources)) >= 5
        for node in launch_templates(resources):
            options = cast(dict[str, Any], node.inputs["metadataOptions"])
            assert options["httpTokens"] == "required", node.name
            assert options["httpPutResponseHopLimit"] == 1, node.name
            assert options["instanceMetadataTags"] == "disabled", node.name

    def test_add_ons_that_call_aws_run_on_the_host_network_of_control_planes(self, resources: Graph) -> None:
        for node in resources.nodes.values():
            if not node.name.startswith("aws-addons-"):
                continue
            values = cast(dict[str, Any], node.value("values"))
            pod_values = values.get("controller", values)
            assert pod_values["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}, node.name
            on_host = (
                values.get("hostNetwork") or values.get("hostNetworking") or node.inputs.get("postrender")
            )
            assert on_host, node.name
        assert len([n for n in resources.nodes.values() if n.name.startswith("aws-addons-")]) >= 3


def test_reasons_are_documented() -> None:
    """The documentation lists every statement on any resource with its reason."""
    text = Path(ROOT / "docs/aws.md").read_text()
    for statement in all_statements():
        if statement.wildcard_reason:
            assert f"`{statement.name}`" in text
            assert statement.wildcard_reason in text
