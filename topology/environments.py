"""Kinds of environments."""

from __future__ import annotations

PUBLIC_ENVIRONMENTS = ("poc", "lab")
"""The environments whose API all networks may reach by default."""
PRODUCTION = "production"
"""The environment in which data that cannot be recreated is protected from deletion."""
