"""The error of the lab, which is one readable line."""

from __future__ import annotations


class LabError(Exception):
    """A failed step of the lab. The text has the host or field, and the remedy."""
