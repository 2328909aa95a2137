"""The common parts of emulated clouds in tests: a lab, its machines, and commands on machines."""

from __future__ import annotations

from collections.abc import Sequence

from lab import hosts, lifecycle
from lab.cloud.ports import API_PORT, METADATA_PORT
from lab.cloud.running import MachineStates, RunningMachine
from lab.paths import LabPaths
from lab.spec import Instance, LabHost, LabSpec

MEMORY_BYTES = 2 * 1024**3


class EmulatedCloud:
    """A lab that emulates a cloud. `url` is the address of the API and the store, `metadata_url` of the
    machines' metadata service.
    """

    def __init__(self, lab: str) -> None:
        self.lab = lab
        self.states = MachineStates.of(lab)
        self.gateway = str(self.spec.gateway)
        self.url = f"https://{self.gateway}:{API_PORT}"
        self.metadata_url = f"http://{self.gateway}:{METADATA_PORT}"
        self.ca = LabPaths.of(lab).ca

    @property
    def spec(self) -> LabSpec:
        """Return the current specification of the lab."""
        return lifecycle.load(self.lab)

    def machine_at(self, address: str) -> RunningMachine:
        """Return the machine with an address. Fail if no machine has the address."""
        machine = self.states.by_address(address)
        assert machine is not None, f"no machine at {address}"
        return machine

    def run(self, host: str, command: str, *, timeout: float = 120) -> str:
        """Run a command on a host and return its output. Fail with its error output."""
        result = hosts.execute(self.lab, host, ["sh", "-c", command], stdin="", timeout=timeout)
        assert result.returncode == 0, f"{host}: {command}: {result.stdout[-2000:]}{result.stderr[-2000:]}"
        return result.stdout.strip()

    def boot(self, machines: Sequence[tuple[RunningMachine, str]]) -> None:
        """Start machines from their image at the same time, each with its user data, and return when all
        have booted.
        """
        started_hosts = []
        for machine, user_data in machines:
            self.states.add(machine)
            instance = Instance(id=machine.id, hostname=machine.hostname, user_data=user_data)
            fields = {
                "name": machine.host,
                "address": machine.address,
                "memory": MEMORY_BYTES,
                "instance": instance,
            }
            started_hosts.append(LabHost.model_validate(fields))
        names = {host.name for host in started_hosts}
        self._set_hosts([*(other for other in self.spec.hosts if other.name not in names), *started_hosts])

    def terminate_machine(self, machine: RunningMachine) -> None:
        """Delete a machine with its disk. A data volume is kept."""
        self._set_hosts([host for host in self.spec.hosts if host.name != machine.host])
        self.states.remove(machine.id)

    def _set_hosts(self, requested: Sequence[LabHost]) -> None:
        lifecycle.up(self.spec.model_copy(update={"hosts": tuple(requested)}))
