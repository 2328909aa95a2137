"""Kinds of environments."""

from __future__ import annotations

PRODUCTION = "production"
"""The environment in which data that cannot be recreated is protected from deletion."""
