"""The program that runs the machines of Auto Scaling groups as hosts of the lab: `python -m
lab.cloud.aws.group_machines LAB`.

The program runs outside the gateway's network, because it creates the networks of hosts. It is the only
program that changes the hosts of its lab.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from botocore.exceptions import BotoCoreError, ClientError

from lab.cloud.aws.decisions import missing_machines, refresh_step, surplus_machines
from lab.cloud.aws.hooks import begin_termination, end_hook
from lab.cloud.aws.interruptions import has_been_reclaimed
from lab.cloud.aws.launches import Launcher
from lab.cloud.aws.scaling_groups import ScalingGroup, ScalingGroups
from lab.cloud.machines import Launch, log, remove_machines, run_machines, runs, start_machines
from lab.cloud.running import MachineStates, RunningMachine


class GroupMachines:
    """The machines of all groups of a lab."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._states, self._groups = MachineStates.of(lab), ScalingGroups.of(lab)
        self._launcher = Launcher(lab)

    def step(self) -> None:
        """Make one pass over all groups: end hooks, remove terminated and lost machines, launch machines."""
        self._end_hooks()
        self._remove([machine for machine in self._machines_of_groups() if self._has_ended(machine)])
        launches: list[Launch] = []
        for group in self._groups.all().values():
            machines = [machine for machine in self._states.all() if machine.group == group.name]
            for machine in surplus_machines(group, machines):
                begin_termination(self._states, machine, group)
            self._continue_refresh(group)
            if "Launch" not in group.suspended and (count := missing_machines(group, machines)):
                launches += self._launcher.launches(group, count, self._taken(launches))
        if launches:
            start_machines(self._lab, launches)

    def _machines_of_groups(self) -> list[RunningMachine]:
        """Return the machines of existing groups. Tests start other machines."""
        groups = self._groups.all()
        return [machine for machine in self._states.all() if machine.group in groups]

    def _end_hooks(self) -> None:
        """End the lifecycle hooks whose time limit is over, with their default result."""
        groups = self._groups.all()
        for machine in self._machines_of_groups():
            if machine.hook and time.time() > machine.hook_deadline:
                hook = groups[machine.group].hooks.get(machine.hook)
                result = hook.result if hook is not None else "CONTINUE"
                log(f"{machine.id}: the hook {machine.hook} timed out: {result}")
                self._states.update(machine.id, **end_hook(machine, result))

    def _has_ended(self, machine: RunningMachine) -> bool:
        """Check whether a machine has completed its termination, was reclaimed, or no longer runs."""
        if has_been_reclaimed(machine, time.time()):
            return True
        if machine.lifecycle == "Terminated":
            return not machine.hook
        return not runs(self._lab, machine)

    def _continue_refresh(self, group: ScalingGroup) -> None:
        """Make the next step of the running instance refresh of a group."""
        if group.refresh is None:
            return
        machines = [machine for machine in self._states.all() if machine.group == group.name]
        step = refresh_step(group, group.refresh, machines)
        for machine in step.terminate:
            log(f"{group.name}: replaces {machine.id}")
            begin_termination(self._states, machine, group)
        self._groups.change(
            group.name,
            # A call of the API may have canceled the refresh since it was read.
            lambda current: current.with_refresh(step.refresh) if current.refresh is not None else current,
        )

    def _taken(self, launches: Sequence[Launch]) -> list[RunningMachine]:
        return [*self._states.all(), *(launch.machine for launch in launches)]

    def _remove(self, machines: Sequence[RunningMachine]) -> None:
        """Remove machines with their disks. Data volumes remain."""
        if machines:
            remove_machines(self._lab, machines)
            self._launcher.terminate([machine.id for machine in machines])


def provider_id(machine: RunningMachine) -> str:
    """Return the provider ID of a machine in the format of the AWS cloud controller."""
    return f"aws:///{machine.zone}/{machine.id}"


def main(lab: str) -> None:
    """Run the machines until the process is killed. Raise OSError if the port is in use."""
    run_machines(lab, GroupMachines(lab).step, provider_id, (ClientError, BotoCoreError))


if __name__ == "__main__":
    main(sys.argv[1])
