"""Defines the error that commands show to the user as one message."""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can fix. Its text names the problem and the solution in one readable message."""
