"""Prepares a stack before the engine runs: tools, plugins, mirror and the hosts of the lab."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from artifacts import catalogue, mirror
from artifacts.cache import Cache
from artifacts.progress import Progress
from artifacts.tools import install_tools
from automation import lab_stack
from automation.engine.config import resolve
from automation.engine.program import Engine
from automation.environment import Environment
from automation.errors import UserError
from automation.lab_stack import LabRequirements
from automation.prerequisites import ENGINE_ONLY, Prerequisites, Purpose, prerequisites_of
from automation.workspace import Workspace
from lab import lifecycle as lab
from lab.paths import LabPaths
from lab.plugins.install import Installed, InstallError, install


def prepare_machine(
    environment: Environment, prerequisites: Prerequisites | None = None, progress: Progress | None = None
) -> Sequence[Installed]:
    """Install tools and plugins on this machine, by default all of them. Return quickly if all are
    installed.

    Raise `ArtifactError`, and `UserError` when a plugin cannot be installed.
    """
    prerequisites = prerequisites or Prerequisites()
    progress = progress or Progress()
    disable_engine_log(environment.pulumi_home)
    progress.expect_steps(_count_machine_steps(prerequisites))
    tools = install_tools(environment.tools, Cache.default(), progress, prerequisites.tools)
    try:
        # All plugins together count as one step of the progress, because they are installed together.
        (installed,) = (
            _install_plugins(tools["pulumi"], environment.pulumi_home, names, progress)
            for names in progress.track([prerequisites.plugins])
        )
    except (InstallError, subprocess.TimeoutExpired) as error:
        raise UserError(f"{error}; run this again, or remove {environment.pulumi_home} first") from None
    return installed


def _install_plugins(
    pulumi: Path, home: Path, names: Sequence[str], progress: Progress
) -> Sequence[Installed]:
    with progress.step(f"install plugins {', '.join(names)}"):
        return install(pulumi, home, names)


def disable_engine_log(home: Path) -> None:
    """Disable the engine's log, which contains secrets.

    The log takes two thirds of the time of a preview, and the engine has no setting to disable it. When the
    path of the log directory is a file, the engine runs without a log (pkg/v3/logging/encrypted.go,
    StartLogging). This function changes only the engine home of this project, never the home of a user.
    """
    logs = home / "logs"
    if logs.is_dir():
        shutil.rmtree(logs, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    if not logs.exists():
        logs.touch()


def resolve_workspace(environment: Environment, workspace: Workspace) -> Workspace:
    """Return the workspace with the values of its environments (Pulumi ESC). Raise `UserError`."""
    if not workspace.has_environment:
        return workspace
    prepare_machine(environment, ENGINE_ONLY)
    engine = Engine(environment, workspace)
    engine.select()
    return resolve(engine)


def prepare_stack(environment: Environment, workspace: Workspace, purpose: Purpose = Purpose.OTHER) -> Engine:
    """Prepare the machine and, for a lab stack, its mirror and hosts. Return the engine of the stack.

    The settings are checked before anything is created. Raise `UserError`, `ArtifactError` or `LabError`.
    """
    workspace = resolve_workspace(environment, workspace)
    requirements = lab_stack.lab_requirements(workspace.short_name, workspace.config, environment.mirror)
    cluster = workspace.config.get(lab_stack.CLUSTER_KEY)
    prerequisites = prerequisites_of(
        cluster if isinstance(cluster, Mapping) else {}, purpose, lab=requirements is not None
    )
    progress = Progress()
    progress.expect_steps(
        _count_machine_steps(prerequisites) + (_count_lab_steps(requirements) if requirements else 0)
    )
    plugins = prepare_machine(environment, prerequisites, progress)
    if purpose is Purpose.CHANGE:
        _reject_stand_in_plugins(plugins, environment)
    engine = Engine(environment, workspace)
    if requirements is not None:
        _prepare_lab(requirements, engine, progress)
    engine.select()
    return engine


def _prepare_lab(requirements: LabRequirements, engine: Engine, progress: Progress) -> None:
    """Build the mirror and start the hosts of the lab. Finish an interrupted removal of the lab first."""
    for versions in requirements.releases:
        mirror.build(engine.environment.mirror, versions, progress)
    workspace = engine.workspace
    if workspace.removal_marker.exists() or not LabPaths.of(workspace.short_name).spec.exists():
        remove_lab(engine)
    for spec in progress.track([requirements.lab]):
        with progress.step(f"boot the {len(spec.hosts)} hosts of lab {spec.name}"):
            lab_stack.ensure_hosts(spec, print_line=progress.note)


def _count_machine_steps(prerequisites: Prerequisites) -> int:
    """Return the number of progress steps of `prepare_machine`: each tool, and all plugins together."""
    return len(prerequisites.tools) + 1


def _count_lab_steps(requirements: LabRequirements) -> int:
    """Return the number of progress steps of `_prepare_lab`: each artifact, and the start of the hosts."""
    artifacts = sum(
        len(catalogue.node_binaries(versions)) + len(catalogue.images(versions))
        for versions in requirements.releases
    )
    return artifacts + 1


def _reject_stand_in_plugins(plugins: Iterable[Installed], environment: Environment) -> None:
    """Raise `UserError` when a stand-in plugin, which only supports previews, is installed.

    The plugin would otherwise reject every resource during `up`.
    """
    for plugin in plugins:
        if plugin.previews_only:
            name = f"{plugin.name} {plugin.version}"
            raise UserError(
                f"plugin {name}: only its stand-in is installed, which answers previews and creates nothing; "
                f"where downloads are allowed run PULUMI_HOME={environment.pulumi_home} "
                f"pulumi plugin install resource {name} --reinstall"
            )


def remove_lab(engine: Engine) -> None:
    """Remove the hosts of a lab stack, and the state of the stack.

    A marker file makes the next command finish an interrupted removal. A state without its hosts would
    otherwise report a missing cluster as unchanged. Raise `LabError`. Raise `UserError` before any change
    when the stack is in use.
    """
    workspace = engine.workspace
    # This call raises an error when an `up` works on these hosts.
    engine.recover()
    workspace.removal_marker.touch()
    lab.down(workspace.short_name)
    engine.remove_stack()
    workspace.removal_marker.unlink()
