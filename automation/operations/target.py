"""Finds the stack that an operation works on, with its settings, topology and hosts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from assembly import build_topology
from automation import workspace
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.operations.remote import Remote
from automation.prepare import resolve_workspace
from settings import Settings, SettingsError, load
from settings.bases import replace_encrypted
from settings.metal import MetalSettings
from settings.stackfile import ENCRYPTED_PLACEHOLDER
from topology.model import Role, Topology


@dataclass(frozen=True, slots=True)
class Target:
    """A stack on bare metal, as described by its stack file."""

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


def find_target(environment: Environment, stack: str, file: Path | None) -> Target:
    """Return the stack with this name. Raise UserError with all problems of the stack file."""
    work_directory = workspace.prepare(environment=environment, stack=stack, source=file)
    work_directory = resolve_workspace(environment, work_directory)
    return target_of(Engine(environment, work_directory), environment)


def target_of(engine: Engine, environment: Environment) -> Target:
    """Return the stack of an engine. Raise UserError with all problems of the stack file."""
    work_directory = engine.workspace
    cluster = replace_encrypted(work_directory.config.get(CLUSTER_KEY) or {}, ENCRYPTED_PLACEHOLDER)
    try:
        settings = load(cluster)
    except SettingsError as error:
        raise UserError(str(error)) from None
    metal = settings.metal or MetalSettings()
    return Target(
        stack=work_directory.stack,
        environment=environment,
        settings=settings,
        topology=build_topology(settings),
        remote=Remote(metal, work_directory.directory / "ssh"),
        engine=engine,
    )
