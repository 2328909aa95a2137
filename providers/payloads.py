"""Payloads of bundles as the engine has them: secrets, joined once they are known."""

from __future__ import annotations

from pulumi import Output

from components.provider import Secrets
from nodeconfig import render
from nodeconfig.bundle import Bundle


def payload(bundle: Bundle, secrets: Secrets) -> Output[str]:
    """The bundle's payload; it has the secrets that the bundle names, and no others. Itself a secret."""
    names = sorted({file.secret for file in bundle.secrets})
    contents = Output.all(*(secrets[name] for name in names))
    joined: Output[str] = contents.apply(
        lambda texts: render.payload(bundle, dict(zip(names, texts, strict=True)))
    )
    return Output.secret(joined)
