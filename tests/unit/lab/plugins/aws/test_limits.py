"""Tests of the checks of parameters: the table of limits, and the constraints of the service models."""

from __future__ import annotations

import base64
import json
from typing import Any

import boto3
import pytest
from botocore.model import ServiceModel

from lab.plugins.aws import limits, shapes
from lab.plugins.aws.limit_table import LIMITS

Parameters = dict[str, Any]
SERVICES = ("autoscaling", "dlm", "ec2", "elbv2", "iam", "kms", "logs", "route53", "s3", "ssm")


def ingress(description: str, *, group: bool = False) -> Parameters:
    """Return an ingress rule with a description."""
    source = {"UserIdGroupPairs": [{"GroupId": "sg-1", "Description": description}]}
    ranges = {"IpRanges": [{"CidrIp": "10.0.0.0/8", "Description": description}]}
    return {
        "IpPermissions": [{"IpProtocol": "tcp", "FromPort": 1, "ToPort": 2, **(source if group else ranges)}]
    }


def port(key: str, value: int) -> Parameters:
    return {"IpPermissions": [{"IpProtocol": "tcp", key: value}]}


def user_data(size: int) -> Parameters:
    return {"LaunchTemplateData": {"UserData": base64.b64encode(b"x" * size).decode()}}


def policy(size: int) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "x" * size})


def rules(count: int) -> Parameters:
    return {"IpPermissions": [{"IpRanges": [{"CidrIp": "10.0.0.0/8"}] * count}]}


def interval(hours: int) -> Parameters:
    return {"PolicyDetails": {"Schedules": [{"CreateRule": {"Interval": hours}}]}}


def overrides(count: int) -> Parameters:
    return {"MixedInstancesPolicy": {"LaunchTemplate": {"Overrides": [{}] * count}}}


EXAMPLES: list[tuple[str, str, Parameters, Parameters]] = [
    ("ec2", "CreateSecurityGroup", {"GroupName": "sg-x"}, {"GroupName": "x-workers"}),
    ("ec2", "CreateSecurityGroup", {"Description": "Müller"}, {"Description": "Machines: workers"}),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        ingress("webhooks of a cloud's controllers"),
        ingress("Kubernetes API, balanced"),
    ),
    (
        "ec2",
        "AuthorizeSecurityGroupIngress",
        ingress('"quoted"', group=True),
        ingress("API (6443)", group=True),
    ),
    ("ec2", "AuthorizeSecurityGroupIngress", port("FromPort", 70000), port("FromPort", -1)),
    ("ec2", "AuthorizeSecurityGroupEgress", port("ToPort", 65536), port("ToPort", 65535)),
    ("ec2", "AuthorizeSecurityGroupIngress", rules(61), rules(60)),
    ("ec2", "CreateVpc", {"CidrBlock": "10.0.0.0/8"}, {"CidrBlock": "10.0.0.0/16"}),
    ("ec2", "CreateSubnet", {"CidrBlock": "10.0.0.0/29"}, {"CidrBlock": "10.0.0.0/28"}),
    ("ec2", "CreateLaunchTemplate", user_data(16385), user_data(16384)),
    ("ec2", "CreateLaunchTemplateVersion", {"LaunchTemplateData": {"UserData": "é"}}, user_data(1)),
    ("ec2", "CreateVolume", {"Size": 0}, {"Size": 1}),
    ("ec2", "CreateFlowLogs", {"MaxAggregationInterval": 300}, {"MaxAggregationInterval": 600}),
    ("elbv2", "CreateListener", {"Tags": [{"Key": "k"}] * 51}, {"Tags": [{"Key": "k"}] * 50}),
    (
        "ec2",
        "CreateVpc",
        {"TagSpecifications": [{"Tags": [{"Key": "aws:x", "Value": "y"}]}]},
        {"TagSpecifications": [{"Tags": [{"Key": "kubernetes.io/cluster/x", "Value": "owned"}]}]},
    ),
    (
        "ec2",
        "CreateTags",
        {"Tags": [{"Key": "k", "Value": "v" * 257}]},
        {"Tags": [{"Key": "k", "Value": ""}]},
    ),
    (
        "iam",
        "CreateRole",
        {"AssumeRolePolicyDocument": policy(2048)},
        {"AssumeRolePolicyDocument": policy(1900)},
    ),
    ("iam", "PutRolePolicy", {"PolicyDocument": policy(10_240)}, {"PolicyDocument": policy(10_000)}),
    ("iam", "CreatePolicy", {"PolicyDocument": policy(6144)}, {"PolicyDocument": policy(6000)}),
    ("elbv2", "CreateLoadBalancer", {"Name": "internal-x"}, {"Name": "aws-lab-api"}),
    ("elbv2", "CreateTargetGroup", {"Name": "x" * 33}, {"Name": "x" * 32}),
    ("autoscaling", "PutLifecycleHook", {"HeartbeatTimeout": 29}, {"HeartbeatTimeout": 7200}),
    (
        "autoscaling",
        "CreateAutoScalingGroup",
        {"AutoScalingGroupName": "a:b"},
        {"AutoScalingGroupName": "aws-lab-cp-1"},
    ),
    ("autoscaling", "UpdateAutoScalingGroup", overrides(41), overrides(40)),
    ("s3", "CreateBucket", {"Bucket": "Upper"}, {"Bucket": "kubewright-x-123456789012-eu-central-1"}),
    ("s3", "PutObject", {"Key": "k" * 1025}, {"Key": "members/cp-1/node.sh"}),
    ("s3", "PutObject", {"Tagging": "&".join(["k=v"] * 11)}, {"Tagging": "k=v"}),
    ("s3", "PutBucketPolicy", {"Policy": "not JSON"}, {"Policy": "{}"}),
    ("kms", "CreateAlias", {"AliasName": "alias/aws/x"}, {"AliasName": "alias/kubewright/x"}),
    ("kms", "ScheduleKeyDeletion", {"PendingWindowInDays": 6}, {"PendingWindowInDays": 30}),
    ("dlm", "CreateLifecyclePolicy", interval(5), interval(24)),
]


