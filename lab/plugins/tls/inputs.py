"""Inputs of the resources of the tls plugin: fields, defaults, allowed values and secret inputs."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.plugins.runtime.errors import CheckError, CheckFailure
from lab.plugins.runtime.values import (
    Properties,
    as_secret,
    contains_secret,
    has_unknown,
    reveal,
)

PRIVATE_KEY = "tls:index/privateKey:PrivateKey"
SELF_SIGNED = "tls:index/selfSignedCert:SelfSignedCert"
REQUEST = "tls:index/certRequest:CertRequest"
LOCALLY_SIGNED = "tls:index/locallySignedCert:LocallySignedCert"

ALGORITHMS = ("RSA", "ECDSA", "ED25519")
CURVES = ("P224", "P256", "P384", "P521")
KEY_USAGES = {
    "digital_signature": "digital_signature",
    "content_commitment": "content_commitment",
    "key_encipherment": "key_encipherment",
    "data_encipherment": "data_encipherment",
    "key_agreement": "key_agreement",
    "cert_signing": "key_cert_sign",
    "crl_signing": "crl_sign",
    "encipher_only": "encipher_only",
    "decipher_only": "decipher_only",
}
"""Names in `allowedUses` for the key usage extension (RFC 5280 4.2.1.3), with cryptography's names."""
EXTENDED_USAGES = {
    "any_extended": "2.5.29.37.0",
    "server_auth": "1.3.6.1.5.5.7.3.1",
    "client_auth": "1.3.6.1.5.5.7.3.2",
    "code_signing": "1.3.6.1.5.5.7.3.3",
    "email_protection": "1.3.6.1.5.5.7.3.4",
    "ipsec_end_system": "1.3.6.1.5.5.7.3.5",
    "ipsec_tunnel": "1.3.6.1.5.5.7.3.6",
    "ipsec_user": "1.3.6.1.5.5.7.3.7",
    "timestamping": "1.3.6.1.5.5.7.3.8",
    "ocsp_signing": "1.3.6.1.5.5.7.3.9",
    "microsoft_server_gated_crypto": "1.3.6.1.4.1.311.10.3.3",
    "netscape_server_gated_crypto": "2.16.840.1.113730.4.1",
    "microsoft_commercial_code_signing": "1.3.6.1.4.1.311.2.1.22",
    "microsoft_kernel_code_signing": "1.3.6.1.4.1.311.61.1.1",
}
"""Names in `allowedUses` for the extended key usage extension (RFC 5280 4.2.1.12), with their OIDs."""

Rule = Callable[[Any], str | None]
"""A check of an input value. It returns the reason if the value is invalid, otherwise None."""


