"""Every rule of resources: what keeps it, and what does not."""

from __future__ import annotations

import base64
import gzip
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from policy.rules import table
from policy.rules.model import SECRET, UNKNOWN, ResourceRule
from tests.unit.policy.judging import EVERYONE, KEY, STACK, TAGS, found, resource

_VOLUME = {"encrypted": True, "finalSnapshot": True, "tags": TAGS}
_TEMPLATE = {
    "tags": TAGS,
    "blockDeviceMappings": [{"deviceName": "/dev/xvda", "ebs": {"encrypted": "true"}}],
    "networkInterfaces": [{"associatePublicIpAddress": "false"}],
}
_ACCOUNT = {
    "tags": TAGS,
    "enableHttpsTrafficOnly": True,
    "minimumTlsVersion": "TLS1_2",
    "allowBlobPublicAccess": False,
}
_BLOCK = dict.fromkeys(
    ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets"), True
)
_NSG_RULE = {
    "direction": "Inbound",
    "access": "Allow",
    "protocol": "Tcp",
    "sourceAddressPrefix": "192.0.2.0/24",
    "destinationPortRange": "22",
}
_TABLE: list[tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = [
    # rule, type, inputs that keep it, what is changed so that they do not
    ("encrypted-disks", "aws:ebs/volume:Volume", _VOLUME, {"encrypted": False}),
    ("encrypted-disks", "aws:ebs/volume:Volume", _VOLUME, {"encrypted": None}),
    (
        "encrypted-disks",
        "aws:ec2/launchTemplate:LaunchTemplate",
        _TEMPLATE,
        {"blockDeviceMappings": [{"ebs": {"encrypted": "true"}}, {"ebs": {"volumeSize": 20}}]},
    ),
    (
        "encrypted-disks",
        "aws:ec2/instance:Instance",
        {"rootBlockDevice": {"encrypted": True}, "tags": TAGS},
        {"rootBlockDevice": {}},
    ),
    (
        "encrypted-transport",
        "azure-native:storage:StorageAccount",
        _ACCOUNT,
        {"enableHttpsTrafficOnly": False},
    ),
    ("encrypted-transport", "azure-native:storage:StorageAccount", _ACCOUNT, {"minimumTlsVersion": "TLS1_0"}),
    ("no-public-store", "azure-native:storage:StorageAccount", _ACCOUNT, {"allowBlobPublicAccess": None}),
    (
        "no-public-store",
        "azure-native:storage/v20240101:StorageAccount",
        _ACCOUNT,
        {"allowBlobPublicAccess": True},
    ),
    (
        "no-public-store",
        "azure-native:storage:BlobContainer",
        {"publicAccess": "None"},
        {"publicAccess": "Blob"},
    ),
    (
        "no-public-store",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        _BLOCK,
        {"restrictPublicBuckets": False},
    ),
    ("no-public-store", "aws:s3/bucket:Bucket", {"tags": TAGS}, {"acl": "public-read"}),
    (
        "no-public-machine",
        "aws:ec2/launchTemplate:LaunchTemplate",
        _TEMPLATE,
        {"networkInterfaces": [{"associatePublicIpAddress": "true"}]},
    ),
    (
        "no-public-machine",
        "aws:ec2/instance:Instance",
        {"associatePublicIpAddress": False, "rootBlockDevice": {"encrypted": True}, "tags": TAGS},
        {"associatePublicIpAddress": True},
    ),
    (
        "no-public-machine",
        "azure-native:network:NetworkInterface",
        {"ipConfigurations": [{"name": "a"}], "tags": TAGS},
        {"ipConfigurations": [{"name": "a", "publicIPAddress": {"id": "x"}}]},
    ),
    (
        "no-open-ingress",
        "aws:ec2/securityGroup:SecurityGroup",
        {
            "tags": TAGS,
            "ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["192.0.2.0/24"]}],
        },
        {"ingress": [{"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": ["0.0.0.0/0"]}]},
    ),
    (
        "no-open-ingress",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        {"type": "egress", "protocol": "-1", "fromPort": 0, "toPort": 0, "cidrBlocks": ["0.0.0.0/0"]},
        {"type": "ingress"},
    ),
    (
        "no-open-ingress",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"ipProtocol": "tcp", "fromPort": 6443, "toPort": 6443, "cidrIpv4": "192.0.2.0/24"},
        {"cidrIpv6": "::/0"},
    ),
    (
        "no-open-ingress",
        "azure-native:network:NetworkSecurityGroup",
        {"tags": TAGS, "securityRules": [_NSG_RULE]},
        {"securityRules": [_NSG_RULE, {**_NSG_RULE, "sourceAddressPrefix": "Internet"}]},
    ),
    ("no-open-ingress", "azure-native:network:SecurityRule", _NSG_RULE, {"sourceAddressPrefix": "*"}),
    ("tagged", "aws:ec2/vpc:Vpc", {"tags": TAGS}, {"tags": {}}),
    ("tagged", "aws:ec2/vpc:Vpc", {"tagsAll": TAGS}, {"tagsAll": {"kubewright:cluster": "other"}}),
    ("tagged", "azure-native:network:VirtualNetwork", {"tags": TAGS}, {"tags": None}),
    (
        "tagged",
        "aws:autoscaling/group:Group",
        {"tags": [{"key": "kubewright:cluster", "value": "prod", "propagateAtLaunch": True}]},
        {"tags": [{"key": "Name", "value": "prod"}]},
    ),
    ("protected-data", "aws:ebs/volume:Volume", _VOLUME, {"finalSnapshot": None}),
    ("kept-stores", "aws:s3/bucket:Bucket", {"tags": TAGS}, {"forceDestroy": True}),
    ("no-plain-secret", "command:remote:Command", {"create": "true"}, {"create": f"cat <<E\n{KEY}E"}),
    (
        "no-plain-secret",
        "command:remote:Command",
        {"stdin": SECRET},
        {"environment": {"A": "abcdef.0123456789abcdef"}},
    ),
    (
        "no-plain-secret",
        "command:remote:Command",
        {"connection": SECRET},
        {"connection": {"password": "hunter2"}},
    ),
    ("no-plain-secret", "aws:x:Y", {"a": ["b"]}, {"a": ["b", "AKIAIOSFODNN7EXAMPLE"]}),
    (
        "no-plain-secret",
        "aws:x:Y",
        {"userData": base64.b64encode(b"#!/bin/sh\ntrue\n").decode()},
        {"userData": base64.b64encode(gzip.compress(KEY.encode(), mtime=0)).decode()},
    ),
    (
        "no-plain-secret",
        "azure:x:Y",
        {"customData": ""},
        {"customData": base64.b64encode(KEY.encode()).decode()},
    ),
    (
        "no-plain-secret",
        "kubernetes:core/v1:Secret",
        {"data": {"key": SECRET}},
        {"stringData": {"anything": "at all"}},
    ),
    (
        "no-plain-secret",
        "kubernetes:helm.sh/v3:Release",
        {"values": {"adminPassword": SECRET, "passwordPolicy": "strong"}},
        {"values": {"adminPassword": "admin"}},
    ),
]


