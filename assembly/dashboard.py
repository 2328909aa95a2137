"""Conversion of the settings of the dashboard to plain data."""

from __future__ import annotations

from collections.abc import Mapping

from assembly.charts import build_chart
from assembly.web_access import build_web_access
from settings.cluster import Settings
from topology.dashboard import Dashboard


def build_dashboard(settings: Settings, files: Mapping[str, str] | None) -> Dashboard | None:
    """Return the add-on that valid settings describe; None for a cluster without it. `files` maps paths in
    the settings to texts; without it the issuer has no certificate authority.
    """
    section = settings.addons.dashboard
    if section is None:
        return None
    issuer = settings.api.oidc[section.oidc or next(iter(settings.api.oidc))]
    return Dashboard(
        issuer=issuer.url,
        issuer_ca=files[issuer.ca_file] if files is not None and issuer.ca_file else "",
        client_id=section.client_id or issuer.audiences[0],
        scopes=section.scopes,
        web=build_web_access(section.ingress),
        chart=build_chart(section),
    )
