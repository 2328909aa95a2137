"""Tests that judge requests by the policies that the program creates, as IAM evaluates them.

A request of the cluster is allowed, and the same request for a resource of another cluster is denied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import pytest

from tests.unit.components.graph import Graph
from tests.unit.providers.aws.program import graph, with_all_features
from tests.unit.providers.aws.test_permissions import policy_statements

Context = Mapping[str, str]
Statements = Sequence[Mapping[str, Any]]

EC2 = "arn:aws:ec2:eu-central-1:123456789012"
ELB = "arn:aws:elasticloadbalancing:eu-central-1:123456789012"
GROUP = "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:1:autoScalingGroupName"
STORE = "arn:aws:s3:::kubewright-aws-example-123456789012-eu-central-1"
KEY = "arn:aws:mock:eu-central-1:123456789012:aws-store-key"
TAG = "aws:ResourceTag/"
OWN = {f"{TAG}kubewright:cluster": "aws-example"}
OWNED = {f"{TAG}kubernetes.io/cluster/aws-example": "owned"}
VIA_S3 = {"kms:ViaService": "s3.eu-central-1.amazonaws.com"}
S3_OBJECT = "kms:EncryptionContext:aws:s3:arn"

MACHINE = {"ec2:SourceInstanceARN": f"{EC2}:instance/i-1"}
"""The context of a request of a machine."""

REQUESTS: list[tuple[str, str, str, Context, Context]] = [
    # policy, action, resource, context of the cluster, the part of it that differs for another cluster
    (
        "pool-general-machine",
        "autoscaling:CompleteLifecycleAction",
        f"{GROUP}/aws-example-pool-general",
        OWN,
        {f"{TAG}kubewright:cluster": "other"},
    ),
    (
        "control-plane-machine",
        "autoscaling:CompleteLifecycleAction",
        f"{GROUP}/aws-example-cp-1",
        OWN,
        {f"{TAG}kubewright:cluster": "other"},
    ),
    (
        "etcd-machine",
        "ec2:AttachVolume",
        f"{EC2}:volume/vol-1",
        {**OWN, f"{TAG}kubewright:kind": "members/etcd"},
        {f"{TAG}kubewright:cluster": "other"},
    ),
    (
        "etcd-machine",
        "ec2:AttachVolume",
        f"{EC2}:volume/vol-1",
        {**OWN, f"{TAG}kubewright:kind": "members/etcd"},
        {f"{TAG}kubewright:kind": "members/control-plane"},
    ),
    (
        "pool-general-machine",
        "kms:Decrypt",
        KEY,
        {**VIA_S3, S3_OBJECT: f"{STORE}/pools/general/node.payload"},
        {S3_OBJECT: f"{STORE}/members/control-plane/cp-1/control-plane.payload"},
    ),
    (
        "pool-general-machine",
        "kms:Decrypt",
        KEY,
        {**VIA_S3, S3_OBJECT: f"{STORE}/pools/general/node.payload"},
        {"kms:ViaService": "dynamodb.eu-central-1.amazonaws.com"},
    ),
    (
        "pool-general-machine",
        "s3:PutObject",
        f"{STORE}/joins/{EC2}:instance/i-1",
        MACHINE,
        {"ec2:SourceInstanceARN": f"{EC2}:instance/i-2"},
    ),
    (
        "pool-general-machine",
        "kms:GenerateDataKey",
        KEY,
        {**VIA_S3, S3_OBJECT: f"{STORE}/joins/{EC2}:instance/i-1"},
        {S3_OBJECT: f"{STORE}/members/control-plane/cp-1/control-plane.payload"},
    ),
    (
        "control-plane-machine",
        "kms:Decrypt",
        KEY,
        {**VIA_S3, S3_OBJECT: f"{STORE}/joins/{EC2}:instance/i-1"},
        {S3_OBJECT: f"{STORE}/pools/general/node.payload"},
    ),
    (
        "etcd-machine",
        "kms:GenerateDataKey",
        KEY,
        {**VIA_S3, S3_OBJECT: f"{STORE}/status/members/etcd/e-1/etcd"},
        {S3_OBJECT: f"{STORE}/members/etcd/e-1/etcd.payload"},
    ),
    (
        "snapshots-policy",
        "ec2:CreateSnapshot",
        f"{EC2}:volume/vol-1",
        OWN,
        {f"{TAG}kubewright:cluster": "other"},
    ),
    (
        "snapshots-policy",
        "ec2:DeleteSnapshot",
        "arn:aws:ec2:eu-central-1::snapshot/snap-1",
        OWN,
        {f"{TAG}kubewright:cluster": "other"},
    ),
    *(
        (
            "control-plane-cloud-controller",
            f"ec2:{action}",
            f"{EC2}:security-group/sg-1",
            OWNED,
            {f"{TAG}kubernetes.io/cluster/aws-example": "shared"},
        )
        for action in ("AuthorizeSecurityGroupIngress", "DeleteSecurityGroup", "RevokeSecurityGroupIngress")
    ),
    *(
        (
            "control-plane-cloud-controller",
            f"elasticloadbalancing:{action}",
            f"{ELB}:loadbalancer/net/a/1",
            OWNED,
            {f"{TAG}kubernetes.io/cluster/aws-example": "shared"},
        )
        for action in ("DeleteLoadBalancer", "DeregisterTargets", "SetSecurityGroups")
    ),
    *(
        (
            "control-plane-storage",
            f"ec2:{action}",
            f"{EC2}:volume/vol-1",
            {f"{TAG}ebs.csi.aws.com/cluster": "true"},
            {f"{TAG}ebs.csi.aws.com/cluster": "false"},
        )
        for action in ("DeleteVolume", "DetachVolume", "ModifyVolume")
    ),
    (
        "control-plane-storage",
        "ec2:DeleteSnapshot",
        "arn:aws:ec2:eu-central-1::snapshot/snap-1",
        {f"{TAG}ebs.csi.aws.com/cluster": "true"},
        {f"{TAG}ebs.csi.aws.com/cluster": "false"},
    ),
    (
        "control-plane-storage",
        "ec2:DetachVolume",
        f"{EC2}:instance/i-1",
        OWN,
        {f"{TAG}kubewright:cluster": "other"},
    ),
    (
        "control-plane-autoscaler",
        "autoscaling:TerminateInstanceInAutoScalingGroup",
        f"{GROUP}/aws-example-pool-general",
        {f"{TAG}k8s.io/cluster-autoscaler/aws-example": "owned"},
        {f"{TAG}k8s.io/cluster-autoscaler/aws-example": "shared"},
    ),
    (
        "control-plane-load-balancers",
        "elasticloadbalancing:DeleteLoadBalancer",
        f"{ELB}:loadbalancer/app/a/1",
        {f"{TAG}elbv2.k8s.aws/cluster": "aws-example"},
        {f"{TAG}elbv2.k8s.aws/cluster": "other"},
    ),
    (
        "control-plane-load-balancers",
        "elasticloadbalancing:SetRulePriorities",
        f"{ELB}:listener-rule/app/a/1/2/3",
        {f"{TAG}elbv2.k8s.aws/cluster": "aws-example"},
        {f"{TAG}elbv2.k8s.aws/cluster": "other"},
    ),
    (
        "control-plane-cloud-controller",
        "elasticloadbalancing:AddTags",
        f"{ELB}:loadbalancer/net/a/1",
        {"elasticloadbalancing:CreateAction": "CreateLoadBalancer"},
        # A load balancer that exists already.
        {"elasticloadbalancing:CreateAction": ""},
    ),
    (
        "control-plane-cloud-controller",
        "elasticloadbalancing:AddTags",
        f"{ELB}:loadbalancer/net/a/1",
        OWNED,
        {f"{TAG}kubernetes.io/cluster/aws-example": "shared"},
    ),
    (
        "control-plane-storage",
        "ec2:CopyVolumes",
        f"{EC2}:volume/vol-1",
        {f"{TAG}ebs.csi.aws.com/cluster": "true"},
        {f"{TAG}ebs.csi.aws.com/cluster": "false"},
    ),
    (
        "pool-general-machine",
        "autoscaling:SetInstanceHealth",
        f"{GROUP}/aws-example-pool-general-zone-2",
        OWN,
        {f"{TAG}kubewright:cluster": "other"},
    ),
    (
        "control-plane-load-balancers",
        "ec2:DeleteSecurityGroup",
        f"{EC2}:security-group/sg-1",
        {f"{TAG}elbv2.k8s.aws/cluster": "aws-example"},
        {f"{TAG}elbv2.k8s.aws/cluster": "other"},
    ),
]

UNCONDITIONAL = {
    # Objects of the own prefix, and the own network flows.
    *("Bundles", "Status", "Token", "WriteFlows"),
    # Resources that do not exist yet have no tag.
    *("MakeGroups", "NewGroups", "MakeBalancers", "FromSnapshots", "MakeSnapshots"),
    # The agent of Session Manager registers its own instance.
    "SessionAgent",
}
"""Statements on listed resources that need no condition. Statements on any resource allow only reading."""


@pytest.fixture(scope="module")
def resources() -> Graph:
    return graph(with_all_features)


def statements(resources: Graph, policy: str) -> Statements:
    found = [item for name, item in policy_statements(resources) if name == f"aws-identity-{policy}"]
    assert found, f"no policy {policy}"
    return found


def is_allowed(policy: Statements, action: str, resource: str, context: Context) -> bool:
    """Evaluate a request as IAM does for policies that only allow: one statement must match it."""
    return any(
        action in item["Action"]
        and any(fnmatchcase(resource, _without_variable(pattern, context)) for pattern in item["Resource"])
        and all(
            _holds(operator, context.get(key), values)
            for operator, keys in item.get("Condition", {}).items()
            for key, values in keys.items()
        )
        for item in policy
    )


def _without_variable(pattern: str, context: Context) -> str:
    for key, value in context.items():
        pattern = pattern.replace(f"${{{key}}}", value)
    return pattern


def _holds(operator: str, value: str | None, expected: Sequence[str]) -> bool:
    if value is None:
        return False
    if operator == "StringEquals":
        return value in expected
    assert operator == "StringLike", operator
    return any(fnmatchcase(value, pattern) for pattern in expected)


@pytest.mark.parametrize(("policy", "action", "resource", "own", "difference"), REQUESTS)
def test_a_request_is_allowed_only_for_resources_of_the_cluster(
    resources: Graph, policy: str, action: str, resource: str, own: Context, difference: Context
) -> None:
    own_statements = statements(resources, policy)
    assert is_allowed(own_statements, action, resource, own)
    assert not is_allowed(own_statements, action, resource, {**own, **difference})
    for key in difference:
        without = {name: value for name, value in own.items() if name != key}
        assert not is_allowed(own_statements, action, resource, without), f"allowed without {key}"


def test_only_listed_statements_have_no_condition(resources: Graph) -> None:
    unconditional = {
        item["Sid"]
        for _, item in policy_statements(resources)
        if "Condition" not in item and "*" not in item["Resource"]
    }
    assert unconditional == UNCONDITIONAL
