"""The EncryptionConfiguration of API servers as YAML.

A changed text is a changed file on all control planes, so the text of existing clusters must not change.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from topology.encryption import Provider, ResourceEncryption
from topology.options import KmsPlugin

_HEADER = ("apiVersion: apiserver.config.k8s.io/v1", "kind: EncryptionConfiguration", "resources:")
_PLAIN_SCALAR = re.compile(r"[a-z][a-z0-9.-]*")


def encryption_configuration(
    resources: Sequence[ResourceEncryption], keys: Mapping[str, str], plugin: KmsPlugin | None = None
) -> str:
    """Return the text of `encryption.yaml`, which is secret.

    `keys` are the secretbox keys in base64 by name. `plugin` is the KMS plugin that providers of kind `kms`
    name. The file has one entry for each resource, because resources can be in different stages of a change.
    """
    lines = [*_HEADER]
    for item in resources:
        lines += [f"  - resources: [{_scalar(item.resource)}]", "    providers:"]
        for provider in item.providers:
            lines += (f"      {line}" for line in _provider_lines(provider, keys, plugin))
    return "\n".join(lines) + "\n"


def _provider_lines(provider: Provider, keys: Mapping[str, str], plugin: KmsPlugin | None) -> Iterator[str]:
    match provider.kind:
        case "identity":
            yield "- identity: {}"
        case "secretbox":
            yield from ("- secretbox:", "    keys:")
            for name in provider.names:
                yield from (f"      - name: {name}", f"        secret: {keys[name]}")
        case "kms":
            if plugin is None:
                raise ValueError("a provider of kind kms needs a plugin")
            yield from ("- kms:", "    apiVersion: v2", f"    name: {json.dumps(provider.names[0])}")
            yield from (f"    endpoint: {json.dumps(plugin.endpoint)}", f"    timeout: {plugin.timeout}")


def _scalar(text: str) -> str:
    """Return a text as a YAML scalar, with quotes if the text needs them."""
    return text if _PLAIN_SCALAR.fullmatch(text) else json.dumps(text)
