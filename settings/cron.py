"""Schedules of cron jobs, as the parser of Velero and Kubernetes reads them (robfig/cron)."""

from __future__ import annotations

import re

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, tuple[str, ...]], ...] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of week", 0, 6, _DAYS),
)
"""The fields of a schedule: name, first value, last value, and the names of values from the first on."""
_NAMED = ("@hourly", "@daily", "@weekly", "@monthly", "@yearly")
_EVERY = re.compile(r"@every ([0-9]+(h|m))+")
_MAX_DIGITS = 2


def validate_cron(text: str) -> str:
    """Return `text` if it is a schedule. Raise ValueError otherwise, with the field that is wrong."""
    if text in _NAMED or _EVERY.fullmatch(text):
        return text
    fields = text.split()
    if len(fields) != len(_FIELDS):
        raise ValueError(
            "not a schedule; allowed: minute, hour, day of month, month and day of week, such as 0 3 * * *, "
            f"or one of {', '.join(_NAMED)} and @every 6h"
        )
    for field, (name, first, last, names) in zip(fields, _FIELDS, strict=True):
        if not all(_is_part(part.lower(), first, last, names) for part in field.split(",")):
            raise ValueError(
                f"has no valid {name}; allowed: *, numbers from {first} to {last}, ranges and steps"
            )
    return " ".join(fields)


def _is_part(part: str, first: int, last: int, names: tuple[str, ...]) -> bool:
    """Check one part of a field, such as `*/15`, `1-5` or `mon`."""
    values, slash, step = part.partition("/")
    if slash and not (_is_number(step) and int(step) > 0):
        return False
    if values == "*":
        return True
    begin, dash, end = values.partition("-")
    numbers = [_number(text, first, names) for text in ((begin, end) if dash else (begin,))]
    known = [number for number in numbers if number is not None and first <= number <= last]
    return len(known) == len(numbers) and known == sorted(known)


def _number(text: str, first: int, names: tuple[str, ...]) -> int | None:
    if text in names:
        return first + names.index(text)
    return int(text) if _is_number(text) else None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS
