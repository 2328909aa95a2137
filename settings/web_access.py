"""Settings of web pages of add-ons that `addons.ingress` serves [H4]."""

from __future__ import annotations

from settings.base import Section
from settings.types import Name, Subdomain


class WebAccessSettings(Section):
    """A name at which `addons.ingress` serves the pages of an add-on, over HTTPS only."""

    host: Subdomain
    """DNS name of the pages, such as `pages.example.com`."""
    issuer: Name | None = None
    """Issuer of `addons.cert_manager` that signs the certificate; default: the default certificate of
    `addons.ingress`.
    """
