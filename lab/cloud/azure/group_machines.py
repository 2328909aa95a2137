"""The program that runs virtual machines and the instances of scale sets as hosts of the lab: `python -m
lab.cloud.azure.group_machines LAB`.

The program runs outside the gateway's network, because it creates the networks of hosts. It is the only
program that changes the hosts of its lab.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from lab import hosts, volumes
from lab.cloud.azure.decisions import set_step
from lab.cloud.azure.launches import Launcher
from lab.cloud.azure.resources import (
    RESOURCE_GROUP,
    SCALE_SET,
    VIRTUAL_MACHINE,
    Resource,
    Resources,
    is_inside,
)
from lab.cloud.azure.scale_set_api import instances_of
from lab.cloud.azure.terminations import begin_termination, has_ended
from lab.cloud.machines import (
    Launch,
    log,
    reimage_machine,
    remove_machines,
    run_machines,
    runs,
    start_machines,
)
from lab.cloud.running import MachineStates, RunningMachine
from lab.cloud.zones import FailedZones
from lab.errors import LabError
from topology.ports import CLOUD_NODE_HEALTH_PORT

_HEALTH = f"curl --silent --max-time 5 http://127.0.0.1:{CLOUD_NODE_HEALTH_PORT}/"


class GroupMachines:
    """The machines of a subscription: virtual machines, and the instances of scale sets."""

    def __init__(self, lab: str) -> None:
        self._lab = lab
        self._states, self._resources = MachineStates.of(lab), Resources.of(lab)
        self._launcher, self._failed_zones = Launcher(lab), FailedZones.of(lab)

    def step(self) -> None:
        """Make one pass: remove ended machines and deleted resources, reimage and launch machines."""
        machines = self._resources.of_type(VIRTUAL_MACHINE)
        scale_sets = self._resources.of_type(SCALE_SET)
        self._remove([machine for machine in self._known(scale_sets) if self._has_ended(machine)])
        for machine in self._known(scale_sets):
            if machine.reimage and machine.lifecycle == "InService":
                reimage_machine(self._lab, machine)
        launches: list[Launch] = []
        for resource in machines:
            launches += self._continue_machine(resource)
        for resource in scale_sets:
            launches += self._continue_set(resource, launches)
        if launches:
            start_machines(self._lab, launches)
        for resource in machines:
            self._attach_disks(resource)
        self._complete([item for item in (*machines, *scale_sets) if not self._has_failed(item)])
        self._remove_deleted()

    def _known(self, scale_sets: Sequence[Resource]) -> list[RunningMachine]:
        """Return the instances of existing scale sets. Tests start other machines."""
        return [machine for item in scale_sets for machine in instances_of(self._states, item)]

    def _has_ended(self, machine: RunningMachine) -> bool:
        """Check whether the termination of an instance is complete, or its host no longer runs."""
        return has_ended(machine, time.time()) or not runs(self._lab, machine)

    def _continue_machine(self, resource: Resource) -> list[Launch]:
        """Return the launch of a virtual machine that does not run. Remove a deleted one."""
        machine = self._states.by_id(resource.id)
        if resource.deleting:
            if machine is not None:
                self._remove([machine])
            self._resources.remove(resource.id)
            return []
        # Azure does not start a stopped virtual machine again, only one whose creation is not complete.
        running = machine is not None and runs(self._lab, machine)
        if not _is_creating(resource) or running or self._has_failed(resource):
            return []
        return [self._launcher.machine(resource)]

    def _continue_set(self, resource: Resource, launches: Sequence[Launch]) -> list[Launch]:
        """Make the next step of a scale set. Return the launches of its new instances."""
        instances = instances_of(self._states, resource)
        if resource.deleting:
            for instance in instances:
                if instance.lifecycle == "InService":
                    begin_termination(self._states, instance, resource)
            if not instances:
                self._resources.remove(resource.id)
            return []
        step = set_step(resource, instances, self._is_healthy, time.time())
        for instance in step.terminate:
            log(f"{resource.name}: ends {instance.id}")
            begin_termination(self._states, instance, resource)
        if step.upgrade != resource.upgrade:
            self._resources.change(
                resource.id,
                # A request may have started another upgrade since the resource was read.
                lambda current: (
                    replace(current, upgrade=step.upgrade) if current.upgrade == resource.upgrade else current
                ),
            )
        if not step.launch or self._has_failed(resource):
            return []
        taken = [*self._states.all(), *(launch.machine for launch in launches)]
        new = self._launcher.instances(resource, step.launch, taken)
        self._resources.change(
            resource.id, lambda current: replace(current, next_instance=current.next_instance + len(new))
        )
        return new

    def _has_failed(self, resource: Resource) -> bool:
        """Check whether the zone of a virtual machine or a scale set has failed."""
        return not self._failed_zones.all().isdisjoint(resource.body.get("zones") or [])

    def _is_healthy(self, machine: RunningMachine) -> bool:
        """Ask a node as the health extension does."""
        try:
            result = hosts.execute(self._lab, machine.host, ["sh", "-c", _HEALTH], stdin="", timeout=20)
        except LabError:
            return False
        return '"Healthy"' in result.stdout

    def _attach_disks(self, resource: Resource) -> None:
        """Attach the data disks of a virtual machine whose creation is not complete."""
        machine = self._states.by_id(resource.id)
        if machine is None or not _is_creating(resource):
            return
        for lun, disk, size in self._launcher.data_disks(machine):
            volumes.create(self._lab, disk, size)
            volumes.attach(self._lab, disk, machine.host, [f"/dev/disk/azure/data/by-lun/{lun}"])

    def _complete(self, resources: Sequence[Resource]) -> None:
        """Report the creation of machines and scale sets whose machines have been started."""

        def complete(current: Resource) -> Resource:
            # A request may have deleted the resource since it was read.
            if not _is_creating(current):
                return current
            return current.with_properties(provisioningState="Succeeded")

        for resource in filter(_is_creating, resources):
            self._resources.change(resource.id, complete)

    def _remove(self, machines: Sequence[RunningMachine]) -> None:
        if machines:
            remove_machines(self._lab, machines)

    def _remove_deleted(self) -> None:
        """Remove deleted resource groups whose machines have ended."""
        present = self._resources.all()
        for group in self._resources.of_type(RESOURCE_GROUP):
            inside = [item for key, item in present.items() if is_inside(key, group.id.lower())]
            if group.deleting and not any(item.type in (VIRTUAL_MACHINE, SCALE_SET) for item in inside):
                self._resources.remove(group.id)


def _is_creating(resource: Resource) -> bool:
    return resource.properties.get("provisioningState") == "Creating" and not resource.deleting


def provider_id(machine: RunningMachine) -> str:
    """Return the provider ID of a machine in the format of the Azure cloud controller."""
    return f"azure://{machine.id}"


def main(lab: str) -> None:
    """Run the machines until the process is killed. Raise OSError if the port is in use."""
    run_machines(lab, GroupMachines(lab).step, provider_id)


if __name__ == "__main__":
    main(sys.argv[1])
