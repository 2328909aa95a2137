"""Chooses the kind of plugins for a stack: official plugins, or the stand-ins of the lab.

Stand-ins are only for stacks with a lab and for `preview --offline`. A state keeps the kind that made it,
because the two kinds record resources differently: the other kind could replace what it cannot compare.
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
    """What decides the kind of plugins for a command on a stack.

    `recorded` is the kind that made the state; None for a new stack. `requested` is the kind that the user
    asks for, and None without a preference.
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


def choose_kind(request: PluginRequest, *, official_installed: Callable[[], bool]) -> PluginKind:
    """Return the kind of plugins that a command uses.

    `official_installed` checks whether the official plugins are installed; a new stack with a lab then uses
    them. Raise `UserError` with what to do when the kind would change, or is not allowed for the stack.
    """
    kind = _requested_or_default(request, official_installed)
    if request.recorded in (None, kind):
        return kind
    raise UserError(_change_of_kind(request, kind))


def _requested_or_default(request: PluginRequest, official_installed: Callable[[], bool]) -> PluginKind:
    if request.offline:
        if request.purpose is not Purpose.PREVIEW:
            raise UserError("--offline: applies to `preview` only; run the command without it")
        if request.requested is _OFFICIAL:
            raise UserError(f"--offline uses the stand-in plugins; unset {VARIABLE}, or omit --offline")
        return _STAND_IN
    if request.lab:
        default = _OFFICIAL if request.recorded is None and official_installed() else _STAND_IN
        return request.requested or request.recorded or default
    if request.requested is _STAND_IN:
        raise UserError(
            f"{VARIABLE}: stack {request.stack} has no lab, and stand-in plugins are for labs only; unset "
            "the variable, or use `preview --offline`"
        )
    return _OFFICIAL


def _change_of_kind(request: PluginRequest, kind: PluginKind) -> str:
    """Return the error for a state that the other kind of plugins made."""
    made = (
        f"stack {request.stack}: its state was made by the {request.recorded} plugins, not by the {kind} ones"
    )
    if request.offline:
        return f"{made}; preview without --offline, which is for stacks that do not exist yet"
    if request.lab:
        return (
            f"{made}; unset {VARIABLE}, or remove the stack first (`kubewright down --stack {request.stack}`)"
        )
    return f"{made}; {_DOCUMENT} describes how to change the kind of an existing stack"


def recorded_kind(engine: Engine) -> PluginKind | None:
    """Return the kind of plugins that made the state; None for a missing or empty state.

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
    """Return the kind of plugins that made the state in a file; None for a state without plugins.

    The file is searched and not parsed, because the state of 1,000 hosts takes a gigabyte of memory.
    """
    try:
        with file.open("rb") as content, mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ) as text:
            if text.find(f'"{STAND_IN_KEY}"'.encode()) >= 0:
                return _STAND_IN
            # Stand-ins of version 0.1 had no mark and did not record the inputs of Kubernetes objects.
            if text.find(b'"__fieldManager"') >= 0 and text.find(b'"__inputs"') < 0:
                return _STAND_IN
            return _OFFICIAL if text.find(b'"pulumi:providers:kubernetes"') >= 0 else None
    except (FileNotFoundError, ValueError):
        return None  # mmap raises ValueError for an empty file
