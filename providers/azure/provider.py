"""Azure: composes network, endpoint, store, identities and machines to what the components ask for [L]."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi_tls as tls
from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command

from components.api import Api
from nodeconfig.bundle import Bundle
from providers.azure import limits
from providers.azure.addons import AddOns, AddOnsArgs
from providers.azure.boot import Boot
from providers.azure.connection import within
from providers.azure.endpoint import Endpoint, EndpointArgs
from providers.azure.firewall import NODES, Firewall, FirewallArgs, group_of, groups
from providers.azure.identity import Identities, IdentityArgs
from providers.azure.image import image
from providers.azure.members import MemberArgs, MemberMachine
from providers.azure.names import Names, container, status_container
from providers.azure.network import Network, NetworkArgs, Place, existing
from providers.azure.pools import PoolArgs, PoolMachines, parts, set_name
from providers.azure.snapshots import SnapshotArgs, Snapshots
from providers.azure.store import Store, StoreArgs
from providers.azure.waiting import Waiting
from providers.cloud.gate import gate, roll
from providers.cloud.machine_config import CONTROL_PLANES, MachineConfig
from providers.cloud.machines import gib, whole_gib
from providers.cloud.provider import CloudProvider, Made
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Capacity, Machine, Pool, Role, Topology

_MACHINE = "Microsoft.Compute/virtualMachines"
_SET = "Microsoft.Compute/virtualMachineScaleSets"


class Azure(CloudProvider[MemberMachine]):
    """The provider for Azure. `files` are the texts of the files that settings name.

    Raises `SettingsError` with everything that Azure would refuse, before anything is made.
    """

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        files: Mapping[str, str],
        bundles: Mapping[tuple[str, Role], Bundle],
    ) -> None:
        cloud = settings.azure
        if cloud is None:
            raise ValueError("only settings with a section azure can be of Azure")
        super().__init__(settings, topology, bundles)
        self._cloud = cloud
        self._names = Names(
            cluster=topology.name,
            subscription=cloud.subscription,
            location=cloud.location,
            tags=cloud.tags,
        )
        self._boot = Boot(self._names, cloud.endpoints, topology, files)
        self._check()
        self._waiting = Waiting(self._boot)
        self._image = image(cloud.image)
        self._under = within(self._names)
        self._build()

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """The cloud controller manager, without which no node becomes ready, and what the settings choose."""
        owner = container(CONTROL_PLANES, "")
        args = AddOnsArgs(
            api=api,
            names=self._names,
            place=self._place,
            tenant=self._identities.tenants[owner],
            identity=self._identities.clients[owner],
            pods=str(self._topology.network.pods),
            replicas=2 if len(self._topology.control_planes) > 1 else 1,
            chosen=self._cloud.addons,
        )
        return AddOns("azure-addons", args).releases

    def _longest(self, name: str, kind: str) -> str:
        return self._boot.longest(name, kind)

    def _problems(self, programs: Mapping[str, str]) -> list[Problem]:
        found = limits.problems(self._settings, self._cloud, self._topology)
        return found + limits.custom_data_problems(programs)

    def _warnings(self) -> list[str]:
        return limits.warnings(self._settings, self._cloud, self._topology)

    def _build(self) -> None:
        """What the machines stand in."""
        self._place = self._network()
        rules = FirewallArgs(names=self._names, groups=groups(self._topology))
        self._firewall = Firewall("azure-firewall", rules, self._under)
        self._endpoint = Endpoint(
            "azure-endpoint",
            EndpointArgs(
                names=self._names,
                place=self._place,
                host=self._topology.endpoint.host,
                port=self._topology.endpoint.port,
                zones=self._cloud.zones,
                public=self._cloud.endpoint.public,
                label=self._cloud.endpoint.label,
            ),
            self._under,
        )
        containers = {
            container(kind, unit): (container(kind, unit), status_container(kind, unit))
            for unit, kind in self._units()
        }
        self._store = Store(
            "azure-store",
            StoreArgs(
                names=self._names,
                containers=[name for pair in containers.values() for name in pair],
                place=self._place,
                allowed=self._topology.network.api_allowed,
                private=self._cloud.private_store,
            ),
            self._under,
        )
        self._identities = Identities(
            "azure-identity",
            IdentityArgs(
                names=self._names,
                containers=containers,
                scopes=self._store.scopes,
                controllers=[container(CONTROL_PLANES, "")],
                networks=[self._cloud.network.id] if self._cloud.network.id else [],
            ),
            self._under,
        )
        self._ssh_key: Input[str] = self._cloud.ssh_key or self._unused_key()

    def _network(self) -> Place:
        """Where machines go."""
        plan = self._cloud
        return (
            existing(plan)
            or Network(
                "azure-network",
                NetworkArgs(
                    names=self._names,
                    range=plan.range,
                    members=plan.member_ranges[0],
                    pools=plan.pool_ranges[0],
                    nat=plan.network.nat,
                ),
                self._under,
            ).place
        )

    def _unused_key(self) -> Output[str]:
        """Azure makes no machine without a key. Nobody uses this one: the port of SSH is shut."""
        return tls.PrivateKey("azure-machine-key", algorithm="RSA", rsa_bits=3072).public_key_openssh

    def _member(self, machine: Machine, unit: MachineConfig, opts: ResourceOptions) -> MemberMachine:
        size = self._size(machine)
        control_plane = unit.kind == CONTROL_PLANES
        return MemberMachine(
            machine.name,
            MemberArgs(
                names=self._names,
                name=machine.name,
                address=machine.address,
                zone=self._cloud.zones[machine.zone],
                type=size.type,
                disk=gib(size.disk),
                data_disk=gib(size.data_disk),
                image=self._image,
                subnet=self._place.members,
                firewall=self._firewall.ids[group_of(machine.roles)],
                backends=self._endpoint.pools if control_plane else [],
                identity=self._identities.ids[container(unit.kind, unit.name)],
                ssh_key=self._ssh_key,
                program=self._boot.program(unit, name=machine.name, address=str(machine.address)),
            ),
            after=self._ready(unit, opts, self._last_roll),
            opts=ResourceOptions.merge(
                ResourceOptions.merge(ResourceOptions(parent=opts.parent), self._under),
                self._stays(machine, "azure"),
            ),
        )

    def _roll(
        self, machine: Machine, unit: MachineConfig, member: MemberMachine, opts: ResourceOptions
    ) -> Command:
        """Waits for a machine that was replaced; of a new one it is the gates' to wait for."""
        return roll(
            f"{machine.name}-roll",
            self._waiting.roll(unit, self._names.id(_MACHINE, machine.name), member.described),
            ResourceOptions(parent=opts.parent, depends_on=[member.machine]),
            delete=self._waiting.leave(unit),
        )

    def _gate(
        self, made: Made[MemberMachine], machine: Machine, role: Role, opts: ResourceOptions
    ) -> Command:
        unit = made.unit
        return gate(
            f"{machine.name}-{role.value}",
            self._waiting.gate(unit, [unit.status(role)]),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[made.roll])),
            shown=unit.text(role),
        )

    def _complete(self, gate: Resource) -> None:
        disks = {name: made.member.disk.id for name, made in self._made.items()}
        settings = self._cloud.snapshots
        args = SnapshotArgs(names=self._names, disks=disks, settings=settings, after=[gate])
        Snapshots("azure-snapshots", args, self._under)

    def _workers(
        self, pool: Pool, capacity: Capacity, unit: MachineConfig, opts: ResourceOptions
    ) -> Resource:
        workers = PoolMachines(
            f"pool-{pool.name}",
            PoolArgs(
                names=self._names,
                pool=pool,
                capacity=capacity,
                disk=whole_gib(capacity.disk),
                zones=self._cloud.zones,
                image=self._image,
                subnet=self._place.pools,
                firewall=self._firewall.ids[NODES],
                identity=self._identities.ids[container(unit.kind, unit.name)],
                ssh_key=self._ssh_key,
                program=self._boot.program(unit),
                drain_seconds=unit.drain_seconds,
                autoscaled=self._cloud.addons.autoscaler,
            ),
            after=self._ready(unit, opts),
            opts=ResourceOptions.merge(ResourceOptions(parent=opts.parent), self._under),
        )
        ids = [
            self._names.id(_SET, set_name(pool.name, part.zone))
            for part in parts(capacity, self._cloud.zone_count)
        ]
        return gate(
            f"pool-{pool.name}-nodes",
            self._waiting.pool(unit, Role.NODE.value, ids, workers.described),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=list(workers.sets.values()))),
            shown=unit.text(Role.NODE),
        )

    def _ready(
        self, unit: MachineConfig, opts: ResourceOptions, before: Sequence[Resource] = ()
    ) -> ResourceOptions:
        """What must be there before a machine boots: all that it asks for, and may.

        `before` is the roll of the member before: of those that change, that one is healthy by then.
        """
        where = container(unit.kind, unit.name)
        objects = [
            self._store.put(where, key, content, secret=secret) for key, content, secret in unit.objects
        ]
        own = [*self._place.ready, self._firewall, self._identities, self._endpoint, *objects, *before]
        return ResourceOptions.merge(
            ResourceOptions(depends_on=own), ResourceOptions(depends_on=opts.depends_on)
        )
