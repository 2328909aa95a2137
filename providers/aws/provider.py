"""The provider for AWS, which creates each member and each pool as an Auto Scaling group [K].

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
from providers.aws import limits
from providers.aws.addons import AddOns, AddOnsArgs
from providers.aws.boot import BootPrograms
from providers.aws.file_driver import create_file_driver
from providers.aws.firewall import CONTROL_PLANE, ETCD, WORKERS
from providers.aws.foundation import create_foundation
from providers.aws.group_names import group_suffix
from providers.aws.machine import MachineArgs
from providers.aws.members import Member, MemberArgs, StableIdentity, StableIdentityArgs
from providers.aws.names import KIND_TAG, identity_name, store_prefix, store_prefixes
from providers.aws.pod_identities import AwsPodIdentities, PodIdentityArgs
from providers.aws.pools import PoolArgs, WorkerPool
from providers.aws.wait_commands import WaitCommands
from providers.cloud.artifacts import stored_files
from providers.cloud.gate import create_gate, create_rollout, pool_minutes
from providers.cloud.machine_config import (
    CONTROL_PLANES,
    ETCD_MEMBERS,
    POOLS,
    MachineConfig,
    kind_of,
    status_keys,
)
from providers.cloud.machines import bytes_to_gib, parse_gib
from providers.cloud.provider import CloudProvider, CreatedMember
from settings.cluster import Settings
from settings.problem import Problem
from topology.model import Capacity, Machine, Pool, Role, Topology
from topology.options import NetworkPlugin

_SECURITY_GROUPS = {CONTROL_PLANES: CONTROL_PLANE, ETCD_MEMBERS: ETCD, POOLS: WORKERS}


class AwsProvider(CloudProvider[Member]):
    """The provider for AWS. `files` are the texts of the files that settings name, by path.

    Raise SettingsError with everything that AWS would reject, before any resource is created.
    """

    section = "aws"

    def __init__(
        self,
        settings: Settings,
        topology: Topology,
        files: Mapping[str, str],
        bundles: Mapping[tuple[str, Role], Bundle],
        scope: Scope,
    ) -> None:
        if settings.aws is None:
            raise ValueError("the settings have no section aws")
        super().__init__(settings, topology, bundles, scope)
        self._aws = settings.aws
        self._boot = BootPrograms.of(self._aws, topology, files)
        self._check_limits()
        self._foundation = create_foundation(self._aws, topology, stored_files(bundles.values()), scope)
        self._wait = WaitCommands(self._aws, self._foundation.store.bucket)

    def add_ons(self, api: Api) -> Sequence[Resource]:
        """Install the cloud controller manager, which nodes need to become ready, and the chosen add-ons."""
        args = AddOnsArgs(
            api=api,
            names=self._foundation.names,
            vpc=self._foundation.network.vpc,
            replicas=2 if len(self._topology.control_planes) > 1 else 1,
            settings=self._aws.addons,
            has_network=self._topology.network.cni is not NetworkPlugin.NONE,
            disk_key=self._aws.disk_key,
        )
        releases = AddOns(self._scope.name("aws-addons"), args, self._scope.options()).releases
        driver = create_file_driver(self._aws, self._topology, self._foundation, api, self._scope)
        return [*releases, *driver]

    def pod_identities(self, keys: Output[str]) -> Sequence[PodIdentity]:
        """Create the issuer and the IAM roles for pods; return no identities without the setting."""
        settings, issuer = self._aws.pod_identities, self._aws.token_issuer
        if settings is None or issuer is None:
            return []
        foundation = self._foundation
        args = PodIdentityArgs(
            names=foundation.names, account=foundation.account, issuer=issuer, keys=keys, settings=settings
        )
        options = self._scope.options(foundation.connection.options)
        return AwsPodIdentities(self._scope.name("aws-pods"), args, options).identities

    @property
    def cloud_resources(self) -> CloudResources:
        """The VPC, its private subnets, and the roles of machines."""
        foundation = self._foundation
        prefixes = store_prefixes(self._topology)
        return CloudResources(
            network=foundation.network.vpc,
            subnets=foundation.network.private,
            roles={identity_name(prefix): foundation.identities[prefix].name for prefix in prefixes},
        )

    def machine_names(self, pool: Pool) -> str:
        """Return the regular expression for instance ids, which are the names of nodes in all pools."""
        return "i-[0-9a-f]{8,17}"

    def _longest_program(self, kind: str, name: str) -> str:
        return self._boot.longest_program(kind, name)

    def _find_problems(self, programs: Mapping[str, str]) -> list[Problem]:
        problems = limits.problems(self._settings, self._aws, self._topology)
        return problems + limits.user_data_problems(programs)

    def _find_warnings(self) -> list[str]:
        return limits.warnings(self._settings, self._aws)

    def _create_member(self, machine: Machine, config: MachineConfig, opts: ResourceOptions) -> Member:
        foundation, settings = self._foundation, self._machine_settings(machine)
        zone = foundation.zones[machine.zone]
        options = ResourceOptions(parent=opts.parent, providers=[foundation.connection.plugin])
        identity = StableIdentity(
            self._scope.name(f"{machine.name}-seat"),
            StableIdentityArgs(
                names=foundation.names,
                member=machine.name,
                kind=config.kind,
                address=machine.address,
                zone=zone,
                subnet=foundation.network.private[machine.zone],
                group=foundation.firewall[_SECURITY_GROUPS[config.kind]],
                data_disk=parse_gib(settings.data_disk),
                disk_key=self._aws.disk_key,
            ),
            ResourceOptions.merge(options, self._keep_placement(machine)),
        )
        program = self._boot.program(
            config,
            foundation.store.bucket,
            foundation.names.name(machine.name),
            foundation.account,
            name=machine.name,
            address=str(machine.address),
            volume=identity.volume,
            copies=foundation.copies.bucket if foundation.copies else None,
        )
        args = self._machine_args(config, settings.type, quantity.parse_bytes(settings.disk), program)
        return Member(
            self._scope.name(machine.name),
            MemberArgs(machine=args, identity=identity, zone=zone, drain_seconds=config.drain_seconds),
            dependencies=self._create_dependencies(config, opts),
            opts=options,
        )

    def _create_rollout(
        self, machine: Machine, config: MachineConfig, member: Member, opts: ResourceOptions
    ) -> Command:
        """Create the command that replaces the machine of a changed member.

        It runs after the same command of the previous member, so that members are replaced one by one.
        """
        drain_seconds = config.drain_seconds
        return create_rollout(
            self._scope.name(f"{machine.name}-roll"),
            self._wait.roll(
                member.group,
                member.version,
                [config.status_key(role) for role in config.roles],
                config.digest,
                objects=f"{config.kind}/{config.name}",
                drain_seconds=drain_seconds,
                other_members=self._other_members(machine),
            ),
            ResourceOptions(parent=opts.parent, depends_on=[member, *self._last_rollout]),
            delete=self._wait.leave(
                member.group, config.leave_key, config.left_key, drain_seconds=drain_seconds
            ),
        )

    def _other_members(self, machine: Machine) -> Mapping[str, Sequence[str]]:
        """Return the status keys of the other members of the same kind, by Auto Scaling group."""
        others = [other for other in self._topology.machines if other.name != machine.name]
        return {
            self._foundation.names.name(other.name): status_keys(other)
            for other in others
            if kind_of(other) == kind_of(machine)
        }

    def _member_gate(
        self, member: CreatedMember[Member], machine: Machine, role: Role, opts: ResourceOptions
    ) -> Command:
        config = member.config
        return create_gate(
            self._scope.name(f"{machine.name}-{role.value}"),
            self._wait.gate([config.status_key(role)], config.digest),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[member.component, member.rollout])),
        )

    def _create_pool(
        self, pool: Pool, capacity: Capacity, config: MachineConfig, opts: ResourceOptions
    ) -> Resource:
        foundation, name = self._foundation, f"pool-{pool.name}"
        groups, account = self._groups_by_zone(pool), foundation.account
        program = self._boot.program(config, foundation.store.bucket, groups, account)
        workers = WorkerPool(
            self._scope.name(name),
            PoolArgs(
                pool=pool,
                capacity=capacity,
                machine=self._machine_args(
                    config, capacity.types[0], capacity.disk, program, name_suffix=name
                ),
                zones=foundation.zones,
                subnets=foundation.network.private,
                drain_seconds=config.drain_seconds,
                autoscaled=self._aws.addons.autoscaler,
            ),
            dependencies=self._create_dependencies(config, opts),
            opts=ResourceOptions(parent=opts.parent, providers=[foundation.connection.plugin]),
        )
        return create_gate(
            self._scope.name(f"{name}-nodes"),
            self._wait.pool(workers.groups, workers.version, config, Role.NODE.value),
            ResourceOptions.merge(opts, ResourceOptions(depends_on=[workers])),
            minutes=pool_minutes(capacity.max_size, pool.max_unavailable, config.drain_seconds),
        )

    def _groups_by_zone(self, pool: Pool) -> Output[str]:
        """Return words `<zone>=<group>`, by which a machine of a pool finds the name of its group."""
        names, zones = self._foundation.names, self._foundation.zones
        groups = [names.name(group_suffix(pool.name, number)) for number in range(len(zones))]
        words: Output[str] = Output.all(*zones).apply(
            lambda found: " ".join(f"{zone}={group}" for zone, group in zip(found, groups, strict=True))
        )
        return words

    def _machine_args(
        self,
        config: MachineConfig,
        machine_type: str,
        disk: int,
        program: Input[str],
        *,
        name_suffix: str = "",
    ) -> MachineArgs:
        foundation = self._foundation
        return MachineArgs(
            names=foundation.names,
            name_suffix=name_suffix or config.name,
            kind=config.kind,
            type=machine_type,
            image=foundation.images[self._aws.architecture(machine_type)],
            disk=bytes_to_gib(disk),
            profile=foundation.identities[store_prefix(config.kind, config.name)].arn,
            program=program,
            digest=config.digest,
            ssh_key=self._aws.ssh_key,
            tags={KIND_TAG: config.kind, foundation.names.kubernetes_tag: "owned"},
            disk_key=self._aws.disk_key,
            group=foundation.firewall[WORKERS] if config.kind == POOLS else None,
        )

    def _create_dependencies(self, config: MachineConfig, opts: ResourceOptions) -> list[Resource]:
        """Create the objects of a machine config in the store; return all resources that its machines wait
        for.
        """
        foundation = self._foundation
        objects = [
            foundation.store.put(
                self._scope.name(key.replace("/", "-")), key, Output.secret(content) if secret else content
            )
            for key, content, secret in config.store_objects
        ]
        published = create_gate(
            self._scope.name(f"{identity_name(store_prefix(POOLS, config.name))}-config")
            if config.kind == POOLS
            else self._scope.name(f"{config.name}-config"),
            self._wait.publish(config),
            ResourceOptions(parent=opts.parent, depends_on=objects),
        )
        depends_on = opts.depends_on if isinstance(opts.depends_on, list) else []
        dependencies = [item for item in depends_on if isinstance(item, Resource)]
        identity = foundation.identities.machine_dependencies(store_prefix(config.kind, config.name))
        return [*foundation.machine_dependencies, *identity, *objects, published, *dependencies]