@pytest.mark.parametrize(("service", "operation", "refused", "accepted"), EXAMPLES)
def test_limit_refuses_what_aws_refuses(
    service: str, operation: str, refused: Parameters, accepted: Parameters
) -> None:
    problems = list(limits.find_problems(service, operation, refused))
    assert len(problems) == 1
    assert "https://docs.aws.amazon.com/" in problems[0]
    assert not list(limits.find_problems(service, operation, accepted))


def test_every_limit_has_an_example() -> None:
    sources = {
        problem.rpartition("(")[2]
        for s, o, refused, _ in EXAMPLES
        for problem in limits.find_problems(s, o, refused)
    }
    assert {f"{limit.source})" for limit in LIMITS} == sources
    assert len(EXAMPLES) >= len(LIMITS)


def model(service: str) -> ServiceModel:
    session = boto3.Session("key", "secret", region_name="eu-central-1")
    found: ServiceModel = session.client(service).meta.service_model  # type: ignore[call-overload]
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_pattern_of_a_service_can_be_checked(service: str) -> None:
    """Test that no pattern is skipped because `re` cannot express it."""
    found = model(service)
    patterns = {found.shape_for(name).metadata.get("pattern", "") for name in found.shape_names}
    for pattern in patterns - {""}:
        shapes.compile_pattern(pattern)


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "problem"),
    [
        ("iam", "CreateRole", {"RoleName": "a role"}, r"RoleName: 'a role' does not match [\w+=,.@-]+"),
        ("iam", "CreateRole", {"RoleName": "r" * 65}, "RoleName: the length is 65, above 64"),
        ("ec2", "CreateVolume", {"VolumeType": "gp9"}, "VolumeType: 'gp9' is none of standard, io1"),
        (
            "elbv2",
            "CreateTargetGroup",
            {"HealthCheckIntervalSeconds": 4},
            "HealthCheckIntervalSeconds: the value is 4, below 5",
        ),
        (
            "dlm",
            "CreateLifecyclePolicy",
            {"Description": "cluster's"},
            'Description: "cluster\'s" does not match [0-9A-Za-z _-]+',
        ),
        (
            "autoscaling",
            "CreateAutoScalingGroup",
            {"Tags": [{"Key": "\u0000"}]},
            "Tags[0].Key: '\\x00' does not match",
        ),
    ],
)
def test_constraints_of_the_service_model(
    service: str, operation: str, parameters: Parameters, problem: str
) -> None:
    shape = model(service).operation_model(operation).input_shape
    assert [found for found in shapes.find_problems(shape, parameters) if found.startswith(problem)]


def test_valid_parameters_have_no_problem() -> None:
    shape = model("iam").operation_model("CreateRole").input_shape
    tags = [{"Key": "kubewright:cluster", "Value": "größe / 1"}]
    assert not list(shapes.find_problems(shape, {"RoleName": "aws-lab-etcd", "Tags": tags}))
