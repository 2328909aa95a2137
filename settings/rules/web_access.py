"""Rules about web pages of add-ons that `addons.ingress` serves [H4]."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from settings.cluster import Settings
from settings.problem import Problem, suggestion
from settings.rules.base import RuleInput, rule
from settings.rules.cert_manager import challenge_problem
from settings.web_access import WebAccessSettings

_SECTIONS = ("addons.dashboard", "addons.monitoring")
"""The add-ons with web pages."""


def _pages(settings: Settings) -> Mapping[str, WebAccessSettings]:
    """Return the names of web pages by the paths of their settings."""
    addons = settings.addons
    grafana = addons.monitoring.grafana if addons.monitoring else None
    found = {
        "addons.dashboard.ingress": addons.dashboard.ingress if addons.dashboard else None,
        "addons.monitoring.grafana.ingress": grafana.ingress if grafana else None,
    }
    return {path: section for path, section in found.items() if section is not None}


@rule(needs_valid=_SECTIONS)
def pages_have_different_names(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse the same name for the pages of two add-ons."""
    owners: dict[str, str] = {}
    for path, section in _pages(rule_input.settings).items():
        if section.host in owners:
            yield Problem(
                f"{path}.host", f'"{section.host}"', f"{owners[section.host]} has this name; use another one"
            )
        owners.setdefault(section.host, path)


@rule(needs=("addons.ingress",), needs_valid=_SECTIONS)
def pages_are_served_with_a_certificate(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the ingress that serves pages, and a certificate that browsers can verify."""
    ingress = rule_input.settings.addons.ingress
    for path, section in _pages(rule_input.settings).items():
        if ingress is None:
            yield Problem(
                path, "", "nothing serves this name; add addons.ingress, or remove ingress and forward a port"
            )
        elif section.issuer is None and ingress.default_certificate is None:
            yield Problem(
                f"{path}.issuer",
                "",
                "missing; without it and without addons.ingress.default_certificate, browsers cannot verify "
                "the certificate of a page with logins",
            )


@rule(needs_valid=("addons.cert_manager", *_SECTIONS))
def issuers_of_pages_sign_their_names(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an issuer of cert-manager that can sign the name of the pages."""
    cert_manager = rule_input.settings.addons.cert_manager
    issuers = cert_manager.issuers if cert_manager else {}
    for path, section in _pages(rule_input.settings).items():
        if section.issuer is None:
            continue
        issuer = issuers.get(section.issuer)
        if issuer is None:
            hint = suggestion(section.issuer, issuers, "add it to addons.cert_manager.issuers")
            yield Problem(f"{path}.issuer", f'"{section.issuer}"', f"no such issuer for this name; {hint}")
        elif issuer.acme and (problem := challenge_problem(section.host, issuer.acme)):
            yield Problem(f"{path}.host", f'"{section.host}"', problem)
