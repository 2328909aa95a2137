"""The one error that commands show to their user."""

from __future__ import annotations


class UserError(Exception):
    """Something the user can mend. Its text is one readable message: what is wrong, and what to do."""
