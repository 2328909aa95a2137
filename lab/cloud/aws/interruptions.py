"""Interruptions of spot machines: EC2 announces the end of a machine two minutes before.

The test acts as EC2. The emulation has no API for interruptions.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

from __future__ import annotations

import time

from lab.cloud.running import MachineStates, RunningMachine

NOTICE_SECONDS = 120.0
"""The time between the notice and the end of the machine."""


def begin_interruption(states: MachineStates, machine: RunningMachine) -> None:
    """Announce the end of a spot machine in its metadata."""
    states.update(machine.id, spot_action="terminate", spot_deadline=time.time() + NOTICE_SECONDS)


def has_been_reclaimed(machine: RunningMachine, now: float) -> bool:
    """Check whether EC2 has ended a spot machine, whether or not the machine was ready for its end."""
    return bool(machine.spot_action) and now >= machine.spot_deadline
