"""The base class of cloud providers, which creates members and pools and checks the limits of the cloud."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

import pulumi
from pulumi import ComponentResource, Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command

from components.provider import CloudResources, Secrets
from components.scope import Scope
from nodeconfig.bundle import Bundle
from providers.cloud.machine_config import (
    CONTROL_PLANES,
    MachineConfig,
    config_names,
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
class CreatedMember(Generic[M]):
    """A created member: its machine config, its component, and the command that runs when its machine
    changes.
    """

    config: MachineConfig
    component: M
    rollout: Command


class CloudProvider(ABC, Generic[M]):
    """The base class of providers for clouds.

    `M` is the class of a member's component, `section` the key of the cloud's settings.
    """

    section: ClassVar[str]

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        bundles: Mapping[tuple[str, Role], Bundle],
        scope: Scope,
    ) -> None:
        self._settings, self._topology, self._bundles, self._scope = settings, topology, bundles, scope
        self._machines = {machine.name: machine for machine in topology.machines}
        self._members: dict[str, CreatedMember[M]] = {}

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """Return the health gate of one role of a member.

        The call for the first role creates the machine, with the deliveries of all of its roles.
        """
        new = machine.name not in self._members
        if new:
            self._members[machine.name] = self._create_member_once(machine, secrets, opts)
        gate = self._member_gate(self._members[machine.name], machine, role, opts)
        if new and len(self._members) == len(self._machines):
            self._complete_members(gate)
        return gate

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """Return one health gate for a pool whose machines the cloud creates, else one gate for each node of
        the pool.
        """
        if pool.capacity is None:
            return [
                self.member(self._machines[node.name], Role.NODE, bundles[node.name], secrets, opts)
                for node in pool.nodes
            ]
        config = pool_config(pool, bundles[pool.name], secrets)
        return [self._create_pool(pool, pool.capacity, config, opts)]

    @abstractmethod
    def machine_names(self, pool: Pool) -> str:
        """Return the regular expression for the node names of a pool."""

    def operate(
        self,
        name: str,
        script: Input[str],
        opts: ResourceOptions,
        *,
        kubeconfig: Output[str],
        on_delete: str = "",
    ) -> Resource:
        """Create the command that runs `script` with kubectl on the deployer's machine."""
        return operate(name, script, opts, kubeconfig=kubeconfig, on_delete=on_delete)

    def _create_member_once(
        self, machine: Machine, secrets: Secrets, opts: ResourceOptions
    ) -> CreatedMember[M]:
        config = member_config(machine, self._bundles, secrets)
        component = self._create_member(machine, config, opts)
        return CreatedMember(config, component, self._create_rollout(machine, config, component, opts))

    @property
    def _last_rollout(self) -> list[Command]:
        """The resources that roll out the member created last; an empty list before the first member.

        The next member depends on them, so members change one after another.
        """
        return [member.rollout for member in self._members.values()][-1:]

    def _keep_placement(self, machine: Machine) -> ResourceOptions:
        """Return options for the component of a member, with a hook that refuses a new placement."""
        hosts = "control_planes.hosts" if kind_of(machine) == CONTROL_PLANES else "etcd.hosts"
        return ResourceOptions(hooks=refuse_moves(machine.name, hosts, self.section, self._scope))

    def _machine_settings(self, machine: Machine) -> MemberMachineSettings:
        section = self._settings.control_planes if kind_of(machine) == CONTROL_PLANES else self._settings.etcd
        if section.machine is None:
            raise ValueError(f"{machine.name}: settings.load() accepted settings without a machine")
        return section.machine

    def _check_limits(self) -> None:
        """Raise SettingsError with every setting that the cloud would reject; log warnings about other
        limits.
        """
        programs = {name: self._longest_program(kind, name) for kind, name in config_names(self._topology)}
        problems = self._find_problems(programs)
        if problems:
            raise SettingsError(problems)
        for warning in self._find_warnings():
            pulumi.warn(warning)

    @property
    @abstractmethod
    def cloud_resources(self) -> CloudResources:
        """Identifiers of the network and of the roles of machines, for use in other programs."""

    @abstractmethod
    def _longest_program(self, kind: str, name: str) -> str:
        """Return the longest boot program that the machine config of this kind and name can have."""

    @abstractmethod
    def _find_problems(self, programs: Mapping[str, str]) -> list[Problem]:
        """Return a problem for each setting that the cloud would reject.

        `programs` are the longest boot programs by name of the machine config.
        """

    @abstractmethod
    def _find_warnings(self) -> list[str]:
        """Return warnings about limits of the cloud that the cluster would exceed if all pools had their
        maximum size.
        """

    @abstractmethod
    def _create_member(self, machine: Machine, config: MachineConfig, opts: ResourceOptions) -> M:
        """Create the machine of a member, with its stable identity."""

    @abstractmethod
    def _create_rollout(
        self, machine: Machine, config: MachineConfig, member: M, opts: ResourceOptions
    ) -> Command:
        """Create the command that replaces the machine of a changed member, or waits for its replacement."""

    @abstractmethod
    def _member_gate(
        self, member: CreatedMember[M], machine: Machine, role: Role, opts: ResourceOptions
    ) -> Command:
        """Create the command that waits until a role of a member is healthy."""

    @abstractmethod
    def _create_pool(
        self, pool: Pool, capacity: Capacity, config: MachineConfig, opts: ResourceOptions
    ) -> Resource:
        """Create a pool; return the command that waits until all of its nodes are healthy."""

    def _complete_members(self, gate: Resource) -> None:
        """Create resources that cover all members, after the last member. `gate` is a gate of that member."""
