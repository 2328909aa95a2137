"""The one error of this package that users see."""

from __future__ import annotations


class ArtifactError(Exception):
    """Something could not be had or did not verify. Its text is one readable line: what, and what to do."""
