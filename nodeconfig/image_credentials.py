"""The credential provider of the kubelet, which gets credentials for images by the machine's identity."""

from __future__ import annotations

from nodeconfig.bundle import File
from nodeconfig.component import Component, json_file
from nodeconfig.host_paths import BIN, KUBERNETES
from topology.options import CredentialProvider

CONFIG = f"{KUBERNETES}/credential-providers.json"
"""File with the CredentialProviderConfig, which the kubelet reads when it starts."""
_AUTHORITY = f"{KUBERNETES}/credential-provider-ca.crt"


def component(provider: CredentialProvider | None) -> Component:
    """Return the files and the program of a credential provider; an empty component for None."""
    if provider is None:
        return Component()
    authority = (File(_AUTHORITY, provider.authority.rstrip("\n") + "\n"),) if provider.authority else ()
    return Component(
        files=(json_file(CONFIG, _configuration(provider)), *authority),
        artifacts=((provider.program, f"{BIN}/{provider.program}"),),
    )


def flags(provider: CredentialProvider | None) -> list[str]:
    """Return the flags of the kubelet for a credential provider."""
    if provider is None:
        return []
    return [f"--image-credential-provider-config={CONFIG}", f"--image-credential-provider-bin-dir={BIN}"]


def _configuration(provider: CredentialProvider) -> dict[str, object]:
    """Return the CredentialProviderConfig.

    https://kubernetes.io/docs/reference/config-api/kubelet-config.v1/
    """
    variables = dict(provider.environment)
    if provider.authority:
        variables[provider.authority_variable] = _AUTHORITY
    return {
        "apiVersion": "kubelet.config.k8s.io/v1",
        "kind": "CredentialProviderConfig",
        "providers": [
            {
                "name": provider.program,
                "apiVersion": "credentialprovider.kubelet.k8s.io/v1",
                "matchImages": list(provider.images),
                # The program says how long its credentials are valid. Otherwise they are not cached.
                "defaultCacheDuration": "0s",
                "env": [{"name": name, "value": value} for name, value in variables.items()],
            }
        ],
    }