@dataclass(frozen=True)
class ResourceKind:
    """The inputs and rules of one resource type."""

    rules: Mapping[str, Rule]
    """The check of each input."""
    required: Sequence[str] = ()
    private_key_input: str | None = None
    """The input that contains a private key. `…Wo` is its write-only variant."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """Values in the state for absent inputs."""
    in_place: frozenset[str] = frozenset()
    """Inputs whose change does not replace the resource."""


def _require_type(kind: type, name: str) -> Rule:
    return lambda value: None if type(value) is kind else f"expected {name}, got {value!r}"


def _one_of(*names: str) -> Rule:
    return lambda value: None if value in names else f"value must be one of: {', '.join(names)}; got: {value}"


def _minimum(minimum: int) -> Rule:
    return lambda value: (
        None if type(value) is int and value >= minimum else f"value must be at least {minimum}"
    )


def _check_each(rule: Rule) -> Rule:
    def check_all(values: Any) -> str | None:  # noqa: ANN401 - any property value
        if not isinstance(values, list):
            return f"expected a list, got {values!r}"
        return next((problem for value in values if (problem := rule(value))), None)

    return check_all


def _check_address(value: object) -> str | None:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return f"invalid IP address {value!r}"
    return None


_TEXT, _FLAG = _require_type(str, "a string"), _require_type(bool, "a boolean")
_SUBJECT = _require_type(dict, "an object")
_NAMES = {
    "dnsNames": _check_each(_TEXT),
    "ipAddresses": _check_each(_check_address),
    "uris": _check_each(_TEXT),
}
_VALIDITY = {
    "allowedUses": _check_each(_one_of(*KEY_USAGES, *EXTENDED_USAGES)),
    "validityPeriodHours": _minimum(0),
    "earlyRenewalHours": _minimum(0),
    "isCaCertificate": _FLAG,
    "maxPathLength": _minimum(-1),
    "setSubjectKeyId": _FLAG,
}
_VALIDITY_DEFAULTS = {"earlyRenewalHours": 0, "isCaCertificate": False, "setSubjectKeyId": False}


def _key_rules(name: str) -> dict[str, Rule]:
    return {name: _TEXT, f"{name}Wo": _TEXT, f"{name}WoVersion": _minimum(0)}


RESOURCE_KINDS: Mapping[str, ResourceKind] = {
    PRIVATE_KEY: ResourceKind(
        {"algorithm": _one_of(*ALGORITHMS), "ecdsaCurve": _one_of(*CURVES), "rsaBits": _minimum(1024)},
        required=("algorithm",),
        defaults={"ecdsaCurve": "P224", "rsaBits": 2048},
    ),
    REQUEST: ResourceKind(
        {"subject": _SUBJECT, **_NAMES, **_key_rules("privateKeyPem")}, private_key_input="privateKeyPem"
    ),
    SELF_SIGNED: ResourceKind(
        {
            "subject": _SUBJECT,
            "setAuthorityKeyId": _FLAG,
            **_NAMES,
            **_VALIDITY,
            **_key_rules("privateKeyPem"),
        },
        required=("allowedUses", "validityPeriodHours"),
        private_key_input="privateKeyPem",
        defaults={**_VALIDITY_DEFAULTS, "setAuthorityKeyId": False},
        in_place=frozenset({"earlyRenewalHours"}),
    ),
    LOCALLY_SIGNED: ResourceKind(
        {"certRequestPem": _TEXT, "caCertPem": _TEXT, **_VALIDITY, **_key_rules("caPrivateKeyPem")},
        required=("allowedUses", "validityPeriodHours", "certRequestPem", "caCertPem"),
        private_key_input="caPrivateKeyPem",
        defaults=_VALIDITY_DEFAULTS,
        in_place=frozenset({"earlyRenewalHours"}),
    ),
}


def check_inputs(kind: ResourceKind, news: Properties) -> Properties:
    """Check the inputs of a resource. Return them with private keys as secrets.

    Raise CheckError with all wrong inputs.
    """
    failures = []
    for name in kind.required:
        if news.get(name) is None:
            failures.append(CheckFailure(name, f"Missing required argument: {name}"))
    keys = (kind.private_key_input, f"{kind.private_key_input}Wo") if kind.private_key_input else ()
    if kind.private_key_input and all(news.get(name) is None for name in keys):
        failures.append(
            CheckFailure(
                kind.private_key_input,
                f"Missing required argument: {kind.private_key_input} or {kind.private_key_input}Wo",
            )
        )
    for name, value in news.items():
        if name.startswith("__") or value is None or has_unknown(value):
            continue
        if name not in kind.rules:
            failures.append(CheckFailure(name, "An argument of this name is not expected here"))
        elif problem := kind.rules[name](reveal(value)):
            failures.append(CheckFailure(name, "wrong value" if contains_secret(value) else problem))
    if failures:
        raise CheckError(failures)
    return {name: as_secret(value) if name in keys else value for name, value in news.items()}


def with_defaults(kind: ResourceKind, inputs: Properties) -> Properties:
    """Return the inputs with defaults and without nulls, as in a state."""
    provided = {
        name: value for name, value in inputs.items() if value is not None and not name.startswith("__")
    }
    return {**kind.defaults, **provided}


def without_empty_lists(inputs: Properties) -> Properties:
    """Return the inputs without empty lists, because an empty list means the same as no list."""
    return {name: value for name, value in inputs.items() if reveal(value) != []}
