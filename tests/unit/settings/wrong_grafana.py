"""Invalid settings of Grafana."""

from __future__ import annotations

from typing import Any

from tests.unit.settings.support import REMOVE, InvalidSettings
from tests.unit.settings.wrong_authentication import ISSUER
from tests.unit.settings.wrong_dashboard import ISSUERS
from tests.unit.settings.wrong_dashboard import settings as dashboard_settings
from tests.unit.settings.wrong_ingress import VALID as INGRESS
from tests.unit.settings.wrong_monitoring import settings as monitoring_settings

SECTION = "addons.monitoring.grafana"
PASSWORD = "not-a-real-password"
CLIENT_SECRET = "not-a-real-client-secret"
OIDC: dict[str, Any] = {
    "auth_url": "https://login.example.com/authorize",
    "token_url": "https://login.example.com/token",
    "client_id": "grafana",
    "client_secret": CLIENT_SECRET,
    "viewers": ["corp/staff"],
}


def settings(**edits: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return settings of Grafana with changed keys."""
    return {"admin_password": PASSWORD, **edits}


def monitored(grafana: dict[str, Any]) -> dict[str, Any]:
    """Return settings of `addons.monitoring` with Grafana."""
    return monitoring_settings(grafana=grafana)


def invalid(path: str, phrase: str, /, **edits: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose Grafana has a problem at `path` below its section."""
    return InvalidSettings(f"{SECTION}.{path}", phrase, {"addons.monitoring": monitored(settings(**edits))})


def login(path: str, phrase: str, /, **keys: Any) -> InvalidSettings:  # noqa: ANN401 - JSON
    """Return settings whose login at an issuer has a problem at `path` below it."""
    oidc = {key: value for key, value in (OIDC | keys).items() if value is not REMOVE}
    return invalid(f"oidc.{path}" if path else "oidc", phrase, oidc=oidc)


_PAGE = {"host": "pages.example.com"}
GRAFANA = (
    # Logins
    InvalidSettings(
        SECTION, "has no login; add oidc, admin_password, or both", {"addons.monitoring": monitored({})}
    ),
    invalid("admin_password", "has fewer than 12 characters, or spaces", admin_password="admin"),
    login("", "no person can log in; add the groups of admins", viewers=REMOVE),
    login("admins[0]", '"*": would give this role to each person', admins=["*"], viewers=REMOVE),
    login("viewers[0]", '"corp/staff": is also in editors, which decides', editors=["corp/staff"]),
    login("viewers[0]", "not allowed in Grafana's configuration", viewers=["it's"]),
    login("groups_claim", '"groups[0]": not a claim', groups_claim="groups[0]"),
    login("client_id", '"a;b": not allowed in Grafana', client_id="a;b"),
    login("client_secret", "is empty or has spaces; give the secret of the client", client_secret=" "),
    login("auth_url", "missing; add it", auth_url=REMOVE),
    login("token_url", '"http://login.example.com": not an https URL', token_url="http://login.example.com"),
    login("token_url", "has a character that Grafana's configuration", token_url="https://l.example/a;b"),
    login("scopes[0]", '"openid": Grafana always requests it; remove it', scopes=["openid"]),
    login("scopes[0]", '"a b": not a scope of Grafana', scopes=["a b"]),
    # Pages, logs and the volume
    invalid("ingress", "nothing serves this name; add addons.ingress", ingress=_PAGE),
    InvalidSettings(
        f"{SECTION}.ingress.host",
        '"pages.example.com": addons.dashboard.ingress has this name; use another one',
        {
            "api.oidc.corp": ISSUER,
            "addons": {
                "ingress": INGRESS,
                "cert_manager": {"issuers": ISSUERS},
                "dashboard": dashboard_settings(ingress=_PAGE),
                "monitoring": monitored(settings(ingress=_PAGE)),
            },
        },
    ),
    invalid("logs", "true: there is no Loki in the cluster; add addons.logs.loki", logs=True),
    invalid("storage.size", '"100Mi": smaller than 1Gi; give Grafana', storage={"size": "100Mi"}),
    # The chart
    invalid("version", '"10.5.0": not supported; use a version 12.x, such as 12.11.2', version="10.5.0"),
    invalid(
        "repository",
        "allowed only with a chart's name",
        chart="oci://registry.example/grafana",
        repository="https://charts.example",
    ),
    invalid("values.persistence", "is determined by storage", values={"persistence": {"enabled": True}}),
    invalid("values.adminPassword", "is determined by admin_password", values={"adminPassword": "secret"}),
    invalid(
        "values.grafana.ini.auth.generic_oauth",
        "is determined by oidc",
        values={"grafana.ini": {"auth.generic_oauth": {"enabled": True}, "log": {"level": "debug"}}},
    ),
    invalid(
        "values.grafana.ini.auth.anonymous",
        "shows logs and metrics to people without a login",
        values={"grafana.ini": {"auth.anonymous": {"enabled": True}}},
    ),
    invalid("values.replicas", "pods of Grafana do not share their users", values={"replicas": 2}),
    invalid(
        "values.extraConfigmapMounts", "would replace the dashboards", values={"extraConfigmapMounts": []}
    ),
)
