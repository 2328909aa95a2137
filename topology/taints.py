"""Taints of nodes [F1]."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TaintEffect(StrEnum):
    """The effect of a taint on pods that do not tolerate the taint."""

    NO_SCHEDULE = "NoSchedule"
    PREFER_NO_SCHEDULE = "PreferNoSchedule"
    NO_EXECUTE = "NoExecute"


@dataclass(frozen=True, slots=True)
class Taint:
    """A taint of a node."""

    key: str
    value: str
    effect: TaintEffect
