"""Mocks of the tls plugin with real keys and certificates, which later runs reuse like a Pulumi state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import mocks

from lab.plugins.tls import certificates, keys
from tests.unit.components.graph import Json, Plugins, without_secret_marks

_DEFAULTS = {"isCaCertificate": False, "setSubjectKeyId": False, "setAuthorityKeyId": False}


class Engine(Plugins):
    """Mocks of plugins that keep resources with unchanged inputs and create all other resources again."""

    def __init__(self) -> None:
        self._made: dict[tuple[str, str], tuple[str, Json]] = {}

    def forget(self, name: str) -> None:
        """Forget a resource, as the engine does when the replacement trigger changes."""
        self._made = {key: made for key, made in self._made.items() if key[1] != name}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        if not args.typ.startswith("tls:"):
            return super().new_resource(args)
        inputs = without_secret_marks(args.inputs)
        asked = json.dumps(inputs, sort_keys=True)
        before, state = self._made.get((args.typ, args.name), ("", {}))
        if before != asked:
            state = _results(args.typ, {**_DEFAULTS, **inputs})
            self._made[args.typ, args.name] = asked, state
        results = {
            name: pulumi.Output.secret(value) if name == "privateKeyPem" else value
            for name, value in state.items()
        }
        return f"{args.name}-id", {**args.inputs, **results}

    def made(self, kind: str) -> dict[str, object]:
        """Return the states of all resources of a type (`PrivateKey`) by name."""
        return {name: state for (token, name), (_, state) in self._made.items() if token.endswith(f":{kind}")}


def _results(token: str, inputs: Mapping[str, Any]) -> Json:
    if token.endswith(":PrivateKey"):
        key = keys.generate("ECDSA", curve="P256", bits=0)
        return {
            "privateKeyPem": keys.private_forms(key)["privateKeyPem"],
            "publicKeyPem": keys.public_forms(key)["publicKeyPem"],
        }
    if token.endswith(":CertRequest"):
        key = keys.load(inputs["privateKeyPem"], "privateKeyPem")
        return {"certRequestPem": certificates.pem(certificates.request(inputs, key))}
    if token.endswith(":SelfSignedCert"):
        key = keys.load(inputs["privateKeyPem"], "privateKeyPem")
        return {"certPem": certificates.pem(certificates.self_signed(inputs, key))}
    key = keys.load(inputs["caPrivateKeyPem"], "caPrivateKeyPem")
    return {"certPem": certificates.pem(certificates.locally_signed(inputs, key))}
