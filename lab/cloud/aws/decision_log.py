"""The permissions that requests needed, and whether the roles of their callers had them, for tests."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.cloud.records import read_records, write_records
from lab.paths import LabPaths


@dataclass(frozen=True, slots=True)
class Decision:
    """A decision of IAM about a request. `context` has the values of condition keys."""

    role: str
    action: str
    resource: str
    context: Mapping[str, str]
    allowed: bool


class DecisionLog:
    """The decisions of a lab, in a file that one process writes. Repeated decisions are recorded once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._decisions = self.all()
        self._lock = threading.Lock()

    @classmethod
    def of(cls, lab: str) -> DecisionLog:
        """Return the decisions of a lab."""
        return cls(LabPaths.of(lab).cloud / "decisions.json")

    def all(self) -> list[Decision]:
        """Return all decisions in the file, in the order of their first requests."""
        return [Decision(**item) for item in read_records(self.path)]

    def add(self, decision: Decision) -> None:
        """Record a decision."""
        with self._lock:
            if decision not in self._decisions:
                self._decisions.append(decision)
                self.path.parent.mkdir(parents=True, exist_ok=True)
                write_records(self.path, self._decisions)
