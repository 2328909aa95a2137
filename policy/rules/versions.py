"""Rules: the Kubernetes version has upstream support."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from policy.rules.model import SettingsRule, StackFacts

END_OF_SUPPORT = {
    (1, 33): date(2026, 6, 28),
    (1, 34): date(2026, 10, 27),
    (1, 35): date(2027, 2, 28),
    (1, 36): date(2027, 6, 28),
}
"""The last day of upstream support of each minor version, 14 months after its release:
kubernetes.io/releases.
"""
NOTICE_PERIOD = timedelta(days=60)


def check_supported_versions(facts: StackFacts) -> Iterator[str]:
    """Yield a message for each version without upstream support. Accept versions newer than all in
    `END_OF_SUPPORT`.
    """
    for path, version in facts.versions:
        end = END_OF_SUPPORT.get(_minor_version(version))
        if _minor_version(version) < min(END_OF_SUPPORT) or (end is not None and end < facts.today):
            since = f" since {end.isoformat()}" if end else ""
            supported = _format_supported_versions(facts.today)
            yield f"{path}: {version} is not supported{since}; choose one of {supported}"


def check_support_ends_soon(facts: StackFacts) -> Iterator[str]:
    """Yield a message for each version whose upstream support ends within `NOTICE_PERIOD` from today."""
    for path, version in facts.versions:
        end = END_OF_SUPPORT.get(_minor_version(version))
        if end is not None and facts.today <= end < facts.today + NOTICE_PERIOD:
            yield f"{path}: support of {version} ends on {end.isoformat()}; plan the next minor version"


def _minor_version(version: str) -> tuple[int, int]:
    major, minor, *_ = version.split(".")
    return int(major), int(minor)


def _format_supported_versions(today: date) -> str:
    names = [f"{major}.{minor}" for (major, minor), end in END_OF_SUPPORT.items() if end >= today]
    return ", ".join(names) or "a newer version"


RULES = (
    SettingsRule(
        name="supported-version",
        description="The Kubernetes version is supported upstream.",
        check=check_supported_versions,
    ),
    SettingsRule(
        name="version-ends-soon",
        description="The Kubernetes version is supported upstream for two more months.",
        mandatory=False,
        check=check_support_ends_soon,
    ),
)
