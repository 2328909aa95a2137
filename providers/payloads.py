"""Payloads (the secret part of bundles) as secret Pulumi outputs."""

from __future__ import annotations

from pulumi import Output

from components.provider import Secrets
from nodeconfig import render
from nodeconfig.bundle import Bundle
from topology.identities import TOKEN_FILE, TokenOwner


def secret_payload(bundle: Bundle, secrets: Secrets, owner: TokenOwner | None) -> Output[str]:
    """Return the payload of a bundle as a secret, with only the secrets that the bundle names.

    `owner` is the host that receives the payload, and whose bootstrap token the payload contains. None for
    the machines of a pool, which make their tokens themselves.
    """
    names = sorted({file.secret for file in bundle.secrets})
    contents = Output.all(
        *(secrets[owner.secret if owner and name == TOKEN_FILE else name] for name in names)
    )
    text: Output[str] = contents.apply(
        lambda texts: render.payload(bundle, dict(zip(names, texts, strict=True)))
    )
    return Output.secret(text)
