"""Finds the stack that an operation works on, with its settings, topology and hosts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from assembly import build_topology
from automation import workspace
from automation.emulated_cloud import deployer_variables
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.operations.remote import Remote
from automation.operations.ssh import SshRemote
from automation.operations.store_remote import StoreRemote
from automation.prepare import resolve_workspace
from providers.cloud.machine_config import POOLS, kind_of
from providers.cloud.requests import CloudFailure, Place
from providers.registry import by_section
from settings import Settings, SettingsError, load
from settings.bases import replace_encrypted
from settings.metal import MetalSettings
from settings.stackfile import ENCRYPTED_PLACEHOLDER
from topology.model import Machine, Member, Pool, Role, Topology


@dataclass(frozen=True, slots=True)
class Target:
    """A stack, as described by its stack file."""

    stack: str
    environment: Environment
    settings: Settings
    topology: Topology
    remote: Remote
    engine: Engine

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the names of all hosts in the order of the inventory."""
        return tuple(machine.name for machine in self.topology.machines)

    def with_role(self, role: Role) -> tuple[str, ...]:
        """Return the names of the hosts that have the role."""
        return tuple(machine.name for machine in self.topology.machines if role in machine.roles)


def find_target(environment: Environment, stack: str, file: Path | None, *, machines: bool = True) -> Target:
    """Return the stack with this name.

    With `machines`, a stack in a cloud has the machines that its pools have now. Raise UserError with all
    problems of the stack file, and when the cloud does not answer.
    """
    work_directory = workspace.prepare(environment=environment, stack=stack, source=file)
    work_directory = resolve_workspace(environment, work_directory)
    target = target_of(Engine(environment, work_directory), environment)
    if not machines or not isinstance(target.remote, StoreRemote):
        return target
    cloud = target.remote.machines
    pools = [pool for pool in target.topology.pools if pool.capacity]
    try:
        nodes = {pool.name: cloud.nodes(pool.name) for pool in pools}
    except CloudFailure as error:
        raise UserError(f"the machines of the pools cannot be listed: {error}") from None
    topology = add_nodes(target.topology, nodes)
    return replace(target, topology=topology, remote=target.remote.with_places(machine_places(topology)))


def target_of(engine: Engine, environment: Environment) -> Target:
    """Return the stack of an engine, in a cloud only with its members. Raise UserError with all problems of
    the stack file.
    """
    work_directory = engine.workspace
    cluster = replace_encrypted(work_directory.config.get(CLUSTER_KEY) or {}, ENCRYPTED_PLACEHOLDER)
    try:
        settings = load(cluster)
    except SettingsError as error:
        raise UserError(str(error)) from None
    topology = build_topology(settings)
    return Target(
        stack=work_directory.stack,
        environment=environment,
        settings=settings,
        topology=topology,
        remote=_remote_of(engine, settings, topology),
        engine=engine,
    )


def _remote_of(engine: Engine, settings: Settings, topology: Topology) -> Remote:
    cloud = by_section(settings.cloud_name)
    if cloud is None:
        return SshRemote(settings.metal or MetalSettings(), engine.workspace.directory / "ssh")
    open_machines = cloud.open_machines
    return StoreRemote(
        lambda: open_machines(settings, deployer_variables(engine.workspace)), machine_places(topology)
    )


def machine_places(topology: Topology) -> dict[str, Place]:
    """Return the places of the requests of all machines in the store of a cloud, by name of the machine."""
    capacities = {pool.name for pool in topology.pools if pool.capacity}
    return {
        machine.name: Place(POOLS, machine.pool, machine.name)
        if machine.pool in capacities
        else Place(kind_of(machine), machine.name)
        for machine in topology.machines
    }


def add_nodes(topology: Topology, nodes: Mapping[str, tuple[Member, ...]]) -> Topology:
    """Return a topology in which pools of a cloud have the nodes of the mapping, by name of the pool."""
    pools = tuple(_with_nodes(pool, nodes) for pool in topology.pools)
    machines = tuple(
        Machine(node.name, node.address, (Role.NODE,), pool)
        for pool, members in nodes.items()
        for node in members
    )
    return replace(topology, pools=pools, machines=(*topology.machines, *machines))


def _with_nodes(pool: Pool, nodes: Mapping[str, tuple[Member, ...]]) -> Pool:
    return replace(pool, nodes=nodes[pool.name]) if pool.name in nodes else pool
