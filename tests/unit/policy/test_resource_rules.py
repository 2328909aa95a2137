"""Tests that every resource rule accepts compliant inputs and reports a change that breaks the rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from policy.rules import table
from policy.rules.model import ResourceRule
from providers.resources import UNKNOWN
from redaction import MASK
from tests.unit.policy.checks import ANY_ADDRESS, FACTS, TAGS, make_resource, violations
from tests.unit.policy.examples import BLOCK, EXAMPLES, NFS_ACCOUNT


@pytest.mark.parametrize(("rule", "type_", "good", "change"), EXAMPLES, ids=lambda value: str(value)[:30])
def test_a_change_of_a_compliant_resource_breaks_one_rule(
    rule: str, type_: str, good: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    stores = (":StorageAccount", ":Disk", ":FileSystem")
    protect = rule != "protected-data" and type_.endswith(stores)
    assert violations(type_, good, protect=protect) == {}
    broken = violations(type_, {**good, **change}, protect=protect)
    assert set(broken) == {rule}
    assert "MHcCAQEE" not in broken[rule], "a message shows a secret"


@pytest.mark.parametrize(
    ("type_", "inputs"),
    [
        ("aws:efs/fileSystem:FileSystem", {"encrypted": True, "tags": TAGS}),
        ("azure-native:storage:StorageAccount", NFS_ACCOUNT),
    ],
)
def test_volumes_in_file_storage_are_protected_in_production(type_: str, inputs: Mapping[str, Any]) -> None:
    assert "the data of pods" in violations(type_, inputs)["protected-data"]
    assert violations(type_, inputs, protect=True) == {}
    assert "protected-data" not in violations(type_, inputs, facts=replace(FACTS, environment="test"))


def test_every_resource_rule_has_an_example() -> None:
    rules = {rule.name for rule in table.RULES if isinstance(rule, ResourceRule)}
    assert rules == {row[0] for row in EXAMPLES}


@pytest.mark.parametrize(("rule", "type_", "good", "change"), EXAMPLES, ids=lambda value: str(value)[:30])
def test_an_unknown_value_breaks_no_rule(
    rule: str, type_: str, good: Mapping[str, Any], change: Mapping[str, Any]
) -> None:
    unknown = {key: UNKNOWN if not isinstance(value, list | dict) else value for key, value in good.items()}
    assert violations(type_, unknown, protect=True) == {}


@pytest.mark.parametrize(
    "inputs",
    [
        {"values": {"adminPassword": UNKNOWN}},
        {"values": {"env": f"password: {UNKNOWN}\n"}},
        {"values": {"adminPassword": MASK}},
    ],
)
def test_a_value_that_is_not_visible_is_no_plain_secret(inputs: Mapping[str, Any]) -> None:
    assert violations("aws:x:Y", inputs) == {}


def test_only_the_api_may_be_public_and_only_by_the_settings() -> None:
    group = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    inputs = {"ipProtocol": "tcp", "fromPort": 6443.0, "toPort": 6443.0, "cidrIpv4": "0.0.0.0/0"}
    public = replace(FACTS, environment="test", api_allowed=ANY_ADDRESS)
    assert "no-open-ingress" in violations(group, inputs)
    assert violations(group, inputs, facts=public) == {}
    assert "no-open-ingress" in violations(group, {**inputs, "toPort": 6444}, facts=public)
    assert "no-open-ingress" in violations(
        group, {**inputs, "ipProtocol": "-1", "fromPort": None}, facts=public
    )
    assert violations(group, {**inputs, "ipProtocol": "icmp", "fromPort": -1}) == {}


def test_a_public_api_may_be_written_as_two_halves() -> None:
    halves = tuple(map(IPv4Network, ("0.0.0.0/1", "128.0.0.0/1")))
    group = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    inputs = {"ipProtocol": "tcp", "fromPort": 6443, "toPort": 6443, "cidrIpv4": "0.0.0.0/1"}
    assert violations(group, inputs, facts=replace(FACTS, environment="test", api_allowed=halves)) == {}
    assert set(violations(group, inputs)) == {"no-open-ingress"}


def test_firewall_rules_of_one_port_count_together() -> None:
    type_ = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    rules = [
        make_resource(type_, {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": source})
        for port, source in [(22, "1.0.0.0/8"), (22, "2.0.0.0/8"), (2379, "3.0.0.0/8"), (2379, "10.0.0.0/8")]
    ]
    violations_found = list(table.check_resources(rules, FACTS))
    assert [violation.rule for violation in violations_found] == ["no-open-ingress-together"]
    assert "1.0.0.0/8, 2.0.0.0/8 to reach port 22" in violations_found[0].message
    assert list(table.check_resources(rules[1:], FACTS)) == []


def test_lab_data_needs_no_protection() -> None:
    assert (
        violations("azure-native:compute:Disk", {"tags": TAGS}, facts=replace(FACTS, environment="lab")) == {}
    )
    assert set(violations("azure-native:compute:Disk", {"tags": TAGS})) == {"protected-data"}
    assert violations("azure-native:compute:Disk", {"tags": TAGS}, protect=True) == {}


def test_every_bucket_needs_encryption_and_a_block_of_public_access() -> None:
    bucket = make_resource("aws:s3/bucket:Bucket", {"tags": TAGS})
    encryption = make_resource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {}
    )
    block = make_resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", BLOCK)
    assert list(table.check_resources([bucket, encryption, block], FACTS)) == []
    without = table.check_resources([bucket, bucket, encryption, block], FACTS)
    assert {violation.rule for violation in without} == {"encrypted-stores", "public-access-blocked"}


@pytest.mark.parametrize(
    ("count", "allowed"), [(0, True), (1, True), (2, False), (3, True), (4, False), (5, True)]
)
def test_an_even_number_of_created_members_is_a_violation(count: int, allowed: bool) -> None:
    parent = "kubewright:index:Cluster$kubewright:index:Etcd"
    members = [make_resource("command:remote:Command", {}, parent=parent) for _ in range(count)]
    other = make_resource(
        "command:remote:Command", {}, parent="kubewright:index:Cluster$kubewright:index:ControlPlane"
    )
    violations_found = table.check_resources([*members, other], FACTS)
    assert {violation.rule for violation in violations_found} == (set() if allowed else {"odd-etcd-made"})


def test_names_that_resemble_tokens_are_no_violation() -> None:
    harmless = (
        "k8s.io/kubelet.service ghcr.io/a.b docker.io/library.abcdefghijklmnop x.tokens-of-appreciation"
    )
    assert violations("command:remote:Command", {"create": harmless}) == {}
