"""Digests of files in annotations of pods, so that pods restart when a file changes."""

from __future__ import annotations

import hashlib

from pulumi import Input, Output


def content_digest(salt: Input[str], *contents: Input[str]) -> Output[str]:
    """Return the beginning of the digest of texts. With a secret `salt`, readers of the
    digest cannot guess a password among them.
    """
    digest: Output[str] = Output.all(salt, *contents).apply(
        lambda texts: hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
    )
    return Output.unsecret(digest)
