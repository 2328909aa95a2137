"""The kubeconfig of the administrator."""

from __future__ import annotations

import base64
import json


def kubeconfig(*, cluster: str, server: str, ca: str, certificate: str, key: str) -> str:
    """Return a kubeconfig with embedded certificates. `ca`, `certificate` and `key` are PEM texts.

    The format is JSON, which every YAML parser can read.
    """
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {
                    "name": cluster,
                    "cluster": {"server": server, "certificate-authority-data": _encode_base64(ca)},
                }
            ],
            "users": [
                {
                    "name": "admin",
                    "user": {
                        "client-certificate-data": _encode_base64(certificate),
                        "client-key-data": _encode_base64(key),
                    },
                }
            ],
            "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": "admin"}}],
            "current-context": cluster,
        },
        indent=1,
    )


def _encode_base64(pem: str) -> str:
    return base64.b64encode(pem.encode()).decode()
