"""The add-on with a web interface for the cluster, by Headlamp, as plain data [H4].

The secret of the client is not part of it. It is in a Secret.
"""

from __future__ import annotations

from dataclasses import dataclass

from topology.charts import Chart
from topology.web_access import WebAccess

NAMESPACE = "headlamp"
"""The namespace of the add-on."""
VERSION = "0.44.0"
"""The default version of the chart, which installs the same version of Headlamp."""
SERIES = "0"
"""The major version of the chart whose values Kubewright knows."""
REPOSITORY = "https://kubernetes-sigs.github.io/headlamp/"
PORT = 4466
"""The port of Headlamp in its pod."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Headlamp.

    `issuer` is the URL of the OpenID Connect issuer of the API servers at which people log in as `client_id`.
    `issuer_ca` is the PEM of its certificate authority; empty: public authorities. Without `web`, only
    `kubectl port-forward` reaches the pages.
    """

    issuer: str
    issuer_ca: str
    client_id: str
    scopes: tuple[str, ...]
    web: WebAccess | None
    chart: Chart

    @property
    def callback(self) -> str:
        """The URL to which the issuer sends a browser after a login."""
        origin = f"https://{self.web.host}" if self.web else f"http://localhost:{PORT}"
        return f"{origin}/oidc-callback"
