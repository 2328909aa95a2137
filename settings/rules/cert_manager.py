"""Rules about the add-on that issues certificates for workloads, by cert-manager [H4]."""

from __future__ import annotations

from collections.abc import Iterator

from cryptography import x509

from settings.cert_manager import AcmeSettings, IssuerSettings
from settings.cluster import Settings
from settings.domains import is_in_domain
from settings.pem import first_certificate, is_key_of
from settings.problem import Problem, suggestion
from settings.rules.access import namespace_problems
from settings.rules.base import RuleInput, rule
from topology.cert_manager import NAMESPACE
from topology.options import NetworkPlugin

_SECTION = "addons.cert_manager"
_CERTIFICATE = "addons.ingress.default_certificate"


@rule(needs=(_SECTION, "network.cni"))
def cert_manager_has_a_pod_network(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a pod network during `up`, which creates issuers through the webhook."""
    settings = rule_input.settings
    if settings.addons.cert_manager and settings.network.cni is NetworkPlugin.NONE:
        yield Problem(
            _SECTION,
            "",
            "needs a pod network before up can create issuers, and network.cni: none has none; install "
            "cert-manager as a Helm release after your CNI",
        )


@rule(needs_valid=(_SECTION,))
def issuers_have_one_kind(rule_input: RuleInput) -> Iterator[Problem]:
    """Require one of the kinds of issuers, and for ACME a kind of challenges."""
    for name, issuer in _issuers(rule_input.settings):
        path = f"{_SECTION}.issuers.{name}"
        if not issuer.kinds:
            yield Problem(path, "", "needs one of acme, ca and generated_ca; add it")
        elif len(issuer.kinds) > 1:
            yield Problem(path, "", f"{' and '.join(issuer.kinds)} are set; keep one, and use another name")
        elif issuer.acme and not (issuer.acme.http01 or issuer.acme.rfc2136):
            yield Problem(
                f"{path}.acme",
                "",
                "needs http01 or rfc2136, by which the issuer checks who has a name; add one, such as "
                "http01: {}",
            )


@rule(needs=("addons.ingress",), needs_valid=(_SECTION,))
def http_challenges_have_an_ingress_class(rule_input: RuleInput) -> Iterator[Problem]:
    """Require a class for Ingress objects of challenges."""
    settings = rule_input.settings
    for name, issuer in _issuers(settings):
        http01 = issuer.acme.http01 if issuer.acme else None
        if http01 and http01.ingress_class is None and settings.addons.ingress is None:
            yield Problem(
                f"{_SECTION}.issuers.{name}.acme.http01.ingress_class",
                "",
                "missing, and the cluster has no addons.ingress; name the class of your ingress controller",
            )


@rule(needs_valid=(_SECTION,))
def given_authorities_can_sign(rule_input: RuleInput) -> Iterator[Problem]:
    """Require the certificate of a CA and the key that belongs to it."""
    for name, issuer in _issuers(rule_input.settings):
        if issuer.ca is None:
            continue
        path = f"{_SECTION}.issuers.{name}.ca"
        certificate = first_certificate(issuer.ca.certificate)
        if certificate is not None and not _is_authority(certificate):
            yield Problem(
                f"{path}.certificate",
                "",
                "the first certificate is not that of a CA, and clients reject what it signs; give the "
                "certificate of the CA first",
            )
        elif not is_key_of(issuer.ca.private_key, issuer.ca.certificate):
            yield Problem(
                f"{path}.private_key",
                "",
                "does not belong to the first certificate in certificate; give the key of that certificate",
            )


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


@rule(needs=("addons.ingress",), needs_valid=(_SECTION,))
def default_certificate_has_an_issuer(rule_input: RuleInput) -> Iterator[Problem]:
    """Require an issuer that can sign all names of the default certificate."""
    settings = rule_input.settings
    section = settings.addons.ingress.default_certificate if settings.addons.ingress else None
    if section is None or section.issuer is None:
        return
    issuers = dict(_issuers(settings))
    issuer = issuers.get(section.issuer)
    if issuer is None:
        hint = suggestion(section.issuer, issuers, f"add it to {_SECTION}.issuers")
        yield Problem(f"{_CERTIFICATE}.issuer", f'"{section.issuer}"', f"no such issuer; {hint}")
        return
    for position, name in enumerate(section.names):
        problem = challenge_problem(name, issuer.acme) if issuer.acme else ""
        if problem:
            yield Problem(f"{_CERTIFICATE}.names[{position}]", f'"{name}"', problem)


def challenge_problem(name: str, acme: AcmeSettings) -> str:
    """Return why no challenge of an issuer proves a name; empty if one does."""
    domain = name.removeprefix("*.")
    zones = acme.rfc2136.zones if acme.rfc2136 else ()
    if is_in_domain(domain, *zones):
        return ""
    if name != domain:
        return "is a wildcard, which needs challenges by DNS; add rfc2136 with its zone to the issuer"
    return "" if acme.http01 else "is in no zone of rfc2136 of the issuer; add its zone, or http01"


@rule(needs=(_SECTION, "access.namespaces"), needs_valid=("helm_releases",))
def namespace_belongs_to_cert_manager(rule_input: RuleInput) -> Iterator[Problem]:
    """Refuse other settings that create or fill the namespace of cert-manager."""
    settings = rule_input.settings
    if settings.addons.cert_manager is None:
        return
    yield from namespace_problems(settings, NAMESPACE, _SECTION)


def _issuers(settings: Settings) -> Iterator[tuple[str, IssuerSettings]]:
    """Yield the names and settings of the issuers."""
    section = settings.addons.cert_manager
    yield from section.issuers.items() if section else ()
