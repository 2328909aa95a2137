"""Web pages of add-ons that the ingress serves, as plain data [H4]."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WebAccess:
    """The DNS name of web pages. `issuer` is the ClusterIssuer that signs their certificate; empty: the
    default certificate of the ingress.
    """

    host: str
    issuer: str = ""
