"""Grafana, which shows the metrics and logs of the cluster, as plain data [H4].

Passwords and the secret of the client are not part of it. They are in a Secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.charts import Chart
from topology.web_access import WebAccess

VERSION = "12.11.2"
"""The default version of the chart, which installs Grafana 13."""
SERIES = "12"
"""The major version of the chart whose values Kubewright knows."""
REPOSITORY = "https://grafana-community.github.io/helm-charts"
PORT = 3000
"""The port of Grafana in its pod."""
ANY_PERSON = "*"
"""The name in place of a group for each person of an issuer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GrafanaLogin:
    """The login at an OpenID Connect issuer as a client. `ca` is the PEM of the certificate authority of the
    issuer; empty: public authorities. `userinfo_url` can be empty. People have the first role that one of
    their groups in the claim `groups_claim` gives them; others cannot log in.
    """

    auth_url: str
    token_url: str
    userinfo_url: str
    ca: str
    client_id: str
    scopes: tuple[str, ...]
    groups_claim: str
    admins: tuple[str, ...]
    editors: tuple[str, ...]
    viewers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grafana:
    """Grafana with its logins: the user `admin` if `has_admin`, and people of an issuer with a `login`.

    `storage` is the size of its volume as a quantity, empty without a volume; an empty `storage_class` is the
    default class. With `logs`, Grafana reads Loki in the cluster. Without `web`, only `kubectl port-forward`
    reaches it.
    """

    has_admin: bool
    login: GrafanaLogin | None
    web: WebAccess | None
    storage: str
    storage_class: str
    logs: bool
    chart: Chart

    @property
    def url(self) -> str:
        """The URL of Grafana in a browser."""
        return f"https://{self.web.host}/" if self.web else f"http://localhost:{PORT}/"
