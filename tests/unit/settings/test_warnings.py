"""Tests of warnings about valid settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from settings import Settings, load
from settings.warnings import (
    cert_manager_warnings,
    ingress_warnings,
    monitoring_warnings,
    network_policy_warnings,
    private_key_warnings,
    settings_warnings,
)
from testkit.certificates import issue_certificate
from tests.unit.settings.support import REMOVE, TWO_WORKERS, with_edits
from tests.unit.settings.wrong_ingress import VALID as INGRESS
from tests.unit.settings.wrong_ingress import certificate_settings


def settings_with(ssh: dict[str, Any], environment: str = "production", **own: Any) -> Settings:  # noqa: ANN401
    """Return the settings of two hosts. `own` are the SSH settings of the first host."""
    return load(
        {
            "name": "prod",
            "environment": environment,
            "network": {"machines": ["192.0.2.0/24"], "api_allowed": ["192.0.2.0/24"]},
            "control_planes": {"hosts": ["cp-1"]},
            "pools": {"workers": {"hosts": ["w-1"]}},
            "artifacts": {"mirror": "https://mirror.example.com"},
            "metal": {
                "ssh": {"known_hosts_file": "/keys/known_hosts", **ssh},
                "hosts": {"cp-1": {"address": "192.0.2.1", "ssh": own}, "w-1": {"address": "192.0.2.2"}},
            },
        }
    )


def test_key_file_of_all_hosts_causes_a_warning() -> None:
    [warning] = private_key_warnings(settings_with({"private_key_file": "/keys/id"}))
    assert "an input of 2 hosts" in warning
    assert "agent: true" in warning
    assert "/keys/id" not in warning


@pytest.mark.parametrize(
    "own", [{"private_key_file": "/keys/a"}, {"bastion": {"host": "b", "private_key_file": "/keys/b"}}]
)
def test_key_file_of_one_host_causes_a_warning(own: dict[str, Any]) -> None:
    [warning] = private_key_warnings(settings_with({"agent": True}, **own))
    assert "an input of 1 host;" in warning


def test_agent_causes_no_warning() -> None:
    assert private_key_warnings(settings_with({"agent": True})) == []


def test_key_file_of_a_lab_causes_no_warning() -> None:
    assert private_key_warnings(settings_with({"private_key_file": "/keys/id"}, environment="lab")) == []


def test_network_policies_without_effect_cause_a_warning() -> None:
    settings = load(with_edits(TWO_WORKERS, {"network.policies": "none"}))
    [warning] = network_policy_warnings(settings)
    assert "NetworkPolicy objects have no effect" in warning
    assert warning in settings_warnings(settings)


def test_enforced_network_policies_cause_no_warning() -> None:
    assert network_policy_warnings(load(TWO_WORKERS)) == []


def ingress_settings(days: int, **edits: object) -> Settings:
    """Return settings with an ingress whose default certificate is valid for a number of days."""
    issued = issue_certificate("shop.example", valid_for=timedelta(days=days))
    section = {**INGRESS, "default_certificate": certificate_settings(issued)}
    return load(with_edits(TWO_WORKERS, {"addons": {"ingress": section}, **edits}))


@pytest.mark.parametrize(
    ("days", "expected"), [(-1, "certificate: expired on "), (20, "certificate: expires on ")]
)
def test_end_of_the_default_certificate_causes_a_warning(days: int, expected: str) -> None:
    [warning] = ingress_warnings(ingress_settings(days))
    assert expected in warning
    assert warning in settings_warnings(ingress_settings(days))


def test_ingress_pool_with_one_node_causes_a_warning() -> None:
    assert ingress_warnings(ingress_settings(30)) == []
    pools = {"pools.workers.hosts": ["w-1"], "pools.others": {"hosts": ["w-2"]}}
    [warning] = ingress_warnings(ingress_settings(30, **pools))
    assert "workers has one node" in warning


def test_gateway_without_https_causes_a_warning() -> None:
    gateway = {"addons.ingress.gateway_api": True}
    assert ingress_warnings(ingress_settings(30, **gateway)) == []
    settings = ingress_settings(30, **gateway, **{"addons.ingress.default_certificate": REMOVE})
    [warning] = ingress_warnings(settings)
    assert "no listener for HTTPS; add default_certificate" in warning
    assert warning in settings_warnings(settings)


@pytest.mark.parametrize(("days", "expected"), [(-1, ": expired on "), (20, ": expires on "), (30, "")])
def test_end_of_the_authority_of_an_issuer_causes_a_warning(days: int, expected: str) -> None:
    issuers = {"company": {"ca": certificate_settings(issue_certificate("CA", valid_for=timedelta(days)))}}
    settings = load(with_edits(TWO_WORKERS, {"addons": {"cert_manager": {"issuers": issuers}}}))
    warnings = cert_manager_warnings(settings)
    assert len(warnings) == bool(expected)
    for warning in warnings:
        assert f"addons.cert_manager.issuers.company.ca.certificate{expected}" in warning
        assert warning in settings_warnings(settings)


def test_alerts_without_a_receiver_cause_a_warning() -> None:
    hook = {"webhook": {"url": "https://hooks.example/x"}}
    for section, count in ((None, 0), ({}, 1), ({"receivers": {"hook": hook}}, 0)):
        edits: dict[str, Any] = {"addons.monitoring": section} if section is not None else {}
        warnings = monitoring_warnings(load(with_edits(TWO_WORKERS, edits)))
        assert len(warnings) == count
        assert all(warning.startswith("addons.monitoring.receivers: none") for warning in warnings)
