"""The program that runs the machines of Auto Scaling groups as hosts of the lab: `python -m
lab.cloud.aws.group_machines LAB`.

The program runs outside the gateway's network, because it creates the networks of hosts. It is the only
program that changes the hosts of its lab.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from socketserver import BaseRequestHandler, ThreadingTCPServer

from botocore.exceptions import BotoCoreError, ClientError

from lab import cgroups, lifecycle, spec
from lab.cloud.aws.controller import CloudController
from lab.cloud.aws.decisions import missing_machines, refresh_step, surplus_machines
from lab.cloud.aws.hooks import begin_termination, end_hook
from lab.cloud.aws.launches import Launch, Launcher
from lab.cloud.aws.scaling_groups import ScalingGroup, ScalingGroups
from lab.cloud.ports import MACHINES_PORT
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError
from lab.paths import LabPaths
from lab.spec import Instance, LabHost

INTERVAL_SECONDS = 1.0
CONTROLLER_SECONDS = 3.0
MEMORY_BYTES = 2 * 1024**3
"""Memory limit of a machine in the lab, whatever its type."""


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
            self._start(launches)

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
                _log(f"{machine.id}: the hook {machine.hook} timed out: {result}")
                self._states.update(machine.id, **end_hook(machine, result))

    def _has_ended(self, machine: RunningMachine) -> bool:
        """Check whether a machine has completed its termination, or its host no longer runs."""
        if machine.lifecycle == "Terminated":
            return not machine.hook
        return cgroups.init_pid(self._lab, machine.host) is None

    def _continue_refresh(self, group: ScalingGroup) -> None:
        """Make the next step of the running instance refresh of a group."""
        if group.refresh is None:
            return
        machines = [machine for machine in self._states.all() if machine.group == group.name]
        step = refresh_step(group, group.refresh, machines)
        for machine in step.terminate:
            _log(f"{group.name}: replaces {machine.id}")
            begin_termination(self._states, machine, group)
        self._groups.change(
            group.name,
            # A call of the API may have canceled the refresh since it was read.
            lambda current: current.with_refresh(step.refresh) if current.refresh is not None else current,
        )

    def _taken(self, launches: Sequence[Launch]) -> list[RunningMachine]:
        return [*self._states.all(), *(launch.machine for launch in launches)]

    def _start(self, launches: Sequence[Launch]) -> None:
        """Boot machines at the same time."""
        started = [
            LabHost.model_validate(
                {
                    "name": launch.machine.host,
                    "address": launch.machine.address,
                    "memory": MEMORY_BYTES,
                    "instance": Instance(
                        id=launch.machine.id, hostname=launch.machine.hostname, user_data=launch.user_data
                    ),
                }
            )
            for launch in launches
        ]
        for launch in launches:
            _log(f"{launch.machine.group}: launches {launch.machine.id} on {launch.machine.host}")
            self._states.add(launch.machine)
        names = {host.name for host in started}
        lifecycle.set_hosts(
            self._lab, lambda hosts: [*(host for host in hosts if host.name not in names), *started]
        )

    def _remove(self, machines: Sequence[RunningMachine]) -> None:
        """Remove machines with their disks. Data volumes remain."""
        if not machines:
            return
        names = {machine.host for machine in machines}
        for machine in machines:
            _log(f"{machine.group}: terminates {machine.id}")
        lifecycle.set_hosts(self._lab, lambda hosts: [host for host in hosts if host.name not in names])
        for machine in machines:
            self._states.remove(machine.id)
        self._launcher.terminate([machine.id for machine in machines])


class _Answer(BaseRequestHandler):
    """Closes each connection: the port only shows that the program runs."""


def _log(text: str) -> None:
    print(text, flush=True)


def _repeat(step: Callable[[], None], seconds: float) -> None:
    """Call a function until the process ends, also after errors."""
    while True:
        try:
            step()
        except (LabError, ClientError, BotoCoreError, OSError, LookupError, ValueError) as error:
            _log(f"error: {type(error).__name__}: {error}")
        time.sleep(seconds)


def main(lab: str) -> None:
    """Run the machines until the process is killed. Raise OSError if the port is in use."""
    machine = str(spec.read(LabPaths.of(lab).spec).machine)
    server = ThreadingTCPServer((machine, MACHINES_PORT), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    controller = CloudController(lab)
    threading.Thread(target=_repeat, args=(controller.step, CONTROLLER_SECONDS), daemon=True).start()
    _repeat(GroupMachines(lab).step, INTERVAL_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
