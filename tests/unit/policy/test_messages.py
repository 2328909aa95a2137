"""Tests of complete messages, and of the resource that a violation names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from policy.rules import table
from policy.rules.model import Violation
from tests.unit.policy.checks import ANY_ADDRESS, FACTS, TAGS, make_resource
from tests.unit.policy.test_settings_rules import networks

INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
ETCD = "kubewright:index:Cluster$kubewright:index:Etcd"
OLD = {"versions": (("pools.old.kubernetes_version", "1.20.0"),)}
ENDED = {"versions": (("kubernetes.version", "1.34.9"),)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"api_allowed": ANY_ADDRESS},
            "network.api_allowed: the API is public (0.0.0.0/0); list your networks",
        ),
        (
            {"api_allowed": networks("1.0.0.0/8", "3.0.0.0/8", "5.0.0.0/8")},
            "network.api_allowed: the API is public (1.0.0.0/8, 3.0.0.0/8 and 1 more); list your networks",
        ),
        (
            {"is_cloud": False, "snapshots_copied": False},
            "etcd.snapshots.to: empty, so snapshots are only on the members' disks; add a target or copy_to",
        ),
        (
            {"artifacts_pinned": False},
            "artifacts.index: missing, so hosts run what the mirror serves; write the digests to a file of "
            "the checkout (`kubewright mirror --index FILE`) and name it here",
        ),
        (
            {"unpinned_charts": ("helm_releases.web.chart",)},
            "helm_releases.web.chart: no digest, so the cluster runs what the repository serves; use "
            "oci://…@sha256:…, or a copy in the checkout",
        ),
        (
            {"etcd_hosts": ("a",)},
            "etcd.hosts: one member in production, its loss is the loss of the cluster; use 3 or 5 members",
        ),
        ({"etcd_hosts": ("a", "b")}, "etcd.hosts: 2 members; allowed: 1, 3 or 5"),
        (
            OLD,
            "pools.old.kubernetes_version: 1.20.0 is not supported; choose one of 1.35, 1.36",
        ),
        (
            ENDED,
            "kubernetes.version: 1.34.9 is not supported since 2026-10-27; choose one of 1.35, 1.36",
        ),
        (
            {**ENDED, "today": date(2027, 2, 28)},
            "kubernetes.version: 1.34.9 is not supported since 2026-10-27; choose one of 1.35, 1.36",
        ),
        (
            {**ENDED, "today": date(2030, 1, 1)},
            "kubernetes.version: 1.34.9 is not supported since 2026-10-27; choose one of a newer version",
        ),
        (
            {"today": date(2027, 6, 28)},
            "kubernetes.version: support of 1.36.3 ends on 2027-06-28; plan the next minor version",
        ),
    ],
)
def test_a_violation_of_settings_has_a_message_and_no_resource(
    change: Mapping[str, Any], message: str
) -> None:
    (violation,) = table.check_settings(replace(FACTS, **change))
    assert violation.message == message
    assert violation.urn == ""


def test_the_notice_period_begins_sixty_days_before_the_end_of_support() -> None:
    def rules(today: date) -> list[str]:
        return [violation.rule for violation in table.check_settings(replace(FACTS, today=today))]

    assert rules(date(2027, 4, 29)) == []
    assert rules(date(2027, 4, 30)) == ["version-ends-soon"]


def test_the_oldest_listed_version_is_supported_until_its_last_day() -> None:
    facts = replace(FACTS, versions=(("kubernetes.version", "1.33.1"),), today=date(2026, 3, 1))
    assert list(table.check_settings(facts)) == []


def test_rules_of_one_port_name_the_first_rule_of_that_port() -> None:
    sources = [("22", "1.0.0.0/8"), ("2379", "1.0.0.0/8"), ("2379", "3.0.0.0/8"), ("2379", "5.0.0.0/8")]
    rules = [
        replace(
            make_resource(
                INGRESS,
                {"ipProtocol": "tcp", "fromPort": int(port), "toPort": int(port), "cidrIpv4": source},
            ),
            urn=f"urn:pulumi:prod::kubewright::{INGRESS}::{number}",
        )
        for number, (port, source) in enumerate(sources)
    ]
    assert list(table.check_resources(rules, FACTS)) == [
        Violation(
            rule="no-open-ingress-together",
            message="cidr: together with other rules allows 1.0.0.0/8, 3.0.0.0/8 and 1 more to reach "
            "port 2379 (tcp); list the networks that need the port",
            urn=rules[1].urn,
            mandatory=True,
        )
    ]


def test_a_firewall_that_is_open_to_the_public_names_the_port_and_its_sources() -> None:
    sources = ["1.0.0.0/8", "3.0.0.0/8", "5.0.0.0/8"]
    rule = {"protocol": "tcp", "fromPort": 22, "toPort": 22, "cidrBlocks": sources}
    group = make_resource("aws:ec2/securityGroup:SecurityGroup", {"tags": TAGS, "ingress": [rule]})
    assert list(table.check_resource(group, FACTS)) == [
        Violation(
            rule="no-open-ingress",
            message="ingress[0]: allows 1.0.0.0/8, 3.0.0.0/8 and 1 more to reach port 22 (tcp); "
            "list the networks that need the port",
            urn=group.urn,
            mandatory=True,
        )
    ]


@pytest.mark.parametrize(
    ("inputs", "path"),
    [
        ({"password": "hunter2"}, "password"),
        ({"a": {"password": "hunter2"}}, "a.password"),
        ({"a": [{}, {"b": {"password": "hunter2"}}]}, "a[1].b.password"),
    ],
)
def test_a_plain_secret_is_named_by_its_path(inputs: Mapping[str, Any], path: str) -> None:
    (violation,) = table.check_resource(make_resource("aws:x:Y", inputs), FACTS)
    assert violation.message == (
        f"{path}: contains a value with the name of a secret and is not marked secret; "
        "use pulumi.Output.secret"
    )


def test_an_even_number_of_members_names_the_last_member() -> None:
    members = [
        replace(resource, urn=resource.urn + str(number))
        for number in range(4)
        for resource in [make_resource("command:remote:Command", {}, parent=ETCD)]
    ]
    assert list(table.check_resources(members, FACTS)) == [
        Violation(
            rule="odd-etcd-made",
            message="4 etcd members would be created; allowed: 1, 3 or 5",
            urn=members[3].urn,
            mandatory=True,
        )
    ]


def test_stores_without_encryption_or_a_block_of_public_access_are_named() -> None:
    bucket = make_resource("aws:s3/bucket:Bucket", {})
    assert list(table.check_resources([bucket], FACTS)) == [
        Violation(rule=rule, message=f"1 stores, but 0 {title}", urn=bucket.urn, mandatory=True)
        for rule, title in [
            ("encrypted-stores", "encryption configurations"),
            ("public-access-blocked", "blocks of public access"),
        ]
    ]
