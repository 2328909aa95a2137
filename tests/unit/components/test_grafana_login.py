"""Tests of the logins of Grafana in the program, on mocks."""

from __future__ import annotations

from typing import Any

import jmespath  # type: ignore[import-untyped]  # a requirement of boto3
import pytest

from components.addons.grafana_values import role_expression
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, Json
from tests.unit.components.test_grafana import CERTIFICATE, deployed, ini, texts, values
from tests.unit.settings.wrong_grafana import CLIENT_SECRET, OIDC, settings
from topology.grafana import GrafanaLogin

ROLES = {"admins": (), "editors": (), "viewers": ()}


@pytest.fixture(scope="module")
def small(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return a cluster whose Grafana has only an administrator."""
    return deployed(deploy, tmp_path_factory.mktemp("small"), settings())


@pytest.fixture(scope="module")
def both(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    directory = tmp_path_factory.mktemp("both")
    oidc = OIDC | {"ca_file": str(directory / "ca.pem"), "userinfo_url": "https://login.example.com/me"}
    return deployed(deploy, directory, settings(oidc=oidc))


@pytest.fixture(scope="module")
def people(deploy: Deploy, tmp_path_factory: pytest.TempPathFactory) -> Graph:
    """Return a cluster whose Grafana has only the login at an issuer."""
    return deployed(deploy, tmp_path_factory.mktemp("people"), {"oidc": OIDC})


def test_administrator_logs_in_with_the_password(small: Graph, people: Graph) -> None:
    admin = {
        "existingSecret": "grafana-credentials",
        "userKey": "admin-user",
        "passwordKey": "admin-password",
    }
    assert values(small)["admin"] == admin
    assert "env" not in values(small)
    assert "auth.generic_oauth" not in ini(small)
    assert ini(small)["auth"]["disable_login_form"] is False
    assert values(people)["env"] == {"GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION": "true"}
    assert "admin" not in values(people)
    assert ini(people)["auth"]["disable_login_form"] is True
    assert ini(people)["auth.generic_oauth"]["auto_login"] is True
    assert texts(people, "grafana-credentials") == {"client-secret": CLIENT_SECRET}


def test_people_log_in_at_the_issuer(both: Graph) -> None:
    login = ini(both)["auth.generic_oauth"]
    assert login["client_secret"] == "$__file{/etc/grafana/credentials/client-secret}"
    assert login["scopes"] == "openid profile email"
    assert login["use_pkce"] is True
    assert login["auto_login"] is False
    assert login["api_url"] == "https://login.example.com/me"
    assert login["tls_client_ca"] == "/etc/grafana/issuer/ca.crt"
    assert both.node("grafana-issuer-ca").inputs["data"] == {"ca.crt": CERTIFICATE}
    assert login["role_attribute_strict"] is True


@pytest.mark.parametrize(
    ("roles", "claims", "role"),
    [
        ({"admins": ("ops",), "viewers": ("staff",)}, {"groups": ["staff", "ops"]}, "Admin"),
        ({"admins": ("ops",), "editors": ("dev",)}, {"groups": ["dev"]}, "Editor"),
        ({"admins": ("ops",), "viewers": ("staff",)}, {"groups": ["staff"]}, "Viewer"),
        ({"admins": ("ops",), "viewers": ("staff",)}, {"groups": ["opsis"]}, False),
        ({"viewers": ("staff",)}, {}, False),
        ({"admins": ("ops",), "viewers": ("*",)}, {}, "Viewer"),
        ({"admins": ("ops",), "viewers": ("*", "staff")}, {"groups": ["ops"]}, "Admin"),
    ],
)
def test_groups_of_a_person_decide_about_the_role(roles: Json, claims: Json, role: object) -> None:
    keys: Any = ROLES | roles
    keys |= dict.fromkeys(("auth_url", "token_url", "userinfo_url", "ca", "client_id"), "")
    login = GrafanaLogin(**keys, scopes=(), groups_claim="groups")
    assert jmespath.search(role_expression(login), claims) == role
    # Grafana's INI parser removes quotes around a whole value.
    assert role_expression(login)[0] not in "'\"`"
