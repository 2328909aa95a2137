"""Every rule of settings: what keeps it, and what does not."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from ipaddress import IPv4Network
from typing import Any

import pytest

from policy.rules import table
from policy.rules.model import SettingsRule
from tests.unit.policy.judging import EVERYONE, of_settings


def networks(*texts: str) -> tuple[IPv4Network, ...]:
    return tuple(map(IPv4Network, texts))


@pytest.mark.parametrize(
    ("rule", "change", "mandatory"),
    [
        ("no-open-api", {"api_allowed": EVERYONE}, True),
        ("no-open-api", {"api_allowed": networks("0.0.0.0/1", "128.0.0.0/1")}, True),
        ("no-open-api", {"api_allowed": networks(*(f"{n}.0.0.0/8" for n in range(1, 100)))}, True),
        ("no-open-api", {"api_allowed": networks("1.0.0.0/8", "2.0.0.0/32")}, True),
        ("odd-etcd", {"etcd": ("a", "b")}, True),
        ("odd-etcd", {"etcd": tuple("abcdefg")}, True),
        ("odd-etcd", {"etcd": ()}, True),
        ("etcd-not-alone", {"etcd": ("a",)}, False),
        ("supported-version", {"versions": (("kubernetes.version", "1.34.9"),)}, True),
        (
            "supported-version",
            {"versions": (("a", "1.36.3"), ("pools.x.kubernetes_version", "1.20.0"))},
            True,
        ),
        ("version-ends-soon", {"today": date(2027, 6, 1)}, False),
        ("snapshots-copied", {"cloud": False, "copies": False}, False),
    ],
)
def test_settings_keep_the_rule_until_they_are_changed(
    rule: str, change: Mapping[str, Any], mandatory: bool
) -> None:
    assert of_settings() == {}
    assert of_settings(**change) == {rule: mandatory}


def test_every_rule_of_settings_is_tested() -> None:
    rules = {rule.name for rule in table.RULES if isinstance(rule, SettingsRule)}
    assert rules == {
        "no-open-api",
        "odd-etcd",
        "etcd-not-alone",
        "supported-version",
        "version-ends-soon",
        "snapshots-copied",
    }


def test_ones_own_networks_are_not_the_world() -> None:
    own = networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "1.0.0.0/8")
    assert of_settings(api_allowed=own) == {}


@pytest.mark.parametrize("change", [{"api_allowed": EVERYONE}, {"cloud": False, "copies": False}])
def test_a_lab_may_what_production_may_not(change: Mapping[str, Any]) -> None:
    assert of_settings(environment="lab", **change) == {}


def test_the_end_of_support_is_a_day() -> None:
    versions = (("kubernetes.version", "1.35.6"),)
    assert "supported-version" not in of_settings(versions=versions, today=date(2027, 2, 28))
    assert "supported-version" in of_settings(versions=versions, today=date(2027, 3, 1))


def test_halves_of_the_world_are_the_world() -> None:
    halves = (IPv4Network("0.0.0.0/1"), IPv4Network("128.0.0.0/1"))
    assert of_settings(api_allowed=halves) == {"no-open-api": True}
