"""Tests of the AuthenticationConfiguration: issuers, reserved names, and reload without restart."""

from __future__ import annotations

import json
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from assembly import build_topology
from nodeconfig import bundles
from nodeconfig.authentication import AUTHENTICATION, authentication_file
from settings import load
from testkit.bundles import FakeIndex, cluster
from tests.unit.nodeconfig.test_api_policies import control_plane
from tests.unit.settings.support import TWO_WORKERS, with_edits
from topology.model import Role

SMALL = {
    "url": "https://login.example/",
    "audiences": ["k8s"],
    "username": {"claim": "sub", "prefix": "corp:"},
}
LARGE = {
    "url": "https://login.example/tenant",
    "discovery_url": "https://10.0.0.5/tenant/.well-known/openid-configuration",
    "ca_file": "login.pem",
    "audiences": ["k8s", "web"],
    "audience_match_policy": "MatchAny",
    "username": {"expression": "'corp:' + claims.email"},
    "groups": {"claim": "roles", "prefix": ""},
    "uid": {"claim": "oid"},
    "extra": {"example.com/tenant": "claims.tid"},
    "claim_validation_rules": [
        {"expression": "claims.email_verified == true", "message": "email is not verified"},
        {"claim": "hd", "required_value": "example.com"},
    ],
    "user_validation_rules": [{"expression": "user.username != 'corp:root'", "message": "not root"}],
}
CA = "-----BEGIN CERTIFICATE-----\nissuer\n-----END CERTIFICATE-----\n"


def configuration(issuers: dict[str, object]) -> dict[str, Any]:
    """Return the content of the file that the API server reads."""
    settings = load(with_edits(TWO_WORKERS, {"api.oidc": issuers}))
    topology = build_topology(settings, files={"login.pem": CA})
    content: dict[str, Any] = json.loads(authentication_file(topology.control_plane).content)
    return content


def test_issuer_has_the_fields_of_the_settings() -> None:
    [authenticator] = configuration({"corp": LARGE})["jwt"]
    assert authenticator["issuer"] == {
        "url": "https://login.example/tenant",
        "discoveryURL": "https://10.0.0.5/tenant/.well-known/openid-configuration",
        "certificateAuthority": CA,
        "audiences": ["k8s", "web"],
        "audienceMatchPolicy": "MatchAny",
    }
    assert authenticator["claimMappings"] == {
        "username": {"expression": "'corp:' + claims.email"},
        "groups": {"claim": "roles", "prefix": ""},
        "uid": {"claim": "oid"},
        "extra": [{"key": "example.com/tenant", "valueExpression": "claims.tid"}],
    }
    assert authenticator["claimValidationRules"] == [
        {"expression": "claims.email_verified == true", "message": "email is not verified"},
        {"claim": "hd", "requiredValue": "example.com"},
    ]
    assert authenticator["userValidationRules"][-1] == {
        "expression": "user.username != 'corp:root'",
        "message": "not root",
    }


def test_no_issuer_can_name_users_and_groups_of_the_system() -> None:
    """An issuer without prefixes could otherwise name a user of system:masters."""
    for authenticator in configuration({"small": SMALL, "large": LARGE})["jwt"]:
        expressions = [rule["expression"] for rule in authenticator["userValidationRules"]]
        for prefix in ("system:", "kubewright:"):
            assert (
                f"!user.username.startsWith('{prefix}') && user.groups.all(g, !g.startsWith('{prefix}'))"
                in expressions
            )


def test_rule_of_the_settings_that_kubewright_adds_appears_once() -> None:
    [first, *_] = configuration({"small": SMALL})["jwt"][0]["userValidationRules"]
    own = SMALL | {"user_validation_rules": [{"expression": first["expression"]}]}
    expressions = [
        rule["expression"] for rule in configuration({"small": own})["jwt"][0]["userValidationRules"]
    ]
    assert len(expressions) == len(set(expressions))


def test_url_of_an_issuer_keeps_its_slash() -> None:
    """The claim `iss` of a token must be equal to the URL."""
    assert configuration({"small": SMALL})["jwt"][0]["issuer"]["url"] == "https://login.example/"


def test_issuers_leave_anonymous_requests_unchanged() -> None:
    """The API server refuses to reload a file with a changed part about anonymous requests."""
    assert configuration({})["anonymous"] == configuration({"small": SMALL})["anonymous"]
    assert "jwt" not in configuration({})


def test_changed_issuer_restarts_nothing(index: FakeIndex) -> None:
    before = control_plane(index)
    after = control_plane(index, {"oidc": {"small": SMALL}})
    assert [file.path for file in after.files if file not in before.files] == [AUTHENTICATION]
    assert before.services == after.services
    assert not any(AUTHENTICATION in service.restart_on for service in after.services)


@pytest.mark.parametrize("shell", [name for name in ("dash", "bash") if shutil.which(name)])
@pytest.mark.parametrize("loaded", [True, False])
def test_control_plane_is_healthy_when_the_api_server_has_loaded_the_file(
    index: FakeIndex, tmp_path: Path, shell: str, *, loaded: bool
) -> None:
    """After a mistake in the file, the API server keeps its previous configuration."""
    [service] = [item for item in control_plane(index).services if item.unit == "kube-apiserver.service"]
    file = tmp_path / "authentication.json"
    file.write_text("{}")
    digest = sha256(b"{}" if loaded else b"old").hexdigest()
    kubectl = tmp_path / "kubectl"
    metric = "apiserver_authentication_config_controller_last_config_info"
    kubectl.write_text(
        f'#!/bin/sh\necho \'{metric}{{apiserver_id_hash="sha256:1",hash="sha256:{digest}"}} 1\'\necho end\n'
    )
    kubectl.chmod(0o755)
    script = service.ready.replace("/usr/local/lib/kubewright/bin", str(tmp_path)).replace(
        AUTHENTICATION, str(file)
    )
    result = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=False)
    assert (result.returncode == 0) is loaded
    assert ("has not loaded" in result.stderr) is not loaded


def test_nodes_do_not_have_the_issuers(index: FakeIndex) -> None:
    api = {"api": {"oidc": {"small": SMALL}}}
    assert (
        bundles(cluster(sections=api), index)["w-1", Role.NODE] == bundles(cluster(), index)["w-1", Role.NODE]
    )
