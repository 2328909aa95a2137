"""Checks of resources against the limits of Azure that the types of the package do not contain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lab.plugins.azure_native.limit_table import LIMITS
from lab.plugins.azure_native.name_table import NAME
from lab.plugins.runtime import limits


def find_problems(type: str, name: str, body: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each part of a resource that violates a limit, and for its name."""
    rows = [limit for limit in LIMITS if fnmatchcase(type, limit.type)]
    yield from limits.find_problems(rows, {NAME: name, **body})
