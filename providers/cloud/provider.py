"""What the clouds' providers do alike: members and pools from units, each once, and the check before all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import pulumi
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command

from components.provider import Secrets
from nodeconfig.bundle import Bundle
from providers.cloud.machine_config import (
    CONTROL_PLANES,
    POOLS,
    MachineConfig,
    kind_of,
    member_config,
    pool_config,
)
from providers.cloud.operate import operate
from providers.cloud.placement import refuse_moves
from settings.clouds import MemberMachineSettings
from settings.cluster import Settings
from settings.problem import Problem, SettingsError
from topology.model import Capacity, Machine, Pool, Role, Topology

M = TypeVar("M", bound=ComponentResource)


@dataclass(frozen=True)
class Made(Generic[M]):
    """A member: what it becomes, its machine, and the command that waits when that one is replaced."""

    unit: MachineConfig
    member: M
    roll: Command


class CloudProvider(ABC, Generic[M]):
    """A provider for a cloud whose member is the component `M`."""

    def __init__(
        self, settings: Settings, topology: Topology, bundles: Mapping[tuple[str, Role], Bundle]
    ) -> None:
        self._settings, self._topology, self._bundles = settings, topology, bundles
        self._machines = {machine.name: machine for machine in topology.machines}
        self._made: dict[str, Made[M]] = {}

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """One role of a machine; the first of its roles makes the machine, for all of them."""
        new = machine.name not in self._made
        if new:
            self._made[machine.name] = self._make(machine, secrets, opts)
        gate = self._gate(self._made[machine.name], machine, role, opts)
        if new and len(self._made) == len(self._machines):
            self._complete(gate)
        return gate

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """A pool as one resource that waits for all of its nodes; the control planes' nodes one by one."""
        if pool.capacity is None:
            return [
                self.member(self._machines[node.name], Role.NODE, bundles[node.name], secrets, opts)
                for node in pool.nodes
            ]
        unit = pool_config(pool, bundles[pool.name], secrets)
        return [self._workers(pool, pool.capacity, unit, opts)]

    def operate(
        self,
        name: str,
        script: Input[str],
        opts: ResourceOptions,
        *,
        kubeconfig: Output[str],
        on_delete: str = "",
    ) -> Resource:
        """Runs `script` by the deployer's own kubectl."""
        return operate(name, script, opts, kubeconfig=kubeconfig, on_delete=on_delete)

    def _make(self, machine: Machine, secrets: Secrets, opts: ResourceOptions) -> Made[M]:
        unit = member_config(machine, self._bundles, secrets)
        member = self._member(machine, unit, opts)
        return Made(unit, member, self._roll(machine, unit, member, opts))

    @property
    def _last_roll(self) -> list[Command]:
        """The roll of the member that was made last, if any: what the next one's change waits for."""
        return [made.roll for made in self._made.values()][-1:]

    def _stays(self, machine: Machine, cloud: str) -> ResourceOptions:
        """Refuses to move a member that is there; `cloud` is the settings' section of its network."""
        hosts = "control_planes.hosts" if kind_of(machine) == CONTROL_PLANES else "etcd.hosts"
        return ResourceOptions(hooks=refuse_moves(machine.name, hosts, cloud))

    def _size(self, machine: Machine) -> MemberMachineSettings:
        section = self._settings.control_planes if kind_of(machine) == CONTROL_PLANES else self._settings.etcd
        if section.machine is None:
            raise ValueError(f"{machine.name}: settings that load() returned say what machine it is")
        return section.machine

    def _units(self) -> list[tuple[str, str]]:
        """Every unit's name and kind."""
        members = [(machine.name, kind_of(machine)) for machine in self._topology.machines]
        return [*members, *((pool.name, POOLS) for pool in self._topology.pools if pool.capacity)]

    def _check(self) -> None:
        """Raises SettingsError with everything that the cloud would refuse; warns of what may come."""
        problems = self._problems({name: self._longest(name, kind) for name, kind in self._units()})
        if problems:
            raise SettingsError(problems)
        for warning in self._warnings():
            pulumi.warn(warning)

    @abstractmethod
    def _longest(self, name: str, kind: str) -> str:
        """A boot program as long as that unit's can be."""

    @abstractmethod
    def _problems(self, programs: Mapping[str, str]) -> list[Problem]:
        """What the cloud would refuse; `programs` are the longest boot programs by the unit's name."""

    @abstractmethod
    def _warnings(self) -> list[str]:
        """What fits now, and may not later."""

    @abstractmethod
    def _member(self, machine: Machine, unit: MachineConfig, opts: ResourceOptions) -> M:
        """Makes a machine with a name."""

    @abstractmethod
    def _roll(self, machine: Machine, unit: MachineConfig, member: M, opts: ResourceOptions) -> Command:
        """What waits for, or makes, the replacement of that machine when it changes."""

    @abstractmethod
    def _gate(self, made: Made[M], machine: Machine, role: Role, opts: ResourceOptions) -> Command:
        """What waits until a role of a member is healthy."""

    @abstractmethod
    def _workers(
        self, pool: Pool, capacity: Capacity, unit: MachineConfig, opts: ResourceOptions
    ) -> Resource:
        """Makes a pool; what waits until all of its nodes are healthy."""

    def _complete(self, gate: Resource) -> None:
        """Makes what is of all members together, once all are there; `gate` is of the last one's."""
