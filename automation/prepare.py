"""Everything a stack needs before the engine runs: tools, mirror, the lab's hosts, plugins."""

from __future__ import annotations

from artifacts import mirror
from artifacts.cache import Cache
from artifacts.progress import Progress
from artifacts.tools import install_tools
from automation import local
from automation.engine import Engine
from automation.environment import Environment
from automation.workspace import Workspace
from lab.plugins.install import install

PLUGINS = ("command", "tls", "kubernetes")
"""Providers that the program's stacks use."""


def machine(environment: Environment) -> None:
    """Puts tools and plugins onto this machine; quick when they are there. Raises `ArtifactError`."""
    tools = install_tools(environment.tools, Cache.default(), Progress())
    install(tools["pulumi"], environment.pulumi_home, PLUGINS)


def stack(environment: Environment, workspace: Workspace) -> Engine:
    """Prepares the machine and, for a local stack, its mirror and hosts; gives the engine for it.

    Raises `UserError`, `ArtifactError` or `LabError`; the description is checked before anything is made.
    """
    wanted = local.local(workspace.stack, workspace.config, environment.mirror)
    machine(environment)
    if wanted is not None:
        for versions in wanted.releases:
            mirror.build(environment.mirror, versions, Progress())
        local.ensure(wanted.lab)
    engine = Engine(environment, workspace)
    engine.select()
    return engine
