"""Everything a stack needs before the engine runs: tools, mirror, the lab's hosts, plugins."""

from __future__ import annotations

import subprocess

from artifacts import mirror
from artifacts.cache import Cache
from artifacts.progress import Progress
from artifacts.tools import install_tools
from automation import local
from automation.engine import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.workspace import Workspace
from lab import stack as lab
from lab.paths import LabPaths
from lab.plugins.install import InstallError, install

PLUGINS = ("command", "tls", "kubernetes")
"""Providers that the program's stacks use."""


def machine(environment: Environment) -> None:
    """Puts tools and plugins onto this machine; quick when they are there.

    Raises `ArtifactError`, and `UserError` when a plugin cannot be installed.
    """
    tools = install_tools(environment.tools, Cache.default(), Progress())
    try:
        install(tools["pulumi"], environment.pulumi_home, PLUGINS)
    except (InstallError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{error}; run this again, or remove {environment.pulumi_home} first") from None


def stack(environment: Environment, workspace: Workspace) -> Engine:
    """Prepares the machine and, for a local stack, its mirror and hosts; gives the engine for it.

    Raises `UserError`, `ArtifactError` or `LabError`; the description is checked before anything is made.
    """
    wanted = local.local(workspace.stack, workspace.config, environment.mirror)
    machine(environment)
    engine = Engine(environment, workspace)
    if wanted is not None:
        for versions in wanted.releases:
            mirror.build(environment.mirror, versions, Progress())
        if workspace.going.exists() or not LabPaths.of(workspace.stack).spec.exists():
            forget(engine)
        local.ensure(wanted.lab)
    engine.select()
    return engine


def forget(engine: Engine) -> None:
    """Throws a local stack's hosts away, and what the engine knows of them.

    Interrupted half-way, it leaves a mark by which the next command finishes it first: a state
    without its hosts would call a cluster unchanged that is not there. Raises `LabError`, and
    `UserError` before anything is done when somebody else works on the stack.
    """
    work = engine.workspace
    # Nobody's hosts go while an `up` works on them.
    engine.free()
    work.going.touch()
    lab.down(work.stack)
    engine.remove()
    work.going.unlink()
