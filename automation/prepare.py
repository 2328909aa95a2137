"""Everything a stack needs before the engine runs: tools, mirror, the lab's hosts, plugins."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from artifacts import mirror
from artifacts.cache import Cache
from artifacts.progress import Progress
from artifacts.tools import install_tools
from automation import lab_stack
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.prerequisites import Prerequisites, Purpose, prerequisites_of
from automation.workspace import Workspace
from lab import stack as lab
from lab.paths import LabPaths
from lab.plugins.install import Installed, InstallError, install


def prepare_machine(environment: Environment, wanted: Prerequisites | None = None) -> Sequence[Installed]:
    """Puts tools and plugins onto this machine, all of them unless told; quick when they are there.

    Raises `ArtifactError`, and `UserError` when a plugin cannot be installed.
    """
    wanted = wanted or Prerequisites()
    disable_engine_log(environment.pulumi_home)
    tools = install_tools(environment.tools, Cache.default(), Progress(), wanted.tools)
    try:
        return install(tools["pulumi"], environment.pulumi_home, wanted.plugins)
    except (InstallError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{error}; run this again, or remove {environment.pulumi_home} first") from None


def disable_engine_log(home: Path) -> None:
    """Keeps the engine from its log of everything it handles, secrets included, compressed and encrypted.

    It costs two thirds of the engine's time in a preview, and there is no setting for it; where a file
    stands in the place of its directory the engine goes on without (pkg/v3/logging/encrypted.go,
    StartLogging). The home is our own: that of a user is left alone.
    """
    logs = home / "logs"
    if logs.is_dir():
        shutil.rmtree(logs, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    if not logs.exists():
        logs.touch()


def prepare_stack(environment: Environment, workspace: Workspace, use: Purpose = Purpose.OTHER) -> Engine:
    """Prepares the machine and, for a local stack, its mirror and hosts; gives the engine for it.

    Raises `UserError`, `ArtifactError` or `LabError`; the description is checked before anything is made.
    """
    wanted = lab_stack.lab_requirements(workspace.stack, workspace.config, environment.mirror)
    cluster = workspace.config.get(lab_stack.CLUSTER_KEY)
    needed = prerequisites_of(cluster if isinstance(cluster, Mapping) else {}, use, lab=wanted is not None)
    plugins = prepare_machine(environment, needed)
    if use is Purpose.CHANGE:
        _check_plugins(plugins, environment)
    engine = Engine(environment, workspace)
    if wanted is not None:
        for versions in wanted.releases:
            mirror.build(environment.mirror, versions, Progress())
        if workspace.going.exists() or not LabPaths.of(workspace.stack).spec.exists():
            remove_lab(engine)
        lab_stack.ensure_hosts(wanted.lab)
    engine.select()
    return engine


def _check_plugins(plugins: Iterable[Installed], environment: Environment) -> None:
    """Raises `UserError` before a stand-in would have to refuse each resource on its own."""
    for plugin in plugins:
        if plugin.previews_only:
            wanted = f"{plugin.name} {plugin.version}"
            raise UserError(
                f"plugin {wanted}: only its stand-in is here, which answers previews and makes nothing; "
                f"where downloads are allowed run PULUMI_HOME={environment.pulumi_home} "
                f"pulumi plugin install resource {wanted} --reinstall"
            )


def remove_lab(engine: Engine) -> None:
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
