"""Machines of an emulated cloud as hosts of the lab, and the loop of the programs that start them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from socketserver import BaseRequestHandler, ThreadingTCPServer

from lab import cgroups, lifecycle, spec
from lab.cloud.controller import CloudController
from lab.cloud.ports import MACHINES_PORT
from lab.cloud.running import MachineStates, RunningMachine
from lab.errors import LabError
from lab.paths import NAME_LENGTH, LabPaths
from lab.spec import Instance, LabHost

INTERVAL_SECONDS = 1.0
CONTROLLER_SECONDS = 3.0
MEMORY_BYTES = 2 * 1024**3
"""Memory limit of a machine in the lab, whatever its type."""


@dataclass(frozen=True, slots=True)
class Launch:
    """A machine to start, and its user data as text."""

    machine: RunningMachine
    user_data: str


def start_machines(lab: str, launches: Sequence[Launch]) -> None:
    """Boot machines at the same time, and add them to the machines of the lab."""
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
        log(f"{launch.machine.group}: launches {launch.machine.id} on {launch.machine.host}")
        MachineStates.of(lab).add(launch.machine)
    names = {host.name for host in started}
    lifecycle.set_hosts(
        lab, lambda hosts: [*(host for host in hosts if host.name not in names), *started], booted=names
    )


def remove_machines(lab: str, machines: Sequence[RunningMachine]) -> None:
    """Remove machines with their disks. Data volumes remain."""
    names = {machine.host for machine in machines}
    for machine in machines:
        log(f"{machine.group}: terminates {machine.id}")
    lifecycle.set_hosts(lab, lambda hosts: [host for host in hosts if host.name not in names])
    for machine in machines:
        MachineStates.of(lab).remove(machine.id)


def reimage_machine(lab: str, machine: RunningMachine) -> None:
    """Boot a machine again from an empty disk, with its user data. It keeps its id, name and address."""
    log(f"{machine.group}: reimages {machine.id}")

    def reimaged(host: LabHost) -> LabHost:
        if host.name != machine.host or host.instance is None:
            return host
        instance = host.instance.model_copy(update={"disk": host.instance.disk + 1})
        return host.model_copy(update={"instance": instance})

    lifecycle.set_hosts(lab, lambda hosts: [reimaged(host) for host in hosts], booted={machine.host})
    MachineStates.of(lab).update(machine.id, reimage=False, reimaged=time.time())


def runs(lab: str, machine: RunningMachine) -> bool:
    """Check whether the host of a machine runs."""
    return cgroups.init_pid(lab, machine.host) is not None


def numbered_host(name: str, taken: Container[str]) -> str:
    """Return the first free name of a host in the lab: `name`, shortened, and a number."""
    name = name[: NAME_LENGTH - len("-999")].rstrip("-")
    return next(host for number in range(1, 1000) if (host := f"{name}-{number}") not in taken)


def log(text: str) -> None:
    """Write a line to the log of the program."""
    print(text, flush=True)


def run_machines(
    lab: str,
    step: Callable[[], None],
    provider_id: Callable[[RunningMachine], str],
    errors: tuple[type[Exception], ...] = (),
) -> None:
    """Call `step` and the cloud controller until the process is killed, also after `errors`.

    Raise OSError if the port that shows that the program runs is in use.
    """
    expected: tuple[type[Exception], ...] = (LabError, OSError, LookupError, ValueError, *errors)
    machine = str(spec.read(LabPaths.of(lab).spec).machine)
    server = ThreadingTCPServer((machine, MACHINES_PORT), _Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    controller = CloudController(lab, provider_id)
    arguments = (controller.step, CONTROLLER_SECONDS, expected)
    threading.Thread(target=_repeat, args=arguments, daemon=True).start()
    _repeat(step, INTERVAL_SECONDS, expected)


class _Answer(BaseRequestHandler):
    """Closes each connection: the port only shows that the program runs."""


def _repeat(step: Callable[[], None], seconds: float, expected: tuple[type[Exception], ...]) -> None:
    """Call a function until the process ends, also after expected errors."""
    while True:
        try:
            step()
        except expected as error:
            log(f"error: {type(error).__name__}: {error}")
        time.sleep(seconds)
