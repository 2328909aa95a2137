"""Checks of parameters against the limits of AWS that botocore's service models do not contain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from lab.plugins.aws.limit_table import LIMITS
from lab.plugins.runtime import limits


def find_problems(service: str, operation: str, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield a problem for each parameter of a call that violates a limit."""
    rows = [
        limit
        for limit in LIMITS
        if fnmatchcase(service, limit.service) and fnmatchcase(operation, limit.operation)
    ]
    yield from limits.find_problems(rows, parameters)