@pytest.mark.parametrize(("rule", "kind", "good", "change"), _TABLE, ids=lambda value: str(value)[:30])
def test_a_resource_keeps_the_rule_until_it_is_changed(
    rule: str, kind: str, good: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    protect = rule != "protected-data" and kind.endswith((":StorageAccount", ":Disk"))
    assert found(kind, good, protect=protect) == {}
    broken = found(kind, {**good, **change}, protect=protect)
    assert set(broken) == {rule}
    assert "MHcCAQEE" not in broken[rule], "a message shows a secret"


def test_every_rule_of_resources_is_in_the_table() -> None:
    rules = {rule.name for rule in table.RULES if isinstance(rule, ResourceRule)}
    assert rules == {row[0] for row in _TABLE}


@pytest.mark.parametrize(("rule", "kind", "good", "change"), _TABLE, ids=lambda value: str(value)[:30])
def test_what_is_not_known_before_the_update_is_not_held_against_it(
    rule: str, kind: str, good: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    unknown = {key: UNKNOWN if not isinstance(value, list | dict) else value for key, value in good.items()}
    assert found(kind, unknown, protect=True) == {}


def test_an_open_api_is_allowed_where_the_settings_say_so_and_nothing_else_is() -> None:
    group = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    inputs = {"ipProtocol": "tcp", "fromPort": 6443.0, "toPort": 6443.0, "cidrIpv4": "0.0.0.0/0"}
    public = replace(STACK, environment="test", api_allowed=EVERYONE)
    assert "no-open-ingress" in found(group, inputs)
    assert found(group, inputs, stack=public) == {}
    assert "no-open-ingress" in found(group, {**inputs, "toPort": 6444}, stack=public)
    assert "no-open-ingress" in found(group, {**inputs, "ipProtocol": "-1", "fromPort": None}, stack=public)
    assert found(group, {**inputs, "ipProtocol": "icmp", "fromPort": -1}) == {}


def test_data_of_a_lab_needs_no_protection() -> None:
    assert found("azure-native:compute:Disk", {"tags": TAGS}, stack=replace(STACK, environment="lab")) == {}
    assert set(found("azure-native:compute:Disk", {"tags": TAGS})) == {"protected-data"}
    assert found("azure-native:compute:Disk", {"tags": TAGS}, protect=True) == {}


def test_every_bucket_has_encryption_and_a_block() -> None:
    bucket = resource("aws:s3/bucket:Bucket", {"tags": TAGS})
    encryption = resource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {}
    )
    block = resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", _BLOCK)
    assert list(table.of_resources([bucket, encryption, block], STACK)) == []
    without = table.of_resources([bucket, bucket, encryption, block], STACK)
    assert {finding.rule for finding in without} == {"encrypted-stores", "public-access-blocked"}


@pytest.mark.parametrize(
    ("count", "kept"), [(0, True), (1, True), (2, False), (3, True), (4, False), (5, True)]
)
def test_an_even_number_of_members_is_not_made(count: int, kept: bool) -> None:
    parent = "kubewright:index:Cluster$kubewright:index:Etcd"
    members = [resource("command:remote:Command", {}, parent=parent) for _ in range(count)]
    other = resource(
        "command:remote:Command", {}, parent="kubewright:index:Cluster$kubewright:index:ControlPlane"
    )
    judged = table.of_resources([*members, other], STACK)
    assert {finding.rule for finding in judged} == (set() if kept else {"odd-etcd-made"})


def test_what_looks_a_little_like_a_token_is_none() -> None:
    harmless = (
        "k8s.io/kubelet.service ghcr.io/a.b docker.io/library.abcdefghijklmnop x.tokens-of-appreciation"
    )
    assert found("command:remote:Command", {"create": harmless}) == {}
