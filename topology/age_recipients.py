"""Public keys of age, to which snapshots are encrypted.

A mistyped key would make each copy of a snapshot unreadable, or fail on the hosts. The checksum of Bech32
finds the mistake before anything is delivered.

Formats: https://age-encryption.org/v1 (X25519) and BIP 173 (Bech32).
"""

from __future__ import annotations

from collections.abc import Iterable

CHARSET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
"""The characters of Bech32, by their value."""
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_HUMAN_READABLE_PART = "age"
_SEPARATOR = "1"
_LENGTH = 62
"""The length of a key: `age1`, 52 characters for 32 bytes, and 6 characters of checksum."""
IDENTITY_PREFIX = "AGE-SECRET-KEY-"
"""The start of a private key (identity) of age."""


def find_recipient_mistake(text: str) -> str:
    """Return what is wrong with a public key, and what to do; empty for a valid key."""
    if text.upper().startswith(IDENTITY_PREFIX):
        return (
            "is a private key, which must not be in a stack file; create another key, keep it outside, and "
            "give its public key, which begins with age1"
        )
    if not text.startswith(_HUMAN_READABLE_PART + _SEPARATOR) or len(text) != _LENGTH:
        return "not a public key of age; give the line of age-keygen that begins with age1"
    data = text.removeprefix(_HUMAN_READABLE_PART + _SEPARATOR)
    if not set(data) <= set(CHARSET) or not _has_valid_checksum(data):
        return "has a typing error, as its checksum shows; copy the public key again"
    return ""


def _has_valid_checksum(data: str) -> bool:
    values = [CHARSET.index(character) for character in data]
    return checksum(_HUMAN_READABLE_PART, values) == 1


def checksum(human_readable_part: str, values: Iterable[int]) -> int:
    """Return the checksum of a Bech32 text, which is 1 for a valid text (BIP 173)."""
    expanded = [ord(character) >> 5 for character in human_readable_part]
    expanded += [0, *(ord(character) & 31 for character in human_readable_part)]
    result = 1
    for value in (*expanded, *values):
        top = result >> 25
        result = (result & 0x1FFFFFF) << 5 ^ value
        for bit, polynomial in enumerate(_GENERATOR):
            result ^= polynomial if top >> bit & 1 else 0
    return result
