"""Failed zones of an emulated cloud, in which no machine starts. Tests let zones fail and recover."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lab.cloud.records import locked, read_records, write_records
from lab.paths import LabPaths


@dataclass(frozen=True, slots=True)
class _Zone:
    """A record of a failed zone."""

    name: str


@dataclass(frozen=True, slots=True)
class FailedZones:
    """The failed zones of a lab, in a file that readers never see partially written."""

    path: Path

    @classmethod
    def of(cls, lab: str) -> FailedZones:
        """Return the failed zones of a lab."""
        return cls(LabPaths.of(lab).cloud / "failed-zones.json")

    def all(self) -> frozenset[str]:
        """Return the names of the failed zones."""
        return frozenset(item["name"] for item in read_records(self.path))

    def add(self, zone: str) -> None:
        """Let a zone fail. The caller ends its machines."""
        self._change(lambda zones: zones | {zone})

    def remove(self, zone: str) -> None:
        """Let a zone recover."""
        self._change(lambda zones: zones - {zone})

    def _change(self, transform: Callable[[frozenset[str]], frozenset[str]]) -> None:
        with locked(self.path):
            write_records(self.path, map(_Zone, sorted(transform(self.all()))))
