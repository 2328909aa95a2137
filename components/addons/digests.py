"""Digests of files in annotations of pods, so that pods restart when a file changes."""

from __future__ import annotations

import hashlib

from pulumi import Input, Output


def text_digest(text: str) -> str:
    """Return the beginning of the digest of a text, long enough to notice a change."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def content_digest(salt: Input[str], *contents: Input[str]) -> Output[str]:
    """Return the beginning of the digest of texts. With a secret `salt`, readers of the
    digest cannot guess a password among them.
    """
    digest: Output[str] = Output.all(salt, *contents).apply(lambda texts: text_digest("\0".join(texts)))
    return Output.unsecret(digest)
