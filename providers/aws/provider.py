"""AWS: composes network, endpoint, store, identities and machines to what the components ask for [K]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command

from components.api import Api
from formats import quantity
from nodeconfig.bundle import Bundle
from providers.aws import limits
from providers.aws.addons import AddOns, AddOnsArgs
from providers.aws.boot import Boot
from providers.aws.firewall import CONTROL_PLANE, ETCD, WORKERS
from providers.aws.foundation import foundation
from providers.aws.machine import MachineArgs
from providers.aws.members import Member, MemberArgs, StableIdentity, StableIdentityArgs
from providers.aws.names import KIND_TAG, Names, prefix
from providers.aws.pools import PoolArgs, WorkerPool
from providers.aws.waiting import Waiting
from providers.cloud.gate import gate, roll
from providers.cloud.machine_config import (
    CONTROL_PLANES,
    ETCD_MEMBERS,
    POOLS,
    MachineConfig,
    kind_of,
    statuses,
)
from providers.cloud.machines import gib, whole_gib
from providers.cloud.provider import CloudProvider, Made
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Capacity, Machine, Pool, Role, Topology

_GROUPS = {CONTROL_PLANES: CONTROL_PLANE, ETCD_MEMBERS: ETCD, POOLS: WORKERS}


class Aws(CloudProvider[Member]):
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
        super().__init__(settings, topology, bundles)
        self._cloud = cloud
        domain = Names(cluster=topology.name, region=cloud.region).domain
        self._boot = Boot(cloud.region, domain, cloud.endpoints, files)
        self._check()
        self._site = foundation(cloud, topology)
        self._waiting = Waiting(cloud, self._site.store.bucket)

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

    def _longest(self, name: str, kind: str) -> str:
        return self._boot.longest(name, kind)

    def _problems(self, programs: Mapping[str, str]) -> list[Problem]:
        found = limits.problems(self._settings, self._cloud, self._topology)
        return found + limits.user_data_problems(programs)

    def _warnings(self) -> list[str]:
        return limits.warnings(self._settings, self._cloud)

    def _member(self, machine: Machine, unit: MachineConfig, opts: ResourceOptions) -> Member:
        size = self._size(machine)
        zone = self._site.zones[machine.zone]
        under = ResourceOptions(parent=opts.parent, providers=[self._site.plugin])
        seat = StableIdentity(
            f"{machine.name}-seat",
            StableIdentityArgs(
                names=self._site.names,
                member=machine.name,
                kind=unit.kind,
                address=machine.address,
                zone=zone,
                subnet=self._site.place.private[machine.zone],
                group=self._site.firewall[_GROUPS[unit.kind]],
                data_disk=gib(size.data_disk),
            ),
            ResourceOptions.merge(under, self._stays(machine, "aws")),
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
        return Member(
            machine.name,
            MemberArgs(machine=described, seat=seat, zone=zone, drain_seconds=unit.drain_seconds),
            ready=self._ready(unit, opts),
            opts=under,
        )

    def _roll(self, machine: Machine, unit: MachineConfig, member: Member, opts: ResourceOptions) -> Command:
        """Replaces the machine when its template changes, after the member before it has been."""
        keys = [unit.status(role) for role in unit.roles]
        return roll(
            f"{machine.name}-roll",
            self._waiting.roll(
                member.group,
                member.version,
                keys,
                unit.digest,
                drain_seconds=unit.drain_seconds,
                beside=self._beside(machine),
            ),
            ResourceOptions(parent=opts.parent, depends_on=[member, *self._last_roll]),
            delete=self._waiting.leave(member.group, unit.leave, unit.left, drain_seconds=unit.drain_seconds),
        )

    def _beside(self, machine: Machine) -> Mapping[str, Sequence[str]]:
        """Groups and status' keys of the other members of its kind: they carry on while it is away."""
        others = [other for other in self._topology.machines if other.name != machine.name]
        return {
            self._site.names.name(other.name): statuses(other)
            for other in others
            if kind_of(other) == kind_of(machine)
        }

    def _gate(self, made: Made[Member], machine: Machine, role: Role, opts: ResourceOptions) -> Command:
        unit = made.unit
        return gate(
            f"{machine.name}-{role.value}",
            self._waiting.gate([unit.status(role)], unit.digest),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[made.member, made.roll])),
        )

    def _workers(
        self, pool: Pool, capacity: Capacity, unit: MachineConfig, opts: ResourceOptions
    ) -> Resource:
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
        self, unit: MachineConfig, machine_type: str, disk: int, program: Input[str], *, part: str = ""
    ) -> MachineArgs:
        own = {KIND_TAG: unit.kind, self._site.names.kubernetes_tag: "owned"}
        return MachineArgs(
            names=self._site.names,
            part=part or unit.name,
            kind=unit.kind,
            type=machine_type,
            image=self._site.image,
            disk=whole_gib(disk),
            profile=self._site.identity[prefix(unit.kind, unit.name)].arn,
            program=program,
            digest=unit.digest,
            ssh_key=self._cloud.ssh_key,
            tags=own,
            group=self._site.firewall[WORKERS] if unit.kind == POOLS else None,
        )

    def _ready(self, unit: MachineConfig, opts: ResourceOptions) -> list[Resource]:
        """What must be there before a machine boots, its bundles in the store among it."""
        objects = [
            self._site.store.put(key.replace("/", "-"), key, Output.secret(content) if secret else content)
            for key, content, secret in unit.objects
        ]
        asked = opts.depends_on
        before = [item for item in asked if isinstance(item, Resource)] if isinstance(asked, list) else []
        identity = self._site.identity.ready(prefix(unit.kind, unit.name))
        return [*self._site.ready, *identity, *objects, *before]
