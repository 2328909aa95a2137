"""What can go wrong in the lab, as one readable line each."""

from __future__ import annotations


class LabError(Exception):
    """A step of the lab failed. The text names the host or field and says what to do."""
