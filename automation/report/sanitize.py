"""Makes text from other programs safe to show: replaces invisible characters and shortens long opaque
values.
"""

from __future__ import annotations

import re

# Control characters, which a terminal or browser would execute; and characters without width or that change
# the direction of writing, which make a line look like another line (Unicode Technical Report 36;
# CVE-2021-42574).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# SHA-256 digests, and certificates in base64, which would fill a report.
_OPAQUE = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b|\b([A-Za-z0-9+/]{12})[A-Za-z0-9+/]{108,}=*")


def escape_invisible(text: str) -> str:
    """Replace each invisible character by its code. Keep line ends and tabs."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shorten_opaque(text: str) -> str:
    """Replace each digest and each long base64 text by its first characters."""
    return _OPAQUE.sub(r"\1\2…", text)
