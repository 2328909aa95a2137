"""How rules between fields are written: a function of the settings that yields problems.

A rule says which parts of the configuration it reads. When one of these is already known to be wrong
it is not asked, so that one mistake is not reported twice; all others still are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from settings.cluster import Settings
from settings.problem import Problem


@dataclass(frozen=True, slots=True)
class Subject:
    """What rules judge: the settings as far as they can be read.

    `hosts` are all names in the inventory, in its order, those whose entry is wrong included.
    """

    settings: Settings
    hosts: Mapping[str, None]


Check = Callable[[Subject], Iterator[Problem]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A check with what it reads: `needs` must be readable, `whole` must be without any mistake."""

    check: Check
    needs: tuple[str, ...]
    whole: tuple[str, ...]

    def applies(self, wrong: Iterable[str]) -> bool:
        """Whether the rule can be asked when the paths in `wrong` are already known to be mistaken."""
        for path in wrong:
            if any(_within(read, path) for read in self.needs + self.whole):
                return False
            if any(_within(path, read) for read in self.whole):
                return False
        return True


RULES: list[Rule] = []


def rule(*, needs: tuple[str, ...] = (), whole: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Add the decorated check to the rules."""

    def add(check: Check) -> Check:
        RULES.append(Rule(check, needs, whole))
        return check

    return add


def _within(path: str, other: str) -> bool:
    """Whether `path` is `other` or lies inside it. The empty path is the whole object."""
    return other == "" or path == other or path.startswith((f"{other}.", f"{other}["))
