"""Every rule of resources: what keeps it, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from policy.rules import table
from policy.rules.model import UNKNOWN, ResourceRule
from tests.unit.policy.judging import EVERYONE, STACK, TAGS, found, resource
from tests.unit.policy.kept_and_broken import BLOCK, TABLE


@pytest.mark.parametrize(("rule", "kind", "good", "change"), TABLE, ids=lambda value: str(value)[:30])
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
    assert rules == {row[0] for row in TABLE}


@pytest.mark.parametrize(("rule", "kind", "good", "change"), TABLE, ids=lambda value: str(value)[:30])
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


def test_an_open_api_may_be_written_as_two_halves() -> None:
    halves = tuple(map(IPv4Network, ("0.0.0.0/1", "128.0.0.0/1")))
    group = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    inputs = {"ipProtocol": "tcp", "fromPort": 6443, "toPort": 6443, "cidrIpv4": "0.0.0.0/1"}
    assert found(group, inputs, stack=replace(STACK, environment="test", api_allowed=halves)) == {}
    assert set(found(group, inputs)) == {"no-open-ingress"}


def test_rules_of_one_port_are_judged_together() -> None:
    kind = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
    rules = [
        resource(kind, {"ipProtocol": "tcp", "fromPort": port, "toPort": port, "cidrIpv4": source})
        for port, source in [(22, "1.0.0.0/8"), (22, "2.0.0.0/8"), (2379, "3.0.0.0/8"), (2379, "10.0.0.0/8")]
    ]
    judged = list(table.of_resources(rules, STACK))
    assert [finding.rule for finding in judged] == ["no-open-ingress-together"]
    assert "1.0.0.0/8, 2.0.0.0/8 reach port 22" in judged[0].message
    assert list(table.of_resources(rules[1:], STACK)) == []


def test_data_of_a_lab_needs_no_protection() -> None:
    assert found("azure-native:compute:Disk", {"tags": TAGS}, stack=replace(STACK, environment="lab")) == {}
    assert set(found("azure-native:compute:Disk", {"tags": TAGS})) == {"protected-data"}
    assert found("azure-native:compute:Disk", {"tags": TAGS}, protect=True) == {}


def test_every_bucket_has_encryption_and_a_block() -> None:
    bucket = resource("aws:s3/bucket:Bucket", {"tags": TAGS})
    encryption = resource(
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration", {}
    )
    block = resource("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", BLOCK)
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
