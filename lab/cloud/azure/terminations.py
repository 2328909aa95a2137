"""The end of an instance of a scale set, which Azure announces and for which the machine can prepare."""

from __future__ import annotations

import re
import time

from lab.cloud.azure.resources import Resource
from lab.cloud.running import MachineStates, RunningMachine

HOOK = "terminate"
_EVICTION_SECONDS = 30.0
"""The time between the notice of an eviction and the end of the machine
(learn.microsoft.com/azure/virtual-machines/linux/scheduled-events).
"""
_MINUTES = re.compile(r"PT(\d+)M")


def notice_seconds(resource: Resource) -> int:
    """Return the time between the notice and the end of an instance; 0 without notices."""
    profile = resource.properties.get("virtualMachineProfile", {}).get("scheduledEventsProfile") or {}
    notice = profile.get("terminateNotificationProfile") or {}
    match = _MINUTES.fullmatch(str(notice.get("notBeforeTimeout", "")))
    return 60 * int(match[1]) if match and notice.get("enable") else 0


def begin_termination(states: MachineStates, machine: RunningMachine, resource: Resource) -> None:
    """Announce the end of an instance in its scheduled events."""
    deadline = time.time() + notice_seconds(resource)
    states.update(machine.id, lifecycle="Terminated", hook=HOOK, hook_deadline=deadline)


def begin_eviction(states: MachineStates, machine: RunningMachine) -> None:
    """Announce that Azure reclaims a spot machine."""
    deadline = time.time() + _EVICTION_SECONDS
    states.update(machine.id, lifecycle="Terminated", spot_action=HOOK, hook=HOOK, hook_deadline=deadline)


def has_ended(machine: RunningMachine, now: float) -> bool:
    """Check whether a machine has approved its end, or the time limit is over."""
    return machine.lifecycle == "Terminated" and (machine.released or now > machine.hook_deadline)
