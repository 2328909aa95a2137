"""Texts of others as they are shown: what is seen is what is there."""

from __future__ import annotations

import re

# Controls, which a terminal or browser would obey; what turns the direction of writing, or is not seen:
# by it a line can look like another one (Unicode Technical Report 36; CVE-2021-42574).
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """The text with a code in the place of each character that is not seen; line ends and tabs stay."""
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
