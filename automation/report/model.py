"""The data of a report: plain, immutable, without a secret, the same for every way of showing it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """What happens to a resource, or to a host as a whole. In order of weight."""

    SAME = "unchanged"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    REPLACE = "replace"


class Level(StrEnum):
    """How much a risk weighs. In order of weight."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def weight(self) -> int:
        """For sorting: higher is worse."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a difference. `mark`: `+` comes, `-` goes, ` ` stays, `@` stands for lines left out."""

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Property:
    """A changed input of a resource: its path, and the very lines. Of a secret only that it changes."""

    path: str
    lines: tuple[Line, ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to one resource.

    `component` is the name of the component it belongs to (`cluster-etcd`), `host` and `role` are
    empty for what belongs to no single host.
    """

    urn: str
    type: str
    name: str
    component: str
    operation: Operation
    host: str = ""
    role: str = ""
    properties: tuple[Property, ...] = ()


@dataclass(frozen=True, slots=True)
class Risk:
    """A rule of the table (`automation/report/rules.py`) that holds for this change."""

    rule: str
    level: Level
    text: str
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A policy that is not kept. `mandatory` ones stop the change."""

    policy: str
    resource: str
    message: str
    mandatory: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A machine or, in a cloud, a pool of machines, as the picture shows it.

    `roles` in the order of delivery; `pool` is empty for members; `state` is the heaviest of what
    happens to it.
    """

    name: str
    roles: tuple[str, ...]
    pool: str
    state: Operation = Operation.SAME


@dataclass(frozen=True, slots=True)
class Picture:
    """The cluster's machines at one time."""

    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """Prices of machines per hour, in the price table's currency.

    `unknown` are types of machines that no table has a price for: they are in neither sum.
    """

    before: float
    after: float
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One stack's change, whole. With `errors` there may be nothing else."""

    stack: str
    changes: tuple[Change, ...] = ()
    unchanged: int = 0
    risks: tuple[Risk, ...] = ()
    violations: tuple[Violation, ...] = ()
    warnings: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()
    before: Picture = Picture()
    after: Picture = Picture()
    cost: Cost | None = None

    @property
    def level(self) -> Level | None:
        """The heaviest risk's level; None without a risk."""
        return max((risk.level for risk in self.risks), key=lambda level: level.weight, default=None)

    def count(self, operation: Operation) -> int:
        """How many resources have that operation."""
        return sum(change.operation is operation for change in self.changes)
