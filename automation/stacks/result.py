"""Data types for actions on a stack, their options and their results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from automation.stacks.events import Event

PARALLEL = 40
"""Number of resources that the engine changes at a time. The number is higher than the engine's default,
because most resources wait for a host.
"""
STALL_SECONDS = 7200.0
"""Seconds without a finished operation after which the driver stops the engine.

Each operation has a lower limit: 60 minutes for a role of a host. The commands that wait for the machines of
a pool in a cloud report their progress, and stop without progress.
"""


class Action(StrEnum):
    """An action of the engine on a stack."""

    PREVIEW = "preview"
    UP = "up"
    REFRESH = "refresh"
    DESTROY = "destroy"


class Outcome(StrEnum):
    """The outcome of an action."""

    NOTHING = "nothing to do"
    CHANGES = "changes"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of an action. Times are in seconds; a `timeout` of None means no limit.

    `stall_timeout` is the time without a finished operation after which the engine is stopped. `parallel`
    is the number of resources that change at a time. `diff` shows changed inputs in a preview. `wait` is
    the time to wait for a stack in use; 0 fails immediately. `plan` is the file in which a preview saves
    its plan, or the plan that `up` must follow. `policy` checks a preview against the rules of `policy/`; the
    preview fails when a mandatory rule is violated. `offline` runs a preview with stand-ins. `targets` are
    the URNs of the only resources that `refresh` reads; empty: all resources.
    """

    parallel: int = PARALLEL
    timeout: float | None = None
    stall_timeout: float = STALL_SECONDS
    wait: float = 0
    plan: Path | None = None
    diff: bool = True
    policy: bool = False
    offline: bool = False
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The result of an action: the redacted events, the number of changed resources and the errors."""

    stack: str
    action: Action
    outcome: Outcome
    events: tuple[Event, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0
    errors: tuple[str, ...] = ()


ShowLine = Callable[[str], object]
"""A function that receives a line of the engine's output, without its line end."""
OnEvent = Callable[[Event], object]
"""A function that receives each redacted event of the engine."""
