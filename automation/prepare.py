"""Prepares a stack before the engine runs: tools, plugins, mirror and the hosts of the lab."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from artifacts import catalogue, mirror
from artifacts.cache import Cache
from artifacts.progress import Progress
from artifacts.tools import install_tools
from automation import lab_stack
from automation.engine.config import add_environment_values
from automation.engine.program import Engine
from automation.engine.state import export_encrypted, has_only_keys
from automation.environment import Environment
from automation.errors import UserError
from automation.lab_stack import LabRequirements
from automation.plugin_kind import PluginRequest, recorded_kind, requested_kind, select_kind
from automation.prerequisites import ENGINE_ONLY, Prerequisites, Purpose, prerequisites_of
from automation.workspace import Workspace
from lab import lifecycle as lab
from lab.paths import LabPaths
from lab.plugins.install import install, plugin_version
from lab.plugins.kinds import Installed, InstallError, PluginKind
from lab.plugins.official import find_official


def prepare_deployer(
    environment: Environment, prerequisites: Prerequisites | None = None, progress: Progress | None = None
) -> Sequence[Installed]:
    """Install the tools and plugins in `prerequisites`, by default all tools and plugins.

    `environment` selects the kind of plugins. Return the plugins. If all tools and plugins are installed,
    this function takes less than a second. Raise `ArtifactError` when a tool cannot be installed, and
    `UserError` when a plugin cannot be installed.
    """
    prerequisites = prerequisites or Prerequisites()
    progress = progress or Progress()
    progress.expect_steps(_count_machine_steps(prerequisites))
    tools = _install_tools(environment, prerequisites, progress)
    return _install_plugins(environment, tools["pulumi"], prerequisites.plugins, progress)


def _install_tools(
    environment: Environment, prerequisites: Prerequisites, progress: Progress
) -> Mapping[str, Path]:
    disable_engine_log(environment.pulumi_home)
    return install_tools(environment.tools, Cache.default(), progress, prerequisites.tools)


def _install_plugins(
    environment: Environment, pulumi: Path, names: Sequence[str], progress: Progress
) -> Sequence[Installed]:
    """Install plugins of the kind in `environment`. All of them count as one step of the progress."""
    kind, home = environment.plugins, environment.pulumi_home
    disable_engine_log(home)
    installed: list[Installed] = []
    for group in progress.track([names]):
        with progress.step(f"install {kind} plugins {', '.join(group)}" if group else "plugins: none needed"):
            try:
                installed += install(pulumi, home, group, kind)
            except InstallError as error:
                raise UserError(str(error)) from None
            except subprocess.TimeoutExpired as error:
                raise UserError(
                    f"{error}; run this command again; if it fails again, remove {home} first"
                ) from None
    return installed


def disable_engine_log(home: Path) -> None:
    """Disable the engine's log, which contains secrets.

    Writing the log takes two thirds of the time of a preview, and the engine has no setting to disable the
    log. When the path of the log directory is a file, the engine writes no log (pkg/v3/logging/encrypted.go,
    StartLogging). This function changes only an engine home of Kubewright, never the engine home of a user.
    """
    logs = home / "logs"
    if logs.is_dir():
        shutil.rmtree(logs, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    if not logs.exists():
        logs.touch()


def resolve_workspace(environment: Environment, workspace: Workspace) -> Workspace:
    """Return the workspace with the values of its Pulumi ESC environments, if it has any.

    Raise `UserError` when the engine cannot open an environment.
    """
    if not workspace.has_environment:
        return workspace
    prepare_deployer(environment, ENGINE_ONLY)
    engine = Engine(environment, workspace)
    engine.select()
    return add_environment_values(engine)


def prepare_stack(
    environment: Environment,
    workspace: Workspace,
    purpose: Purpose = Purpose.OTHER,
    *,
    offline: bool = False,
) -> Engine:
    """Prepare the machine and, for a lab stack, its mirror and hosts. Return the engine of the stack.

    With `offline`, a preview uses stand-ins. The settings are checked before anything is created. Raise
    `UserError`, `ArtifactError` or `LabError`.
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
    tools = _install_tools(environment, prerequisites, progress)
    engine = Engine(environment, workspace)
    if requirements is not None:
        _finish_removal(engine)
    if prerequisites.plugins:
        request = PluginRequest(
            stack=workspace.stack,
            purpose=purpose,
            lab=requirements is not None,
            offline=offline,
            requested=requested_kind(),
        )
        kind = _select_plugins(engine, request, prerequisites.plugins)
        engine = Engine(replace(environment, plugins=kind), workspace)
    _install_plugins(engine.environment, tools["pulumi"], prerequisites.plugins, progress)
    if requirements is not None:
        _prepare_lab(requirements, engine, progress)
    engine.select()
    return engine


