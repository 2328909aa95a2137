"""Base of the rules: functions that check the settings and yield problems.

A rule declares the settings that it reads. If one of them is already known to be invalid, the rule does not
run, so that one mistake is not reported twice. All other rules still run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from settings.cluster import Settings
from settings.problem import Problem


@dataclass(frozen=True, slots=True)
class RuleInput:
    """The input of rules: the settings without their invalid parts.

    `hosts` are all names of the inventory, in its order, including hosts with invalid entries.
    """

    settings: Settings
    hosts: Mapping[str, None]


Check = Callable[[RuleInput], Iterator[Problem]]
"""A function that yields a problem for each mistake that it finds in the settings."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A check, and the paths of the settings that the check reads.

    The rule runs only if no problem is known for a path in `needs` or one of its parents, and none for a
    path in `needs_valid`, its parents or its nested settings.
    """

    check: Check
    needs: tuple[str, ...]
    needs_valid: tuple[str, ...]

    def applies(self, invalid: Iterable[str]) -> bool:
        """Check whether the rule can run although the settings at the paths in `invalid` have problems."""
        for path in invalid:
            if any(_is_within(needed, path) for needed in self.needs + self.needs_valid):
                return False
            if any(_is_within(path, needed) for needed in self.needs_valid):
                return False
        return True


BUILT_IN_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")
"""Namespaces that every cluster has."""
RULES: list[Rule] = []
"""All rules, in the order of their registration by `rule`."""


def rule(*, needs: tuple[str, ...] = (), needs_valid: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Register the decorated check as a rule."""

    def register(check: Check) -> Check:
        RULES.append(Rule(check, needs, needs_valid))
        return check

    return register


def _is_within(path: str, other: str) -> bool:
    """Check whether `path` is `other` or inside `other`. The empty path is the whole object."""
    return other == "" or path == other or path.startswith((f"{other}.", f"{other}["))
