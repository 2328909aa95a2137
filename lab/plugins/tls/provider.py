"""The provider of the stand-in plugin `tls`, with the operations on its resources.

The package cryptography is imported on first use, because most previews create no key or certificate.
"""

import asyncio
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lab.plugins.runtime.diff import Diff, compare, top_level
from lab.plugins.runtime.errors import PluginError
from lab.plugins.runtime.log import EngineLog
from lab.plugins.runtime.provider import Provider
from lab.plugins.runtime.urns import resource_type
from lab.plugins.runtime.values import UNKNOWN, Properties, Secret, reveal
from lab.plugins.tls.inputs import (
    LOCALLY_SIGNED,
    PRIVATE_KEY,
    REQUEST,
    RESOURCE_KINDS,
    SELF_SIGNED,
    ResourceKind,
    check_inputs,
    with_defaults,
    without_empty_lists,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

_SECRET_RESULTS = ("privateKeyPem", "privateKeyPemPkcs8", "privateKeyOpenssh")
_VALIDITY_RESULTS = ("certPem", "validityStartTime", "validityEndTime", "readyForRenewal")
_RESULTS: Mapping[str, tuple[str, ...]] = {
    PRIVATE_KEY: (
        *_SECRET_RESULTS,
        "publicKeyPem",
        "publicKeyOpenssh",
        "publicKeyFingerprintMd5",
        "publicKeyFingerprintSha256",
    ),
    REQUEST: ("certRequestPem", "keyAlgorithm"),
    SELF_SIGNED: (*_VALIDITY_RESULTS, "keyAlgorithm"),
    LOCALLY_SIGNED: (*_VALIDITY_RESULTS, "caKeyAlgorithm"),
}


class TlsProvider(Provider):
    """Provider of PrivateKey, CertRequest, SelfSignedCert, LocallySignedCert and function getPublicKey."""

    name = "tls"
    version = "5.6.2"

    def __init__(self, log: EngineLog) -> None:
        """Create the provider. The log is not used, because all operations are short."""

    async def check(self, urn: str, olds: Properties, news: Properties, seed: bytes) -> Properties:
        """Return the inputs with private keys marked as secret. Raise CheckError if inputs are invalid."""
        return check_inputs(_resource_kind(resource_type(urn)), news)

    async def diff(
        self, urn: str, state: Properties, olds: Properties, news: Properties, ignore: list[str]
    ) -> Diff:
        """Compare the state with the new inputs. Every change replaces the resource, except
        `earlyRenewalHours`.
        """
        kind = _resource_kind(resource_type(urn))
        new = with_defaults(kind, news)
        old = {name: value for name, value in state.items() if name in kind.rules or name in new}
        changes = compare(
            without_empty_lists(old),
            without_empty_lists(new),
            lambda path: top_level(path) not in kind.in_place,
            secrecy_counts=True,
        )
        return Diff(changes, of_inputs=False).without(map(top_level, ignore))

    async def create(
        self, urn: str, inputs: Properties, *, preview: bool, timeout: float
    ) -> tuple[str, Properties]:
        """Create the private key, certificate request or certificate. Return the id and the state."""
        token = resource_type(urn)
        state = with_defaults(_resource_kind(token), inputs)
        if preview:
            return "", state | dict.fromkeys(_RESULTS[token], UNKNOWN)
        identity, results = await asyncio.to_thread(_create_resource, token, reveal(state))
        outputs = {
            name: Secret(value) if name in _SECRET_RESULTS else value for name, value in results.items()
        }
        return identity, state | outputs

    async def update(
        self,
        urn: str,
        state: Properties,
        olds: Properties,
        news: Properties,
        *,
        preview: bool,
        timeout: float,
    ) -> Properties:
        """Return the state with the new `earlyRenewalHours`. The certificate does not change."""
        token = resource_type(urn)
        results = {name: state[name] for name in _RESULTS[token] if name in state}
        updated = with_defaults(_resource_kind(token), news) | results
        return updated | _renewal_state(updated)

    async def read(
        self, urn: str, identity: str, state: Properties, inputs: Properties
    ) -> tuple[Properties, Properties]:
        """Return the stored state, and whether the renewal is due now. Raise PluginError for an import."""
        if not state:
            raise PluginError(f"{resource_type(urn)}: resources of the tls plugin cannot be imported")
        return state | _renewal_state(state), inputs

    async def delete(self, urn: str, identity: str, state: Properties, *, timeout: float) -> None:
        """Do nothing, because the resources exist only in the state."""

    async def invoke(self, token: str, args: Properties, *, preview: bool) -> Properties:
        """Return the public part of a private key (`getPublicKey`)."""
        if token != "tls:index/getPublicKey:getPublicKey":
            raise PluginError(f"this stand-in for the tls plugin has no function {token}")
        from lab.plugins.tls import keys

        arguments = reveal(args)
        name = "privateKeyPem" if arguments.get("privateKeyPem") else "privateKeyOpenssh"
        key = keys.load(arguments.get(name, ""), name)
        outputs = keys.public_key_outputs(key) | {
            "id": keys.key_id(key),
            "algorithm": keys.algorithm_name(key),
        }
        return args | outputs


def _resource_kind(token: str) -> ResourceKind:
    if token not in RESOURCE_KINDS:
        raise PluginError(f"the tls plugin has no resource {token}")
    return RESOURCE_KINDS[token]


def _create_resource(token: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Create a resource; return its id and its outputs. Runs in a thread, because RSA keys take seconds."""
    from lab.plugins.tls import certificates, keys

    if token == PRIVATE_KEY:
        key = keys.generate(inputs["algorithm"], curve=inputs["ecdsaCurve"], bits=inputs["rsaBits"])
        return keys.key_id(key), keys.private_key_outputs(key) | keys.public_key_outputs(key)
    name = RESOURCE_KINDS[token].private_key_input or ""
    key = keys.load(inputs.get(name) or inputs.get(f"{name}Wo") or "", name)
    if token == REQUEST:
        request = certificates.to_pem(certificates.create_request(inputs, key))
        identity = hashlib.sha1(request.encode(), usedforsecurity=False).hexdigest()
        return identity, {"certRequestPem": request, "keyAlgorithm": keys.algorithm_name(key)}
    if token == SELF_SIGNED:
        certificate, algorithm = certificates.create_self_signed(inputs, key), "keyAlgorithm"
    else:
        certificate, algorithm = certificates.create_locally_signed(inputs, key), "caKeyAlgorithm"
    results = _validity_outputs(certificate, certificates.to_pem(certificate), inputs["earlyRenewalHours"])
    return str(certificate.serial_number), results | {algorithm: keys.algorithm_name(key)}


def _validity_outputs(certificate: "Certificate", text: str, early_hours: int) -> dict[str, Any]:
    end = certificate.not_valid_after_utc
    return {
        "certPem": text,
        "validityStartTime": certificate.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "validityEndTime": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readyForRenewal": _is_due(end, early_hours),
    }


def _renewal_state(state: Properties) -> Properties:
    """Return the output `readyForRenewal` of a certificate for the current time; empty for other
    resources.
    """
    end, early_hours = reveal(state.get("validityEndTime")), reveal(state.get("earlyRenewalHours"))
    if not isinstance(end, str) or not isinstance(early_hours, int):
        return {}
    return {"readyForRenewal": _is_due(datetime.fromisoformat(end), early_hours)}


def _is_due(end: datetime, early_hours: int) -> bool:
    return datetime.now(UTC) > end - timedelta(hours=early_hours)
