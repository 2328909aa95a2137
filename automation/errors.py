"""The error that commands show to the user as one message."""

from __future__ import annotations


class UserError(Exception):
    """An error that the user can fix. Its text is one readable message: what is wrong, and what to do."""
