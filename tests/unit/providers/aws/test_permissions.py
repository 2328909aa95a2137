"""Tests of the permissions of machines and pods on AWS."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from providers.aws import addon_permissions, permissions
from providers.aws.policies import Statement
from tests.unit.components.graph import Graph
from tests.unit.providers.aws.program import graph, templates, with_own_etcd
from tests.unit.providers.program import ROOT


def known_statements() -> list[Statement]:
    return [
        *permissions.machine("pools/general", volume=True),
        *permissions.SNAPSHOT_MAKER,
        *addon_permissions.CLOUD_CONTROLLER,
        *addon_permissions.STORAGE,
        *addon_permissions.AUTOSCALER,
        *addon_permissions.LOAD_BALANCERS,
    ]


def policies(found: Graph) -> list[tuple[str, dict[str, Any]]]:
    """Return the names and statements of all policies of roles."""
    nodes = [*found.of_type(":RolePolicy"), *found.of_type("iam/policy:Policy")]
    return [(node.name, one) for node in nodes for one in json.loads(node.text("policy"))["Statement"]]


class TestRights:
    def test_no_action_is_a_pattern(self, recorded: Graph) -> None:
        assert len(policies(recorded)) > 20
        assert [s for _, s in policies(recorded) if any("*" in action for action in s["Action"])] == []

    def test_every_wildcard_resource_has_a_documented_reason(self, recorded: Graph) -> None:
        reasons = {statement.name for statement in known_statements() if statement.because}
        found = {s["Sid"] for _, s in policies(recorded) if "*" in s["Resource"]}
        assert found <= reasons
        services = (
            "acm:",
            "autoscaling:Describe",
            "ec2:Describe",
            "ec2:Get",
            "elasticloadbalancing:Describe",
        )
        for _, statement in policies(recorded):
            if "*" in statement["Resource"] and statement["Sid"] != "Sessions":
                assert all(action.startswith(services) for action in statement["Action"])

    def test_other_resources_are_limited_to_account_or_cluster(self, recorded: Graph) -> None:
        for name, statement in policies(recorded):
            for resource in set(statement["Resource"]) - {"*"}:
                own = "123456789012" in resource or resource.startswith(
                    ("arn:aws:s3:::kubewright-aws-example-", "arn:aws:ec2:eu-central-1::snapshot/")
                )
                assert own, f"{name} {resource}"

    def test_a_kind_and_a_pool_read_their_own_prefix_and_no_other(self) -> None:
        found = graph(with_own_etcd)
        reading = {
            name: set(statement["Resource"])
            for name, statement in policies(found)
            if "s3:GetObject" in statement["Action"]
        }
        store = "arn:aws:s3:::kubewright-aws-example-123456789012-eu-central-1"
        assert reading == {
            "aws-identity-control-plane-machine": {f"{store}/members/control-plane/*"},
            "aws-identity-etcd-machine": {f"{store}/members/etcd/*"},
            "aws-identity-pool-general-machine": {f"{store}/pools/general/*"},
            "aws-identity-pool-batch-machine": {f"{store}/pools/batch/*"},
        }

    def test_nodes_of_a_pool_have_a_role_limited_to_their_group(self, recorded: Graph) -> None:
        for pool in ("general", "batch"):
            template = recorded.node(f"pool-{pool}-template")
            profile = recorded.node(f"aws-identity-pool-{pool}-profile")
            arn = cast(dict[str, str], template.inputs["iamInstanceProfile"])["arn"]
            assert arn.endswith(f":{profile.name}")
            assert profile.inputs["role"] == f"aws-example-pool-{pool}-eu-central-1"
            own = [s for name, s in policies(recorded) if name == f"aws-identity-pool-{pool}-machine"]
            (ending,) = (statement for statement in own if statement["Sid"] == "Leave")
            (group,) = ending["Resource"]
            assert group.endswith(f":autoScalingGroupName/aws-example-pool-{pool}")
            (writing,) = (statement for statement in own if statement["Sid"] == "Status")
            assert [one.partition("/status/")[2] for one in writing["Resource"]] == [f"pools/{pool}/*"]

    def test_workers_have_permissions_only_for_themselves(self, recorded: Graph) -> None:
        allowed = {
            action
            for name, statement in policies(recorded)
            if name.startswith("aws-identity-pool-")
            for action in statement["Action"]
        }
        assert allowed == {
            "s3:GetObject",
            "s3:PutObject",
            "kms:Decrypt",
            "kms:GenerateDataKey",
            "autoscaling:CompleteLifecycleAction",
            "autoscaling:RecordLifecycleActionHeartbeat",
            "ssm:UpdateInstanceInformation",
            "ssmmessages:CreateControlChannel",
            "ssmmessages:CreateDataChannel",
            "ssmmessages:OpenControlChannel",
            "ssmmessages:OpenDataChannel",
        }

    def test_the_metadata_service_requires_a_token_from_one_hop(self, recorded: Graph) -> None:
        assert len(templates(recorded)) >= 5
        for node in templates(recorded):
            options = cast(dict[str, Any], node.inputs["metadataOptions"])
            assert options["httpTokens"] == "required", node.name
            assert options["httpPutResponseHopLimit"] == 1, node.name
            assert options["instanceMetadataTags"] == "disabled", node.name

    def test_add_ons_that_call_aws_run_on_the_host_network_of_control_planes(self, recorded: Graph) -> None:
        for node in recorded.nodes.values():
            if not node.name.startswith("aws-addons-"):
                continue
            values = cast(dict[str, Any], node.value("values"))
            where = values.get("controller", values)
            assert where["nodeSelector"] == {"node-role.kubernetes.io/control-plane": ""}, node.name
            on_host = (
                values.get("hostNetwork") or values.get("hostNetworking") or node.inputs.get("postrender")
            )
            assert on_host, node.name
        assert len([n for n in recorded.nodes.values() if n.name.startswith("aws-addons-")]) >= 3


def test_reasons_are_documented() -> None:
    """The documentation lists every statement on any resource with its reason."""
    text = Path(ROOT / "docs/aws.md").read_text()
    for statement in known_statements():
        if statement.because:
            assert f"`{statement.name}`" in text
            assert statement.because in text