def _select_plugins(engine: Engine, request: PluginRequest, names: Iterable[str]) -> PluginKind:
    """Return the kind of plugins that the command uses.

    Raise `UserError` when the command would change the kind of an existing stack.
    """
    home = replace(engine.environment, plugins=PluginKind.OFFICIAL).pulumi_home
    # Repair the state before reading it: a killed engine can leave an incomplete state.
    engine.recover()
    return select_kind(
        replace(request, recorded=recorded_kind(engine)),
        official_installed=lambda: all(find_official(home, name, plugin_version(name)) for name in names),
    )


def _prepare_lab(requirements: LabRequirements, engine: Engine, progress: Progress) -> None:
    """Build the mirror and start the hosts of the lab."""
    for versions in requirements.version_sets:
        mirror.build(
            engine.environment.mirror,
            versions,
            progress,
            optional=requirements.optional,
            optional_images=requirements.optional_images,
        )
    for spec in progress.track([requirements.lab]):
        with progress.step(f"boot the {len(spec.hosts)} hosts of lab {spec.name}"):
            lab_stack.ensure_hosts(spec, print_line=progress.note)


def _finish_removal(engine: Engine) -> None:
    """Finish the removal of the lab if it was interrupted. If the hosts do not exist, remove the state.

    The keys that `copy-keys` copied remain: they are there before the hosts.
    """
    workspace = engine.workspace
    has_hosts = LabPaths.of(workspace.short_name).spec.exists()
    if workspace.removal_marker.exists() or not (has_hosts or _has_only_keys(engine)):
        remove_lab(engine)


def _has_only_keys(engine: Engine) -> bool:
    try:
        return has_only_keys(export_encrypted(engine))
    except UserError:  # the stack does not exist
        return False


def _count_machine_steps(prerequisites: Prerequisites) -> int:
    """Return the number of progress steps of `prepare_deployer`: each tool, and all plugins together."""
    return len(prerequisites.tools) + 1


def _count_lab_steps(requirements: LabRequirements) -> int:
    """Return the number of progress steps of `_prepare_lab`: each artifact, and the start of the hosts."""
    artifacts = sum(
        len(catalogue.node_binaries(versions, requirements.optional))
        + len((*catalogue.images(versions), *requirements.optional_images))
        for versions in requirements.version_sets
    )
    return artifacts + 1


def remove_lab(engine: Engine) -> None:
    """Remove the hosts of a lab stack, and the state of the stack.

    A marker file exists during the removal. If the removal is interrupted, the next command finds the marker
    and finishes the removal. Without the marker, the engine would still find the removed hosts in the state
    and report the cluster as unchanged.

    Raise `LabError` when the removal fails. Raise `UserError` before any change when the stack is in use.
    """
    workspace = engine.workspace
    # This call raises an error when an `up` works on these hosts.
    engine.recover()
    workspace.removal_marker.touch()
    lab.down(workspace.short_name)
    engine.remove_stack()
    workspace.removal_marker.unlink()
