"""Conversion of the settings of web pages of add-ons to plain data."""

from __future__ import annotations

from settings.web_access import WebAccessSettings
from topology.web_access import WebAccess


def build_web_access(section: WebAccessSettings | None) -> WebAccess | None:
    """Return the name of web pages that valid settings describe; None without one."""
    return WebAccess(section.host, section.issuer or "") if section else None
