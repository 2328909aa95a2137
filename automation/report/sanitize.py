"""Foreign text as reports show it: invisible characters made visible, long opaque values shortened."""

from __future__ import annotations

import re

# Control characters, which a terminal or browser would obey; characters that change the direction of writing
# or have no width: they make a line look like another one (Unicode Technical Report 36; CVE-2021-42574).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
# SHA-256 digests, and certificates in base64: in full they would fill a report.
_OPAQUE = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{52}\b|\b([A-Za-z0-9+/]{12})[A-Za-z0-9+/]{108,}=*")


def escape_invisible(text: str) -> str:
    """Return the text with each invisible character replaced by its code; keep line ends and tabs."""
    return _INVISIBLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def shorten_opaque(text: str) -> str:
    """Return the text with the first characters in place of digests and of long base64."""
    return _OPAQUE.sub(r"\1\2…", text)
