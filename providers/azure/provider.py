"""The provider for Azure, which creates each member as a machine, and each pool as scale sets [L].

Members and pools are created after the foundation: the network, firewall, endpoint, store and identities that
all machines share.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pulumi import Input, Output, Resource, ResourceOptions
from pulumi_command.local import Command

from components.addons.pod_identities import PodIdentity
from components.api import Api
from components.provider import CloudResources
from components.scope import Scope
from formats import quantity
from nodeconfig.bundle import Bundle
from providers.azure import limits
from providers.azure.addons import AddOns, AddOnsArgs
from providers.azure.boot import BootPrograms
from providers.azure.file_driver import create_file_driver
from providers.azure.firewall import NODES, group_name
from providers.azure.foundation import create_foundation
from providers.azure.machine import MachineArgs
from providers.azure.members import Member, MemberArgs, StableIdentityArgs
from providers.azure.names import Names, container_name, scale_set_name
from providers.azure.pod_identities import AzurePodIdentities, PodIdentityArgs
from providers.azure.pools import PoolArgs, WorkerPool
from providers.azure.snapshots import SnapshotArgs, Snapshots
from providers.azure.wait_commands import WaitCommands
from providers.cloud.artifacts import stored_files
from providers.cloud.gate import create_gate, create_rollout, pool_minutes
from providers.cloud.machine_config import CONTROL_PLANES, POOLS, MachineConfig
from providers.cloud.machines import bytes_to_gib, parse_gib
from providers.cloud.provider import CloudProvider, CreatedMember
from providers.cloud.zones import zone_parts
from settings.cluster import Settings
from settings.problem import Problem
from settings.types import parse_seconds
from topology.model import Capacity, Machine, Pool, Role, Topology
from topology.options import NetworkPlugin

_MACHINE = "Microsoft.Compute/virtualMachines"
_SCALE_SET = "Microsoft.Compute/virtualMachineScaleSets"


class AzureProvider(CloudProvider[Member]):
    """The provider for Azure. `files` are the texts of the files that settings name, by path.

    Raise SettingsError with everything that Azure would reject, before any resource is created.
    """

    section = "azure"

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        files: Mapping[str, str],
        bundles: Mapping[tuple[str, Role], Bundle],
        scope: Scope,
    ) -> None:
        if settings.azure is None:
            raise ValueError("the settings have no section azure")
        super().__init__(settings, topology, bundles, scope)
        self._azure = settings.azure
        names = Names(
            cluster=topology.name,
            subscription=self._azure.subscription,
            location=self._azure.location,
            tags=self._azure.tags,
            cloud=self._azure.cloud,
        )
        self._boot = BootPrograms(
            names,
            self._azure.endpoints,
            topology,
            files,
            repair_seconds=parse_seconds(self._azure.repair_after),
            copies_location=self._azure.snapshot_copies.location if self._azure.snapshot_copies else "",
        )
        self._check_limits()
        self._foundation = create_foundation(
            self._azure, topology, self._boot, stored_files(bundles.values()), scope
        )
        self._wait = WaitCommands(self._boot)

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """Install the cloud controller manager, which nodes need to become ready, and the chosen add-ons."""
        foundation, identity = self._foundation, container_name(CONTROL_PLANES, "")
        args = AddOnsArgs(
            api=api,
            names=foundation.names,
            network=foundation.network,
            tenant_id=foundation.identities.tenant_ids[identity],
            client_id=foundation.identities.client_ids[identity],
            pod_network=str(self._topology.network.pods),
            replicas=2 if len(self._topology.control_planes) > 1 else 1,
            settings=self._azure.addons,
            disk_key=self._azure.disk_key,
            has_network=self._topology.network.cni is not NetworkPlugin.NONE,
        )
        addons = AddOns(self._scope.name("azure-addons"), args, self._scope.options())
        driver = create_file_driver(self._azure, self._topology, foundation, api, self._scope, addons)
        return [*addons.releases, *driver]

    def pod_identities(self, keys: Output[str]) -> Sequence[PodIdentity]:
        """Publish the issuer of service account tokens, and create the managed identities of pods."""
        settings, issuer, names = self._azure.pod_identities, self._azure.token_issuer, self._foundation.names
        if settings is None or issuer is None:
            return []
        args = PodIdentityArgs(
            names=names,
            settings=settings,
            issuer=issuer,
            keys=keys,
            login=(self._azure.endpoints.login or f"https://{names.environment.login}").rstrip("/"),
            ca_file=self._azure.endpoints.ca_file,
        )
        options = self._scope.options(self._foundation.connection.options)
        return AzurePodIdentities(self._scope.name("azure-pods"), args, options).identities

    @property
    def cloud_resources(self) -> CloudResources:
        """The virtual network, its subnets for members and pools, and the managed identities of machines."""
        foundation = self._foundation
        return CloudResources(
            network=foundation.network.id,
            subnets=[foundation.network.members, foundation.network.pools],
            roles=foundation.identities.ids,
        )

    def machine_names(self, pool: Pool) -> str:
        """Return the regular expression for the names of machines in the scale sets of a pool."""
        return f"{pool.name}-[0-9]+-[0-9a-z]{{6}}"

    def _longest_program(self, kind: str, name: str) -> str:
        return self._boot.longest_program(kind, name)

    def _find_problems(self, programs: Mapping[str, str]) -> list[Problem]:
        problems = limits.problems(self._settings, self._azure, self._topology)
        return problems + limits.custom_data_problems(programs)

    def _find_warnings(self) -> list[str]:
        return limits.warnings(self._settings, self._azure, self._topology)

    def _create_member(self, machine: Machine, config: MachineConfig, opts: ResourceOptions) -> Member:
        foundation, settings = self._foundation, self._machine_settings(machine)
        firewall = foundation.firewall.ids[group_name(machine.roles)]
        args = MemberArgs(
            machine=self._machine_args(
                config,
                settings.type,
                quantity.parse_bytes(settings.disk),
                self._boot.program(config, name=machine.name, address=str(machine.address)),
                subnet=foundation.network.members,
                firewall=firewall,
            ),
            identity=StableIdentityArgs(
                names=foundation.names,
                member=machine.name,
                address=machine.address,
                zone=self._azure.zones[machine.zone],
                subnet=foundation.network.members,
                firewall=firewall,
                backends=foundation.endpoint.backend_pools if config.kind == CONTROL_PLANES else [],
                data_disk=parse_gib(settings.data_disk),
                accelerated=self._azure.network.accelerated,
                disk_key=self._azure.disk_key,
                dependencies=[*foundation.network.machine_dependencies, foundation.firewall],
            ),
        )
        options = ResourceOptions.merge(ResourceOptions(parent=opts.parent), foundation.connection.options)
        return Member(
            self._scope.name(machine.name),
            args,
            dependencies=self._create_dependencies(config, opts, self._last_rollout),
            opts=ResourceOptions.merge(options, self._keep_placement(machine)),
        )

    def _create_rollout(
        self, machine: Machine, config: MachineConfig, member: Member, opts: ResourceOptions
    ) -> Command:
        """Create the command that waits for a replaced machine. It does nothing for a new machine."""
        machine_id = self._foundation.names.id(_MACHINE, machine.name)
        return create_rollout(
            self._scope.name(f"{machine.name}-roll"),
            self._wait.roll(config, machine_id, member.machine_digest),
            ResourceOptions(parent=opts.parent, depends_on=[member.machine]),
            delete=self._wait.leave(config, machine_id),
        )

    def _member_gate(
        self, member: CreatedMember[Member], machine: Machine, role: Role, opts: ResourceOptions
    ) -> Command:
        config = member.config
        return create_gate(
            self._scope.name(f"{machine.name}-{role.value}"),
            self._wait.gate(config, [config.status_key(role)]),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[member.rollout])),
            preview_text=config.text(role),
        )

    def _complete_members(self, gate: Resource) -> None:
        if not self._azure.snapshots.enabled:
            return
        args = SnapshotArgs(
            names=self._foundation.names,
            disks={name: member.component.identity.disk.id for name, member in self._members.items()},
            settings=self._azure.snapshots,
            dependencies=[gate],
        )
        options = self._scope.options(self._foundation.connection.options)
        Snapshots(self._scope.name("azure-snapshots"), args, options)

    def _create_pool(
        self, pool: Pool, capacity: Capacity, config: MachineConfig, opts: ResourceOptions
    ) -> Resource:
        foundation, name = self._foundation, f"pool-{pool.name}"
        machine = self._machine_args(
            config,
            capacity.types[0],
            capacity.disk,
            self._boot.program(config),
            subnet=foundation.network.pools,
            firewall=foundation.firewall.ids[NODES],
        )
        workers = WorkerPool(
            self._scope.name(name),
            PoolArgs(
                pool=pool,
                capacity=capacity,
                machine=machine,
                zones=self._azure.zones,
                drain_seconds=config.drain_seconds,
                autoscaled=self._azure.addons.autoscaler,
                endpoints=self._azure.endpoints,
            ),
            dependencies=self._create_dependencies(config, opts),
            opts=ResourceOptions.merge(ResourceOptions(parent=opts.parent), foundation.connection.options),
        )
        ids = [
            foundation.names.id(_SCALE_SET, scale_set_name(pool.name, zone_part.zone))
            for zone_part in zone_parts(capacity, self._azure.zone_count)
        ]
        return create_gate(
            self._scope.name(f"{name}-nodes"),
            self._wait.pool(config, Role.NODE.value, ids, workers.machine_digest),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=list(workers.scale_sets.values()))),
            preview_text=config.text(Role.NODE),
            minutes=pool_minutes(capacity.max_size, pool.max_unavailable, config.drain_seconds),
        )

    def _machine_args(
        self,
        config: MachineConfig,
        machine_type: str,
        disk: int,
        program: Input[str],
        *,
        subnet: Input[str],
        firewall: Input[str],
    ) -> MachineArgs:
        foundation = self._foundation
        return MachineArgs(
            names=foundation.names,
            type=machine_type,
            image=foundation.images[self._azure.architecture(machine_type)],
            disk=bytes_to_gib(disk),
            subnet=subnet,
            firewall=firewall,
            identity=foundation.identities.ids[container_name(config.kind, config.name)],
            ssh_key=foundation.ssh_key,
            program=program,
            accelerated=self._azure.network.accelerated,
            disk_key=self._azure.disk_key,
        )

    def _create_dependencies(
        self, config: MachineConfig, opts: ResourceOptions, rollouts: Sequence[Resource] = ()
    ) -> ResourceOptions:
        """Create the objects of a machine config in the store; return options with the machines'
        dependencies.

        `rollouts` has the rollout of the previous member, so that changed members are replaced one by one.
        """
        foundation = self._foundation
        container = container_name(config.kind, config.name)
        objects = [foundation.store.put(container, key, content) for key, content, _ in config.store_objects]
        published = create_gate(
            self._scope.name(f"{container if config.kind == POOLS else config.name}-config"),
            self._wait.publish(config),
            ResourceOptions(parent=opts.parent, depends_on=objects),
        )
        return ResourceOptions.merge(
            ResourceOptions(depends_on=[*foundation.machine_dependencies, *objects, published, *rollouts]),
            ResourceOptions(depends_on=opts.depends_on),
        )
