"""Selects the kind of plugins for a stack: official plugins or stand-ins.

Stand-ins are only for stacks with a lab and for `preview --offline`. The kind of an existing stack cannot
change, because the two kinds record some resources in different ways. With the other kind, the engine could
replace resources whose records it cannot compare.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from automation.engine.program import Engine
from automation.errors import UserError
from automation.prerequisites import Purpose
from lab.plugins.kinds import PluginKind
from lab.plugins.runtime.mark import STAND_IN_KEY

VARIABLE = "KUBEWRIGHT_PLUGINS"
"""Environment variable with the kind of plugins for stacks with a lab: `official` or `stand-in`."""
_OFFICIAL, _STAND_IN = PluginKind.OFFICIAL, PluginKind.STAND_IN
_DOCUMENT = "docs/plugins.md"


@dataclass(frozen=True, kw_only=True)
class PluginRequest:
    """The facts that determine the kind of plugins for a command on a stack.

    `lab` is true for a stack with a lab, and `offline` for `preview --offline`. `recorded` is the kind of the
    existing state; None for a new stack. `requested` is the kind that the user requested; None if the user
    requested no kind.
    """

    stack: str
    purpose: Purpose
    lab: bool
    offline: bool = False
    recorded: PluginKind | None = None
    requested: PluginKind | None = None


def requested_kind(variables: Mapping[str, str] = os.environ) -> PluginKind | None:
    """Return the kind in `VARIABLE`; None if it is not set. Raise `UserError` for another value."""
    value = variables.get(VARIABLE, "")
    if not value:
        return None
    try:
        return PluginKind(value)
    except ValueError:
        kinds = " or ".join(PluginKind)
        raise UserError(f"{VARIABLE}: {value!r}: expected {kinds}; correct or unset the variable") from None


def select_kind(request: PluginRequest, *, official_installed: Callable[[], bool]) -> PluginKind:
    """Return the kind of plugins that a command uses.

    `official_installed` checks whether the official plugins are installed. If they are, a new stack with a
    lab uses them. Raise `UserError` with the required action when the kind of an existing stack would change,
    or when the requested kind is not allowed for the stack.
    """
    kind = _requested_or_default(request, official_installed)
    if request.recorded in (None, kind):
        return kind
    raise UserError(_describe_change(request, kind))


def _requested_or_default(request: PluginRequest, official_installed: Callable[[], bool]) -> PluginKind:
    if request.offline:
        if request.purpose is not Purpose.PREVIEW:
            raise UserError("--offline: only `preview` has this option; omit the option")
        if request.requested is _OFFICIAL:
            raise UserError(
                f"--offline: uses stand-ins, but {VARIABLE} requests official plugins; omit the option, or "
                "unset the variable"
            )
        return _STAND_IN
    if request.lab:
        default = _OFFICIAL if request.recorded is None and official_installed() else _STAND_IN
        return request.requested or request.recorded or default
    if request.requested is _STAND_IN:
        raise UserError(
            f"{VARIABLE}: stack {request.stack} has no lab, and stand-ins are only for labs; unset the "
            "variable, or use `preview --offline`"
        )
    return _OFFICIAL


def _describe_change(request: PluginRequest, kind: PluginKind) -> str:
    """Return the error message for a command that would change the kind of plugins of an existing stack."""
    change = (
        f"stack {request.stack}: {request.recorded} plugins created the state, but this command would use "
        f"{kind} plugins"
    )
    if request.offline:
        return f"{change}; omit --offline, which is only for stacks that do not exist yet"
    if request.lab:
        down = f"kubewright down --stack {request.stack}"
        return f"{change}; unset {VARIABLE}, or remove the stack first (`{down}`)"
    return f"{change}; {_DOCUMENT} describes how to change the kind of an existing stack"


def recorded_kind(engine: Engine) -> PluginKind | None:
    """Return the kind of plugins that created the state of a stack; None for a missing or empty state.

    Raise `UserError` with the engine's message when the state cannot be read.
    """
    try:
        with engine.state_file() as file:
            return kind_in_state(file)
    except UserError as error:
        if "no stack named" in str(error):
            return None
        raise


def kind_in_state(file: Path) -> PluginKind | None:
    """Return the kind of plugins that created the state in a file; None for a state without plugins.

    Search the file without parsing it, because parsing the state of 1,000 hosts takes a gigabyte of memory.
    """
    try:
        with file.open("rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as text:
            if text.find(f'"{STAND_IN_KEY}"'.encode()) >= 0:
                return _STAND_IN
            # Stand-ins of version 0.1 did not mark the state and did not record inputs of Kubernetes objects.
            if text.find(b'"__fieldManager"') >= 0 and text.find(b'"__inputs"') < 0:
                return _STAND_IN
            return _OFFICIAL if text.find(b'"pulumi:providers:kubernetes"') >= 0 else None
    except (FileNotFoundError, ValueError):
        return None  # mmap raises ValueError for an empty file
