"""The data types of a report: immutable, without secrets, and the same for every output format."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operation(StrEnum):
    """The operation on a resource or host, in ascending order of severity."""

    SAME = "unchanged"
    CREATE = "create"
    CHANGE = "change"
    DELETE = "delete"
    REPLACE = "replace"


CHANGING = (Operation.CREATE, Operation.CHANGE, Operation.REPLACE, Operation.DELETE)
"""Operations that count as changes, in the order in which reports show the numbers."""


class Level(StrEnum):
    """The severity of a risk, in ascending order."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"

    @property
    def weight(self) -> int:
        """Return a number for sorting. A higher number is more severe."""
        return list(Level).index(self)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a diff.

    `mark` is `+` for an added, `-` for a removed and ` ` for an unchanged line. The mark `@` stands for
    omitted lines; its text is the file name, if any.
    """

    mark: str
    text: str


@dataclass(frozen=True, slots=True)
class Property:
    """A changed input of a resource: its name and the changed lines. A secret input has no lines."""

    path: str
    lines: tuple[Line, ...] = ()
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceChange:
    """The change of one resource.

    `component` is the name of the component that contains the resource (`cluster-etcd`). `host` and `role`
    are empty for a resource that belongs to no single host.
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
    """A risk that applies to this change. See the rules in `automation/report/rules.py`.

    `subjects` are the affected hosts or resources.
    """

    rule: str
    level: Level
    text: str
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """A violation of a policy rule by a resource. A mandatory violation stops the change."""

    policy: str
    resource: str
    message: str
    mandatory: bool


@dataclass(frozen=True, slots=True)
class Host:
    """A machine in the picture or, in a cloud, a pool of machines.

    `roles` are in the order of delivery. `pool` is empty for members. `state` is the most severe operation
    on the host.
    """

    name: str
    roles: tuple[str, ...]
    pool: str
    state: Operation = Operation.SAME


@dataclass(frozen=True, slots=True)
class Picture:
    """The machines of the cluster before or after the change, which a report draws."""

    hosts: tuple[Host, ...] = ()


@dataclass(frozen=True, slots=True)
class Cost:
    """The prices of all machines per hour, in the currency of the price table.

    `unknown` are machine types without a price. The sums exclude these machines.
    """

    before: float
    after: float
    unknown: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the cost before and after the change as text."""
        unknown = f"; no price for {', '.join(self.unknown)}" if self.unknown else ""
        difference = self.after - self.before
        return f"Machines: {self.before:.2f} → {self.after:.2f} per hour ({difference:+.2f}){unknown}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The report about the change of one stack. A failed preview has `errors`, and often no changes."""

    stack: str
    changes: tuple[ResourceChange, ...] = ()
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
        """Return the level of the most severe risk; None without risks."""
        return max((risk.level for risk in self.risks), key=lambda level: level.weight, default=None)

    def count(self, operation: Operation) -> int:
        """Return the number of resources with this operation."""
        return sum(change.operation is operation for change in self.changes)
