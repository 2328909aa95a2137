"""Commands for tools, mirror and artifacts: `prepare`, `mirror`, `artifacts list|tools|push`."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated

import typer

from artifacts import catalogue, mirror, push
from artifacts.cache import Cache
from artifacts.components import COMPONENTS
from artifacts.conformance import mirror as conformance_mirror
from artifacts.progress import Progress
from artifacts.tools import install_tools
from automation import prepare
from automation.engine.config import add_environment_values
from automation.engine.interrupts import run_one
from automation.environment import environment
from automation.errors import UserError
from automation.plugin_kind import requested_kind
from automation.stacks.actions import StackRequest
from lab.plugins.kinds import PluginKind
from topology.model import Versions

PANEL = "Mirror and lab"
_artifacts = typer.Typer(no_args_is_help=True, help="Binaries and images: the catalogue and its mirror.")

Mirror = Annotated[
    Path | None, typer.Option("--directory", help="Directory of the mirror.", show_default="in the cache")
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print no progress.")]


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command("prepare", rich_help_panel=PANEL)(prepare_machine)
    app.command("mirror", rich_help_panel=PANEL)(build_mirror)
    app.add_typer(_artifacts, name="artifacts", rich_help_panel=PANEL)


def prepare_machine() -> None:
    """Install tools and plugins on this machine.

    The environment variable KUBEWRIGHT_PLUGINS selects the kind of plugins: `official`, or `stand-in` for
    labs (the default).
    """
    kind = requested_kind() or PluginKind.STAND_IN
    run_one(lambda: prepare.prepare_deployer(replace(environment(), plugins=kind)))


def build_mirror(
    directory: Mirror = None,
    index: Annotated[
        Path | None, typer.Option("--index", help="Also write the mirror's index to this file.")
    ] = None,
    version: Annotated[
        list[str] | None,
        typer.Option("--version", metavar="COMPONENT=VERSION", help="Version of a component. Repeatable."),
    ] = None,
    conformance: Annotated[
        bool, typer.Option("--conformance", help="Also add upstream's tests and their images.")
    ] = False,
    common: Annotated[
        bool, typer.Option("--common", help="Leave out the files and images that only some clusters need.")
    ] = False,
    charts: Annotated[
        list[str] | None,
        typer.Option(
            "--charts", metavar="STACK", help="Also add the charts of a stack and their images. Repeatable."
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Build or complete the mirror that hosts fetch from."""
    versions, progress = _select_versions(version or []), Progress(quiet=quiet)
    path = mirror.build(
        directory or environment().mirror,
        versions,
        progress,
        optional=() if common else catalogue.OPTIONAL_ARTIFACTS,
        optional_images=() if common else catalogue.OPTIONAL_IMAGES,
    )
    if conformance:
        for image in conformance_mirror.add(path, versions.kubernetes, progress):
            progress.note(f"not in the mirror: {image.reference}: {image.reason}")
    for stack in charts or ():
        _add_charts(stack, path, progress)
    print(path)
    if index:
        mirror.export_index(path, index)


@_artifacts.command("list")
def list_artifacts() -> None:
    """List the catalogue and the source of each artifact in the cache."""
    cache = Cache.default()
    for component in COMPONENTS:
        for version in catalogue.supported_versions(component.name):
            for name, _ in component.packages:
                record = cache.record(name, version)
                print(f"{name}\t{version}\t{record.source if record else '-'}")


@_artifacts.command()
def tools(
    directory: Annotated[
        Path | None,
        typer.Option("--directory", help="Directory for the tools.", show_default="in the cache"),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Install the deployer's tools: pulumi, kubectl, helm, crane."""
    installed = install_tools(directory or environment().tools, Cache.default(), Progress(quiet=quiet))
    for name, path in installed.items():
        print(f"{name}\t{path.resolve()}")


@_artifacts.command("push")
def push_images(
    registry: Annotated[str, typer.Option("--registry", metavar="HOST:PORT", help="The registry.")],
    directory: Mirror = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="PEM file of the registry's certificate authority.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Push the images of a mirror to a registry."""
    for name in push.push(directory or environment().mirror, registry, ca, Progress(quiet=quiet)):
        print(name)


def _add_charts(stack: str, directory: Path, progress: Progress) -> None:
    """Add the charts of a stack and their images to a mirror."""
    from automation.charts.mirror import add_charts

    request = StackRequest(environment=environment(), stack=stack)

    def add() -> list[str]:
        engine = request.prepare_editor()
        if engine.workspace.has_environment:
            engine = replace(engine, workspace=add_environment_values(engine))
        return add_charts(engine, directory, progress)

    for name in run_one(add):
        progress.note(f"in the mirror: {name}")


def _select_versions(choices: list[str]) -> Versions:
    """Return the default version of each component, or the version that `choices` selects.

    A choice is a text `COMPONENT=VERSION`.

    Raise UserError for an unknown component and for a version that is not in the catalogue.
    """
    versions = catalogue.DEFAULTS
    components = [field.name for field in fields(Versions)]
    for choice in choices:
        component, _, version = choice.partition("=")
        component = component.replace("-", "_")
        if component not in components:
            raise UserError(
                f"--version {choice}: expected COMPONENT=VERSION, with a component of {', '.join(components)}"
            )
        supported = catalogue.supported_versions(component)
        if version not in supported:
            raise UserError(f"--version {choice}: the catalogue has only {', '.join(supported)}")
        versions = replace(versions, **{component: version})
    return versions
