"""Tests of texts that AWS accepts: every name and description of the program, and the rules themselves."""

from __future__ import annotations

import pytest

from providers.aws.texts import TEXT_RULES, refused_texts, tag_problem
from tests.unit.components.graph import Graph
from tests.unit.providers.aws.program import aws_resources
from topology.ports import PORT_TABLE

GROUP = "aws:ec2/securityGroup:SecurityGroup"


def test_aws_accepts_every_name_description_and_tag(resources: Graph) -> None:
    nodes = aws_resources(resources)
    assert TEXT_RULES.keys() <= {node.type for node in nodes} | {"aws:iam/policy:Policy"}
    assert [
        (node.name, *refused) for node in nodes for refused in refused_texts(node.type, node.inputs)
    ] == []


def test_every_purpose_in_the_port_table_can_describe_a_rule() -> None:
    for row in PORT_TABLE:
        assert not list(refused_texts(GROUP, {"ingress": [{"description": row.purpose}]})), row.purpose


@pytest.mark.parametrize(
    ("resource_type", "inputs", "path"),
    [
        (GROUP, {"description": "the cluster's machines"}, "description"),
        (GROUP, {"ingress": [{"description": "a"}, {"description": "a > b"}]}, "ingress[].description"),
        (GROUP, {"name": "n" * 256}, "name"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", {"description": "é"}, "description"),
        ("aws:lb/loadBalancer:LoadBalancer", {"name": "internal-api"}, "name"),
        ("aws:lb/loadBalancer:LoadBalancer", {"name": "n" * 33}, "name"),
        ("aws:lb/targetGroup:TargetGroup", {"name": "api-"}, "name"),
        ("aws:iam/role:Role", {"description": "a role → b"}, "description"),
        ("aws:dlm/lifecyclePolicy:LifecyclePolicy", {"description": "the member's volumes"}, "description"),
        (
            "aws:dlm/lifecyclePolicy:LifecyclePolicy",
            {"policyDetails": {"schedules": [{"name": "every 24 h (daily)"}]}},
            "policyDetails.schedules[].name",
        ),
        ("aws:ec2/launchTemplate:LaunchTemplate", {"name": "a b c"}, "name"),
        ("aws:autoscaling/lifecycleHook:LifecycleHook", {"name": "a hook"}, "name"),
        ("aws:s3/bucket:Bucket", {"tags": {"owner": "it's me"}}, "tags.owner"),
    ],
)
def test_texts_that_aws_refuses_are_found(resource_type: str, inputs: dict[str, object], path: str) -> None:
    ((found, reason),) = refused_texts(resource_type, inputs)
    assert found == path
    assert "AWS refuses" in reason


def test_tags_have_the_characters_of_every_service() -> None:
    assert tag_problem("kubernetes.io/cluster/prod", "owned") == ""
    assert "'a*'" in tag_problem("a*", "b")
    assert "256" in tag_problem("a", "b" * 257)
