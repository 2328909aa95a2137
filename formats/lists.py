"""Lists of names in messages."""

from __future__ import annotations

from collections.abc import Sequence


def shorten_list(names: Sequence[str], maximum: int = 5) -> str:
    """Return the first `maximum` names, and the number of the remaining names: `a, b and 3 more`."""
    hidden = len(names) - maximum
    return ", ".join(names[:maximum]) + (f" and {hidden} more" if hidden > 0 else "")
