"""Errors of downloads, builds and mirrors. Users see their messages."""

from __future__ import annotations


class ArtifactError(Exception):
    """Error for a file or image that is unavailable or fails verification.

    The text is one line: the problem and the remedy.
    """


class Unavailable(ArtifactError):
    """Error for a server that does not answer or refuses the request. Another server may have the file."""
