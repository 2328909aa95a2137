"""Watches the Helm releases that the engine installs or upgrades, to explain those that fail.

With `atomic`, Helm removes the objects of a failed release before the engine learns of the failure.
Therefore a thread for each release reads the cluster while Helm waits, and keeps the last explanation.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from automation.engine.interrupts import Interrupted
from automation.errors import UserError
from automation.operations.api_client import ApiClient, ApiError
from automation.releases.drift import RELEASE_TYPE
from automation.releases.failures import explain_release
from automation.releases.observe import read_facts, read_record
from automation.stacks.events import Step

INTERVAL_SECONDS = 3.0
"""Seconds between two observations of a release."""
_END_SECONDS = 15.0
"""Maximum seconds for the last observation of a failed release."""
_IN_PROGRESS = ("pending-install", "pending-upgrade", "failed")
"""The status of a revision that Helm installs or that failed. During a rollback, the newest revision is the
one that ran before, and pods of the failed revision end.
"""
_CHANGES = ("create", "update", "create-replacement")
_MAX_LINES = 8
_UNEXPECTED_DATA = (LookupError, TypeError, ValueError, AttributeError)
"""Errors for objects with another structure. An explanation must never end the thread with a traceback."""

Connect = Callable[[], ApiClient]
"""A function that returns a client of the API of the cluster. It raises UserError without one."""


@dataclass
class _Watched:
    """A release that the engine changes. `lines` is the newest explanation."""

    namespace: str
    name: str
    ended: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    lines: list[str] = field(default_factory=list)


class ReleaseWatch:
    """Watches releases from the steps of the engine. `connect` is called in the threads of the releases."""

    def __init__(self, connect: Connect, *, interval: float = INTERVAL_SECONDS) -> None:
        self._connect = connect
        self._interval = interval
        self._running: dict[str, _Watched] = {}
        self._failed: dict[str, _Watched] = {}

    def handle(self, step: Step) -> None:
        """Start to watch a release that the engine changes, and stop when the change has ended."""
        if step.type != RELEASE_TYPE:
            return
        if step.phase == "plan" and step.operation in _CHANGES:
            watched = _Watched(str(step.new.get("namespace") or "default"), str(step.new.get("name", "")))
            watched.thread = threading.Thread(target=self._watch, args=(watched,), daemon=True)
            self._running[step.urn] = watched
            watched.thread.start()
        elif step.phase in ("done", "failed") and (ended := self._running.pop(step.urn, None)):
            ended.ended.set()
            if step.phase == "failed":
                self._failed[step.urn] = ended

    def explanations(self) -> dict[str, list[str]]:
        """Return the lines about each failed release, by URN, and stop to watch all releases.

        The first line of a release is a title. A release without an explanation is left out.
        """
        for watched in self._running.values():
            watched.ended.set()
        result = {}
        for urn, watched in self._failed.items():
            if watched.thread is not None:
                watched.thread.join(_END_SECONDS)
            if watched.lines:
                hidden = len(watched.lines) - _MAX_LINES
                more = [f"and {hidden} more objects"] if hidden > 0 else []
                title = f"Helm release {watched.namespace}/{watched.name}: objects that are not ready:"
                result[urn] = [title, *(f"  {line}" for line in (*watched.lines[:_MAX_LINES], *more))]
        return result

    def _watch(self, watched: _Watched) -> None:
        """Observe a release until its change has ended, and once after this."""
        api: ApiClient | None = None
        last = False
        while True:
            try:
                api = api or self._connect()
                watched.lines = _explain(api, watched) or watched.lines
            except Interrupted:
                return
            except (ApiError, UserError, OSError, *_UNEXPECTED_DATA):
                api = None  # the next observation connects again
            if last:
                return
            last = watched.ended.wait(self._interval)


def _explain(api: ApiClient, watched: _Watched) -> list[str]:
    """Return the lines about a release; none while no revision is in progress or failed."""
    record = read_record(api, watched.namespace, watched.name)
    if record is None or record.status not in _IN_PROGRESS:
        return []
    return explain_release(record, read_facts(api, record))
