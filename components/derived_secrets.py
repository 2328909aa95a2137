"""Secrets that are no certificates, derived from private keys that pulumi-tls keeps in the state. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac

_ENCRYPTION = """\
apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
  - resources: [secrets]
    providers:
      - secretbox:
          keys:
            - name: key1
              secret: {key}
      - identity: {{}}
"""


def bootstrap_token(private_key: str) -> str:
    """A bootstrap token, `abcdef.0123456789abcdef`: its second part carries 80 bits.

    The form is that of kubernetes.io/docs/reference/access-authn-authz/bootstrap-tokens.
    """
    text = base64.b32encode(_derive(private_key, "bootstrap token")).decode().lower()
    return f"{text[:6]}.{text[6:22]}"


def encryption_configuration(private_key: str) -> str:
    """The API server's EncryptionConfiguration: Secrets by secretbox with a key of 32 bytes.

    `identity` comes last so that objects written before encryption was on can still be read.
    """
    return _ENCRYPTION.format(key=base64.b64encode(_derive(private_key, "encryption at rest")).decode())


def _derive(private_key: str, purpose: str) -> bytes:
    """32 bytes that nobody can tell from random without the key; another purpose gives others."""
    return hmac.new(private_key.encode(), f"kubewright {purpose}".encode(), hashlib.sha256).digest()
