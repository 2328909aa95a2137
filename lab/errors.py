"""Errors of the lab, each one readable line."""

from __future__ import annotations


class LabError(Exception):
    """A step of the lab failed. The text has the host or field and the remedy."""
