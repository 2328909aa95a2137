"""Tests that every settings rule accepts compliant facts and reports a change that breaks the rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from ipaddress import IPv4Network
from typing import Any

import pytest

from policy.rules import table
from policy.rules.model import SettingsRule
from tests.unit.policy.checks import ANY_ADDRESS, settings_violations


def networks(*texts: str) -> tuple[IPv4Network, ...]:
    return tuple(map(IPv4Network, texts))


@pytest.mark.parametrize(
    ("rule", "change", "mandatory"),
    [
        ("no-open-api", {"api_allowed": ANY_ADDRESS}, True),
        ("no-open-api", {"api_allowed": networks("0.0.0.0/1", "128.0.0.0/1")}, True),
        ("no-open-api", {"api_allowed": networks(*(f"{n}.0.0.0/8" for n in range(1, 100)))}, True),
        ("no-open-api", {"api_allowed": networks("1.0.0.0/8", "2.0.0.0/32")}, True),
        ("odd-etcd", {"etcd_hosts": ("a", "b")}, True),
        ("odd-etcd", {"etcd_hosts": tuple("abcdefg")}, True),
        ("odd-etcd", {"etcd_hosts": ()}, True),
        ("etcd-not-alone", {"etcd_hosts": ("a",)}, False),
        ("supported-version", {"versions": (("kubernetes.version", "1.34.9"),)}, True),
        (
            "supported-version",
            {"versions": (("a", "1.36.3"), ("pools.x.kubernetes_version", "1.20.0"))},
            True,
        ),
        ("version-ends-soon", {"today": date(2027, 6, 1)}, False),
        ("snapshots-copied", {"is_cloud": False, "snapshots_copied": False}, False),
        ("pinned-artifacts", {"artifacts_pinned": False}, True),
        ("pinned-charts", {"unpinned_charts": ("helm_releases.web.chart",)}, False),
    ],
)
def test_a_change_of_compliant_settings_breaks_one_rule(
    rule: str, change: Mapping[str, Any], mandatory: bool
) -> None:
    assert settings_violations() == {}
    assert settings_violations(**change) == {rule: mandatory}


def test_every_settings_rule_is_tested() -> None:
    rules = {rule.name for rule in table.RULES if isinstance(rule, SettingsRule)}
    assert rules == {
        "no-open-api",
        "odd-etcd",
        "etcd-not-alone",
        "supported-version",
        "version-ends-soon",
        "snapshots-copied",
        "pinned-artifacts",
        "pinned-charts",
    }


def test_private_networks_are_not_public() -> None:
    private = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "1.0.0.0/8")
    assert settings_violations(api_allowed=private) == {}


@pytest.mark.parametrize(
    "change",
    [
        {"api_allowed": ANY_ADDRESS},
        {"is_cloud": False, "snapshots_copied": False},
        {"unpinned_charts": ("helm_releases.web.chart",)},
    ],
)
def test_production_rules_do_not_apply_to_a_lab(change: Mapping[str, Any]) -> None:
    assert settings_violations(environment="lab", **change) == {}


def test_support_ends_after_the_last_day() -> None:
    versions = (("kubernetes.version", "1.35.6"),)
    assert "supported-version" not in settings_violations(versions=versions, today=date(2027, 2, 28))
    assert "supported-version" in settings_violations(versions=versions, today=date(2027, 3, 1))


def test_two_halves_of_the_internet_are_public() -> None:
    halves = (IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1"))
    assert settings_violations(api_allowed=halves) == {"no-open-api": True}
