"""Kubernetes is a version that upstream still mends."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from policy.rules.model import SettingsRule, Stack

ENDS = {
    (1, 33): date(2026, 6, 28),
    (1, 34): date(2026, 10, 27),
    (1, 35): date(2027, 2, 28),
    (1, 36): date(2027, 6, 28),
}
"""When upstream ends each minor version's support, 14 months after its release: kubernetes.io/releases."""
SOON = timedelta(days=60)


def ended(stack: Stack) -> Iterator[str]:
    """Versions that get no security fixes any more. Newer ones than the table has are not judged."""
    for path, version in stack.versions:
        end = ENDS.get(_minor(version))
        if _minor(version) < min(ENDS) or (end is not None and end < stack.today):
            since = f" since {end.isoformat()}" if end else ""
            yield f"{path}: {version} is not supported{since}; choose one of {_supported(stack.today)}"


def ending(stack: Stack) -> Iterator[str]:
    """Versions whose support ends soon."""
    for path, version in stack.versions:
        end = ENDS.get(_minor(version))
        if end is not None and stack.today <= end < stack.today + SOON:
            yield f"{path}: support of {version} ends on {end.isoformat()}; plan the next minor version"


def _minor(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def _supported(today: date) -> str:
    names = [f"{major}.{minor}" for (major, minor), end in ENDS.items() if end >= today]
    return ", ".join(names) or "a newer one"


RULES = (
    SettingsRule(name="supported-version", description="Kubernetes is supported upstream.", check=ended),
    SettingsRule(
        name="version-ends-soon",
        description="Kubernetes is supported upstream for two more months.",
        mandatory=False,
        check=ending,
    ),
)
