"""Conversion of the settings of Grafana to plain data."""

from __future__ import annotations

from collections.abc import Mapping

from assembly.charts import build_chart
from assembly.web_access import build_web_access
from settings.cluster import Settings
from settings.grafana import GrafanaLoginSettings, GrafanaSettings
from topology.grafana import Grafana, GrafanaLogin


def build_grafana(
    section: GrafanaSettings | None, settings: Settings, files: Mapping[str, str] | None
) -> Grafana | None:
    """Return Grafana as valid settings describe it; None for a cluster without it. `files` maps paths in the
    settings to texts; without it the issuer has no certificate authority.
    """
    if section is None:
        return None
    has_loki = settings.addons.logs is not None and settings.addons.logs.loki is not None
    return Grafana(
        has_admin=section.admin_password is not None,
        login=_login(section.oidc, files) if section.oidc else None,
        web=build_web_access(section.ingress),
        storage=section.storage.size if section.storage else "",
        storage_class=(section.storage.storage_class if section.storage else "") or "",
        logs=has_loki if section.logs is None else section.logs,
        chart=build_chart(section),
    )


def _login(section: GrafanaLoginSettings, files: Mapping[str, str] | None) -> GrafanaLogin:
    return GrafanaLogin(
        auth_url=section.auth_url,
        token_url=section.token_url,
        userinfo_url=section.userinfo_url or "",
        ca=files[section.ca_file] if files is not None and section.ca_file else "",
        client_id=section.client_id,
        scopes=section.scopes,
        groups_claim=section.groups_claim,
        admins=section.admins,
        editors=section.editors,
        viewers=section.viewers,
    )
