"""The provider: what happens to each of the plugin's resources.

cryptography is imported on first use, since most previews make nothing.
"""

import asyncio
import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from pulumi.provider.experimental import provider as api
from pulumi.provider.experimental.property_value import PropertyValue

from lab.plugins.common.diff import diff_inputs
from lab.plugins.common.engine import EngineLog
from lab.plugins.common.errors import ProviderError
from lab.plugins.common.urns import resource_type
from lab.plugins.common.values import UNKNOWN_VALUE, Properties, plain_map, wrap
from lab.plugins.tls.inputs import (
    KINDS,
    LOCALLY_SIGNED,
    PRIVATE_KEY,
    REQUEST,
    SELF_SIGNED,
    Kind,
    check,
    comparable,
    filled,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

VERSION = "5.6.2"

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


class TlsProvider(api.Provider):
    """Resources PrivateKey, CertRequest, SelfSignedCert, LocallySignedCert; function getPublicKey."""

    def __init__(self, log: EngineLog) -> None:
        self._log = log

    async def get_schema(self, request: api.GetSchemaRequest) -> api.GetSchemaResponse:
        """Name and version only: programs use the official SDK, which brings its own types."""
        return api.GetSchemaResponse(json.dumps({"name": "tls", "version": VERSION}))

    async def configure(self, request: api.ConfigureRequest) -> api.ConfigureResponse:
        """Nothing to configure (a proxy would only serve getCertificate); previews are answered."""
        return api.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: api.CheckRequest) -> api.CheckResponse:
        """Mark private keys secret, find what is wrong."""
        return api.CheckResponse(*check(_kind(resource_type(request.urn)), request.new_inputs))

    async def diff(self, request: api.DiffRequest) -> api.DiffResponse:
        """Every change replaces, but that of the hours before a renewal."""
        kind = _kind(resource_type(request.urn))
        new = filled(kind, request.new_inputs)
        old = {name: value for name, value in request.old_state.items() if name in kind.rules or name in new}
        return diff_inputs(
            {name: comparable(value) for name, value in old.items()},
            {name: comparable(value) for name, value in new.items()},
            replaces=lambda name: name not in kind.in_place,
            ignore=request.ignore_changes,
        )

    async def create(self, request: api.CreateRequest) -> api.CreateResponse:
        """Make the key, request or certificate."""
        inputs = filled(_kind(resource_type(request.urn)), request.properties)
        if request.preview:
            return api.CreateResponse(
                "", inputs | dict.fromkeys(_RESULTS[resource_type(request.urn)], UNKNOWN_VALUE)
            )
        identity, results = await asyncio.to_thread(_make, resource_type(request.urn), plain_map(inputs))
        outputs = {name: wrap(value, secret=name in _SECRET_RESULTS) for name, value in results.items()}
        return api.CreateResponse(identity, inputs | outputs)

    async def update(self, request: api.UpdateRequest) -> api.UpdateResponse:
        """Only the hours before a renewal change in place; the certificate stays."""
        kept = {
            name: request.olds[name] for name in _RESULTS[resource_type(request.urn)] if name in request.olds
        }
        state = filled(_kind(resource_type(request.urn)), request.news) | kept
        return api.UpdateResponse(state | _renewal(state))

    async def read(self, request: api.ReadRequest) -> api.ReadResponse:
        """The state is all there is; only the time for a renewal may have come."""
        if not request.properties:
            raise ProviderError(
                f"{resource_type(request.urn)}: resources of the tls plugin cannot be imported"
            )
        return api.ReadResponse(
            request.resource_id, request.properties | _renewal(request.properties), request.inputs
        )

    async def delete(self, request: api.DeleteRequest) -> None:
        """Nothing exists outside the state."""

    async def invoke(self, request: api.InvokeRequest) -> api.InvokeResponse:
        """`getPublicKey`: what is public of a private key."""
        if request.tok != "tls:index/getPublicKey:getPublicKey":
            raise ProviderError(f"this stand-in for the tls plugin has no function {request.tok}")
        from lab.plugins.tls import keys

        given = plain_map(request.args)
        name = "privateKeyPem" if given.get("privateKeyPem") else "privateKeyOpenssh"
        key = keys.load(given.get(name, ""), name)
        outputs = keys.public_forms(key) | {"id": keys.identity(key), "algorithm": keys.algorithm(key)}
        return api.InvokeResponse(request.args | {name: wrap(value) for name, value in outputs.items()})


def _kind(token: str) -> Kind:
    if token not in KINDS:
        raise ProviderError(f"the tls plugin has no resource {token}")
    return KINDS[token]


def _make(token: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """The id and the results of one resource; runs in a thread, keys take their time."""
    from lab.plugins.tls import certificates, keys

    if token == PRIVATE_KEY:
        key = keys.generate(inputs["algorithm"], curve=inputs["ecdsaCurve"], bits=inputs["rsaBits"])
        return keys.identity(key), keys.private_forms(key) | keys.public_forms(key)
    name = KINDS[token].key or ""
    key = keys.load(inputs.get(name) or inputs.get(f"{name}Wo") or "", name)
    if token == REQUEST:
        asked = certificates.pem(certificates.request(inputs, key))
        identity = hashlib.sha1(asked.encode(), usedforsecurity=False).hexdigest()
        return identity, {"certRequestPem": asked, "keyAlgorithm": keys.algorithm(key)}
    if token == SELF_SIGNED:
        made, algorithm = certificates.self_signed(inputs, key), "keyAlgorithm"
    else:
        made, algorithm = certificates.locally_signed(inputs, key), "caKeyAlgorithm"
    results = _validity(made, certificates.pem(made), inputs["earlyRenewalHours"])
    return str(made.serial_number), results | {algorithm: keys.algorithm(key)}


def _validity(made: "Certificate", text: str, early_hours: int) -> dict[str, Any]:
    end = made.not_valid_after_utc
    return {
        "certPem": text,
        "validityStartTime": made.not_valid_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "validityEndTime": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "readyForRenewal": _due(end, early_hours),
    }


def _renewal(state: Properties) -> Properties:
    """Whether the renewal of a certificate in a state is due now; nothing for other resources."""
    end, early = state.get("validityEndTime"), state.get("earlyRenewalHours")
    if end is None or early is None or not isinstance(end.value, str) or not isinstance(early.value, float):
        return {}
    return {"readyForRenewal": PropertyValue(_due(datetime.fromisoformat(end.value), int(early.value)))}


def _due(end: datetime, early_hours: int) -> bool:
    return datetime.now(UTC) > end - timedelta(hours=early_hours)
