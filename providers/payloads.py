"""Payloads (the secret part of bundles) as secret Pulumi outputs."""

from __future__ import annotations

from pulumi import Output

from components.provider import Secrets
from nodeconfig import render
from nodeconfig.bundle import Bundle
from topology.identities import PAYLOAD_SALT, TOKEN_FILE, TokenOwner


def secret_payload(
    bundle: Bundle, secrets: Secrets, owner: TokenOwner | None, *, public_digest: bool = False
) -> Output[str]:
    """Return the payload of a bundle as a secret, with only the secrets that the bundle names.

    `owner` is the host that receives the payload, and whose bootstrap token the payload contains. None for
    the machines of a pool, which create their own tokens. With `public_digest`, a payload without a key or
    token gets a salt. Without the salt, the digest would show whether a guess of the password of a registry
    is right.
    """
    names = sorted({file.secret for file in bundle.secrets})
    has_key = any(name == TOKEN_FILE or name.endswith(".key") for name in names)
    salt = secrets[PAYLOAD_SALT] if public_digest and not has_key else Output.from_input("")
    contents = Output.all(
        salt, *(secrets[owner.secret if owner and name == TOKEN_FILE else name] for name in names)
    )
    text: Output[str] = contents.apply(
        lambda texts: render.payload(bundle, dict(zip(names, texts[1:], strict=True)), salt=texts[0])
    )
    return Output.secret(text)
