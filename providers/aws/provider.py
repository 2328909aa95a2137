"""AWS: composes network, endpoint, store, identities and machines to what the components ask for [K]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command

from components.api import Api
from nodeconfig.bundle import Bundle
from providers.aws import limits
from providers.aws.addons import AddOns, AddOnsArgs
from providers.aws.boot import Boot
from providers.aws.firewall import CONTROL_PLANE, ETCD, WORKERS
from providers.aws.machine import MachineArgs
from providers.aws.members import Member, MemberArgs, Seat, SeatArgs
from providers.aws.names import KIND_TAG, Names
from providers.aws.pools import PoolArgs, WorkerPool
from providers.aws.site import site
from providers.aws.waiting import Waiting
from providers.cloud.gate import gate, roll
from providers.cloud.operate import operate
from providers.cloud.units import CONTROL_PLANES, ETCD_MEMBERS, POOLS, Unit, kind_of, member_unit, pool_unit
from providers.contract import Secrets
from settings import quantity
from settings.clouds import MemberMachineSettings
from settings.cluster import Settings
from settings.problem import SettingsError
from topology.model import Capacity, Machine, Pool, Role, Topology

_GIB = 1024**3
_GROUPS = {CONTROL_PLANES: CONTROL_PLANE, ETCD_MEMBERS: ETCD, POOLS: WORKERS}


class Aws:
    """The provider for AWS. `files` are the texts of the files that settings name.

    Raises `SettingsError` with everything that AWS would refuse, before anything is made.
    """

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        files: Mapping[str, str],
        bundles: Mapping[tuple[str, Role], Bundle],
    ) -> None:
        cloud = settings.aws
        if cloud is None:
            raise ValueError("only settings with a section aws can be of AWS")
        self._settings, self._cloud, self._topology, self._bundles = settings, cloud, topology, bundles
        domain = Names(cluster=topology.name, region=cloud.region).domain
        self._boot = Boot(cloud.region, domain, cloud.endpoints, files)
        self._check()
        self._site = site(cloud, topology)
        self._waiting = Waiting(cloud, self._site.store.bucket)
        self._machines = {machine.name: machine for machine in topology.machines}
        self._made: dict[str, tuple[Unit, Member, Command]] = {}
        self._rolls: list[Command] = []

    def member(
        self, machine: Machine, role: Role, bundle: Bundle, secrets: Secrets, opts: ResourceOptions
    ) -> Resource:
        """One role of a machine; the first of its roles makes the machine, for all of them."""
        if machine.name not in self._made:
            self._made[machine.name] = self._member(machine, secrets, opts)
        return self._gate(machine, role, opts)

    def pool(
        self, pool: Pool, bundles: Mapping[str, Bundle], secrets: Secrets, opts: ResourceOptions
    ) -> Sequence[Resource]:
        """A pool of workers as one resource that waits for all; the control planes' nodes one by one."""
        if pool.capacity is None:
            return [
                self.member(self._machines[node.name], Role.NODE, bundles[node.name], secrets, opts)
                for node in pool.nodes
            ]
        unit = pool_unit(pool, bundles[pool.name], secrets)
        return [self._workers(pool, pool.capacity, unit, opts)]

    def operate(
        self,
        name: str,
        script: Input[str],
        triggers: Sequence[str],
        opts: ResourceOptions,
        *,
        kubeconfig: Output[str],
        farewell: str = "",
    ) -> Resource:
        """Runs `script` by the deployer's own kubectl."""
        return operate(name, script, triggers, opts, kubeconfig=kubeconfig, farewell=farewell)

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """The cloud controller manager, without which no node becomes ready, and what the settings choose."""
        replicas = 2 if len(self._topology.control_planes) > 1 else 1
        args = AddOnsArgs(
            api=api,
            names=self._site.names,
            vpc=self._site.place.vpc,
            replicas=replicas,
            chosen=self._cloud.addons,
        )
        return AddOns("aws-addons", args).releases

    def _check(self) -> None:
        units = {
            **{machine.name: kind_of(machine) for machine in self._topology.machines},
            **{pool.name: POOLS for pool in self._topology.pools if pool.capacity},
        }
        longest = {name: self._boot.longest(name, kind) for name, kind in units.items()}
        problems = limits.problems(self._settings, self._cloud, self._topology)
        problems += limits.user_data_problems(longest)
        if problems:
            raise SettingsError(problems)
        for warning in limits.warnings(self._settings, self._cloud):
            pulumi.warn(warning)

    def _member(
        self, machine: Machine, secrets: Secrets, opts: ResourceOptions
    ) -> tuple[Unit, Member, Command]:
        unit = member_unit(machine, self._bundles, secrets)
        size = self._size(machine)
        zone = self._site.zones[machine.zone]
        under = ResourceOptions(parent=opts.parent, providers=[self._site.plugin])
        seat = Seat(
            f"{machine.name}-seat",
            SeatArgs(
                names=self._site.names,
                member=machine.name,
                kind=unit.kind,
                address=machine.address,
                zone=zone,
                subnet=self._site.place.private[machine.zone],
                group=self._site.firewall[_GROUPS[unit.kind]],
                data_disk=_whole_gib(quantity.whole(size.data_disk)),
            ),
            under,
        )
        group = self._site.names.name(machine.name)
        program = self._boot.program(
            unit,
            self._site.store.bucket,
            group,
            name=machine.name,
            address=str(machine.address),
            volume=seat.volume,
        )
        described = self._machine(unit, size.type, quantity.whole(size.disk), program)
        member = Member(
            machine.name,
            MemberArgs(machine=described, seat=seat, zone=zone, drain_seconds=unit.drain_seconds),
            ready=self._ready(unit, opts),
            opts=under,
        )
        return unit, member, self._roll(machine, unit, member, under)

    def _roll(self, machine: Machine, unit: Unit, member: Member, under: ResourceOptions) -> Command:
        """Replaces the machine when its template changes, after the member before it has been."""
        keys = [unit.status(role) for role in unit.roles]
        command = roll(
            f"{machine.name}-roll",
            self._waiting.roll(
                member.group, member.version, keys, unit.digest, drain_seconds=unit.drain_seconds
            ),
            ResourceOptions(parent=under.parent, depends_on=[member, *self._rolls[-1:]]),
            delete=self._waiting.leave(member.group, unit.leave, unit.left, drain_seconds=unit.drain_seconds),
        )
        self._rolls.append(command)
        return command

    def _gate(self, machine: Machine, role: Role, opts: ResourceOptions) -> Command:
        unit, member, rolled = self._made[machine.name]
        return gate(
            f"{machine.name}-{role.value}",
            self._waiting.gate([unit.status(role)], unit.digest),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[member, rolled])),
        )

    def _workers(self, pool: Pool, capacity: Capacity, unit: Unit, opts: ResourceOptions) -> Resource:
        part = f"pool-{pool.name}"
        program = self._boot.program(unit, self._site.store.bucket, self._site.names.name(part))
        described = self._machine(unit, capacity.types[0], capacity.disk, program, part=part)
        workers = WorkerPool(
            part,
            PoolArgs(
                pool=pool,
                capacity=capacity,
                machine=described,
                subnets=self._site.place.private,
                drain_seconds=unit.drain_seconds,
                autoscaled=self._cloud.addons.autoscaler,
            ),
            ready=self._ready(unit, opts),
            opts=ResourceOptions(parent=opts.parent, providers=[self._site.plugin]),
        )
        return gate(
            f"{part}-nodes",
            self._waiting.pool(
                workers.group, workers.version, unit.status_prefix, Role.NODE.value, unit.digest
            ),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[workers])),
        )

    def _machine(
        self, unit: Unit, machine_type: str, disk: int, program: Input[str], *, part: str = ""
    ) -> MachineArgs:
        own = {KIND_TAG: unit.kind, self._site.names.kubernetes_tag: "owned"}
        return MachineArgs(
            names=self._site.names,
            part=part or unit.name,
            kind=unit.kind,
            type=machine_type,
            image=self._site.image,
            disk=_whole_gib(disk),
            profile=self._site.identity[unit.kind].arn,
            program=program,
            digest=unit.digest,
            ssh_key=self._cloud.ssh_key,
            tags=own,
            group=self._site.firewall[WORKERS] if unit.kind == POOLS else None,
        )

    def _ready(self, unit: Unit, opts: ResourceOptions) -> list[Resource]:
        """What must be there before a machine boots, its bundles in the store among it."""
        objects = [
            self._site.store.put(key.replace("/", "-"), key, Output.secret(content) if secret else content)
            for key, content, secret in unit.objects
        ]
        asked = opts.depends_on
        before = [item for item in asked if isinstance(item, Resource)] if isinstance(asked, list) else []
        return [*self._site.ready, *objects, *before]

    def _size(self, machine: Machine) -> MemberMachineSettings:
        section = self._settings.control_planes if kind_of(machine) == CONTROL_PLANES else self._settings.etcd
        if section.machine is None:
            raise ValueError(f"{machine.name}: settings that load() returned say what machine it is")
        return section.machine


def _whole_gib(size: int) -> int:
    return -(-size // _GIB)
