"""Errors of this package that users see."""

from __future__ import annotations


class ArtifactError(Exception):
    """A file or image is unavailable or fails verification. The text is one line: the problem and the
    remedy.
    """


class Unavailable(ArtifactError):
    """A server does not answer or refuses the request; another place may have the file."""
