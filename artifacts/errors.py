"""The errors of this package that users see."""

from __future__ import annotations


class ArtifactError(Exception):
    """Something could not be had or did not verify. Its text is one readable line: what, and what to do."""


class Unavailable(ArtifactError):
    """A server does not answer, or refuses: another place may still have the thing."""
