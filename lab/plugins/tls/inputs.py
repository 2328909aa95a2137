"""What each resource takes: fields, defaults, allowed values, and which inputs are secret."""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import CheckFailure

from lab.plugins.common.values import Properties, as_secret, contains_unknown, plain, wrap

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
"""The names in `allowedUses` that go to the key usage extension (RFC 5280 4.2.1.3), as cryptography's."""
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
"""Those that go to the extended key usage extension (RFC 5280 4.2.1.12), with their identifiers."""

Rule = Callable[[Any], str | None]


@dataclass(frozen=True)
class Kind:
    """One resource type."""

    rules: Mapping[str, Rule]
    required: Sequence[str] = ()
    key: str | None = None
    """The input with a private key, which may be given write-only (`…Wo`) instead."""
    defaults: Mapping[str, Any] = field(default_factory=dict)
    """What the state holds for inputs that were not given."""
    in_place: frozenset[str] = frozenset()
    """Inputs whose change does not replace the resource."""


def _is(kind: type, name: str) -> Rule:
    return lambda value: None if type(value) is kind else f"expected {name}, got {value!r}"


def _one_of(*names: str) -> Rule:
    return lambda value: None if value in names else f"value must be one of: {', '.join(names)}; got: {value}"


def _at_least(least: int) -> Rule:
    return lambda value: None if type(value) is int and value >= least else f"value must be at least {least}"


def _each(rule: Rule) -> Rule:
    def check_all(values: Any) -> str | None:  # noqa: ANN401 - any property value
        if not isinstance(values, list):
            return f"expected a list, got {values!r}"
        return next((problem for value in values if (problem := rule(value))), None)

    return check_all


def _address(value: object) -> str | None:
    try:
        ipaddress.ip_address(str(value))
    except ValueError:
        return f"invalid IP address {value!r}"
    return None


_TEXT, _FLAG = _is(str, "a string"), _is(bool, "a boolean")
_SUBJECT = _is(dict, "an object")
_NAMES = {"dnsNames": _each(_TEXT), "ipAddresses": _each(_address), "uris": _each(_TEXT)}
_VALIDITY = {
    "allowedUses": _each(_one_of(*KEY_USAGES, *EXTENDED_USAGES)),
    "validityPeriodHours": _at_least(0),
    "earlyRenewalHours": _at_least(0),
    "isCaCertificate": _FLAG,
    "maxPathLength": _at_least(-1),
    "setSubjectKeyId": _FLAG,
}
_VALIDITY_DEFAULTS = {"earlyRenewalHours": 0, "isCaCertificate": False, "setSubjectKeyId": False}


def _key(name: str) -> dict[str, Rule]:
    return {name: _TEXT, f"{name}Wo": _TEXT, f"{name}WoVersion": _at_least(0)}


KINDS: Mapping[str, Kind] = {
    PRIVATE_KEY: Kind(
        {"algorithm": _one_of(*ALGORITHMS), "ecdsaCurve": _one_of(*CURVES), "rsaBits": _at_least(1024)},
        required=("algorithm",),
        defaults={"ecdsaCurve": "P224", "rsaBits": 2048},
    ),
    REQUEST: Kind({"subject": _SUBJECT, **_NAMES, **_key("privateKeyPem")}, key="privateKeyPem"),
    SELF_SIGNED: Kind(
        {"subject": _SUBJECT, "setAuthorityKeyId": _FLAG, **_NAMES, **_VALIDITY, **_key("privateKeyPem")},
        required=("allowedUses", "validityPeriodHours"),
        key="privateKeyPem",
        defaults={**_VALIDITY_DEFAULTS, "setAuthorityKeyId": False},
        in_place=frozenset({"earlyRenewalHours"}),
    ),
    LOCALLY_SIGNED: Kind(
        {"certRequestPem": _TEXT, "caCertPem": _TEXT, **_VALIDITY, **_key("caPrivateKeyPem")},
        required=("allowedUses", "validityPeriodHours", "certRequestPem", "caCertPem"),
        key="caPrivateKeyPem",
        defaults=_VALIDITY_DEFAULTS,
        in_place=frozenset({"earlyRenewalHours"}),
    ),
}


def check(kind: Kind, given: Properties) -> tuple[Properties, list[CheckFailure]]:
    """The inputs with private keys marked secret, and every failure found in them."""
    failures = []
    for name in kind.required:
        if name not in given or given[name].value is None:
            failures.append(CheckFailure(name, f"Missing required argument: {name}"))
    if kind.key and not any(given.get(name) for name in (kind.key, f"{kind.key}Wo")):
        failures.append(CheckFailure(kind.key, f"Missing required argument: {kind.key} or {kind.key}Wo"))
    for name, value in given.items():
        if name.startswith("__") or value.value is None or contains_unknown(value):
            continue
        if name not in kind.rules:
            failures.append(CheckFailure(name, "An argument of this name is not expected here"))
        elif problem := kind.rules[name](plain(value)):
            failures.append(CheckFailure(name, "wrong value" if value.contains_secret() else problem))
    keys = (kind.key, f"{kind.key}Wo")
    return {name: as_secret(value) if name in keys else value for name, value in given.items()}, failures


def filled(kind: Kind, inputs: Properties) -> Properties:
    """The inputs with defaults, as a state holds them; without those that are null."""
    known = {name: value for name, value in inputs.items() if value.value is not None}
    return {name: wrap(value) for name, value in kind.defaults.items()} | {
        name: value for name, value in known.items() if not name.startswith("__")
    }


def comparable(value: PropertyValue) -> PropertyValue:
    """An empty list means the same as none."""
    return PropertyValue.null() if plain(value) == [] else value
