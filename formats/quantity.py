"""Parser and formatter of Kubernetes quantities such as `250m`, `4Gi` and `1.5`.

Syntax: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import math
import re
from fractions import Fraction

_QUANTITY = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")
_FACTORS = {"": Fraction(1), "m": Fraction(1, 1000)}
_FACTORS |= {suffix: Fraction(1000**power) for power, suffix in enumerate("kMGTPE", start=1)}
_FACTORS |= {f"{suffix}i": Fraction(1024**power) for power, suffix in enumerate("KMGTPE", start=1)}

ALLOWED_SYNTAX = "a number with an optional suffix: m, k, M, G, T, Ki, Mi, Gi, Ti"


def parse_quantity(text: str) -> Fraction:
    """Return the numeric value of a quantity. Raise ValueError when `text` is not a quantity."""
    match = _QUANTITY.fullmatch(text)
    if not match:
        raise ValueError(f"not a quantity; allowed: {ALLOWED_SYNTAX}, such as 250m or 4Gi")
    return Fraction(match[1]) * _FACTORS[match[2] or ""]


def parse_bytes(text: str) -> int:
    """Return the value of a quantity, rounded up to whole bytes. Raise ValueError for other text."""
    return math.ceil(parse_quantity(text))


def format_bytes(count: int) -> str:
    """Return a number of bytes as short text, such as `1.5Gi`."""
    size = float(count)
    for suffix in ("", "Ki", "Mi", "Gi", "Ti"):
        if size < 1024 or suffix == "Ti":
            return f"{size:.4g}{suffix}"
        size /= 1024
    raise AssertionError("unreachable")
