"""Errors of downloads, builds and mirrors. Users see their messages."""

from __future__ import annotations


class ArtifactError(Exception):
    """A file or image that is unavailable or fails verification. The text is one line: the problem and the
    remedy.
    """


class Unavailable(ArtifactError):
    """A server that does not answer or that refuses the request. Another server may have the file."""
