"""Mocks of the tls plugin with real keys and certificates, which later runs reuse like a Pulumi state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi.runtime import mocks

from lab.plugins.tls import certificates, keys
from tests.unit.components.graph import Json, PluginMocks, without_secret_marks

_DEFAULTS = {"isCaCertificate": False, "setSubjectKeyId": False, "setAuthorityKeyId": False}


class CertificatePluginMocks(PluginMocks):
    """Mocks of plugins. A certificate or key with unchanged inputs keeps its state.

    If its inputs change, the mocks create it again.
    """

    def __init__(self) -> None:
        self._states: dict[tuple[str, str], tuple[str, Json]] = {}

    def copy(self) -> CertificatePluginMocks:
        """Return mocks with the same states. Changes of one have no effect on the other."""
        copied = CertificatePluginMocks()
        copied._states = dict(self._states)
        return copied

    def forget(self, name: str) -> None:
        """Delete the state of a resource, as the engine does when the replacement trigger changes."""
        self._states = {key: state for key, state in self._states.items() if key[1] != name}

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, Json]:
        if not args.typ.startswith("tls:"):
            return super().new_resource(args)
        inputs = without_secret_marks(args.inputs)
        inputs_json = json.dumps(inputs, sort_keys=True)
        known_inputs_json, state = self._states.get((args.typ, args.name), ("", {}))
        if known_inputs_json != inputs_json:
            state = _create_state(args.typ, {**_DEFAULTS, **inputs})
            self._states[args.typ, args.name] = inputs_json, state
        outputs = {
            name: pulumi.Output.secret(value) if name == "privateKeyPem" else value
            for name, value in state.items()
        }
        return f"{args.name}-id", {**args.inputs, **outputs}

    def states_of_type(self, kind: str) -> dict[str, object]:
        """Return the states of all resources of a type (`PrivateKey`) by name."""
        return {
            name: state for (token, name), (_, state) in self._states.items() if token.endswith(f":{kind}")
        }


def _create_state(token: str, inputs: Mapping[str, Any]) -> Json:
    if token.endswith(":PrivateKey"):
        # Longer keys only make tests slower.
        bits = min(2048, int(inputs.get("rsaBits") or 2048))
        key = keys.generate(inputs["algorithm"], curve="P256", bits=bits)
        return {
            "privateKeyPem": keys.private_key_outputs(key)["privateKeyPem"],
            "publicKeyPem": keys.public_key_outputs(key)["publicKeyPem"],
        }
    if token.endswith(":CertRequest"):
        key = keys.load(inputs["privateKeyPem"], "privateKeyPem")
        return {"certRequestPem": certificates.to_pem(certificates.create_request(inputs, key))}
    if token.endswith(":SelfSignedCert"):
        key = keys.load(inputs["privateKeyPem"], "privateKeyPem")
        return {"certPem": certificates.to_pem(certificates.create_self_signed(inputs, key))}
    key = keys.load(inputs["caPrivateKeyPem"], "caPrivateKeyPem")
    return {"certPem": certificates.to_pem(certificates.create_locally_signed(inputs, key))}
