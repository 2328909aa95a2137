"""Actions on a stack, their options and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from automation.stacks.events import Event

PARALLEL = 40
"""Resources changed at a time. Higher than the engine's default: most resources wait for a host."""


class Action(StrEnum):
    """What the engine does with a stack."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DESTROY = "destroy"


class Outcome(StrEnum):
    """How an action ended."""

    NOTHING = "nothing to do"
    CHANGES = "changes"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to carry out an action. Times are in seconds; `timeout` None: no limit.

    `wait`: how long to wait for a stack in use; 0: fail at once. `plan`: the file for the plan that a preview
    saves, or the plan that `up` must follow. `policy`: check a preview by the rules of `policy/`; the preview
    fails when a mandatory rule is violated.
    """

    parallel: int = PARALLEL
    timeout: float | None = None
    wait: float = 0
    plan: Path | None = None
    diff: bool = True
    policy: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of an action: the redacted events, the number of changed resources, the errors."""

    stack: str
    action: Action
    outcome: Outcome
    events: tuple[Event, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0
    errors: tuple[str, ...] = ()


ShowLine = Callable[[str], object]
"""Takes a line of the engine's output, without its line end."""
OnEvent = Callable[[Event], object]
"""Takes an event."""
