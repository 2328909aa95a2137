"""`python -m artifacts mirror | tools | push | list`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from artifacts import catalogue, directories, mirror, push
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from artifacts.tools import install_tools as install_tools
from topology.model import Versions


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives the exit code."""
    options = _parser().parse_args(arguments)
    progress = Progress(quiet=options.quiet)
    try:
        return int(options.run(options, progress))
    except ArtifactError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; the next run goes on where this one stopped", file=sys.stderr)
        return 130


def _mirror(options: argparse.Namespace, progress: Progress) -> int:
    versions = catalogue.DEFAULTS
    for choice in options.version:
        name, _, version = choice.partition("=")
        name = name.replace("-", "_")
        if name not in {field.name for field in fields(Versions)}:
            known = ", ".join(field.name for field in fields(Versions))
            raise ArtifactError(f"--version {choice}: write COMPONENT=VERSION with one of {known}")
        if version not in catalogue.supported(name):
            raise ArtifactError(
                f"--version {choice}: the catalogue has {', '.join(catalogue.supported(name))}"
            )
        versions = replace(versions, **{name: version})
    print(mirror.build(options.directory, versions, progress))
    if options.index:
        mirror.pin(options.directory, options.index)
    return 0


def _tools(options: argparse.Namespace, progress: Progress) -> int:
    for name, path in install_tools(options.directory, Cache.default(), progress).items():
        print(f"{name}\t{path.resolve()}")
    return 0


def _push(options: argparse.Namespace, progress: Progress) -> int:
    for name in push.push(options.directory, options.registry, options.ca, progress):
        print(name)
    return 0


def _list(options: argparse.Namespace, progress: Progress) -> int:
    """The catalogue, and what of it is in the cache."""
    cache = Cache.default()
    for component, version in catalogue.RELEASES:
        for name, _ in catalogue.component_of_release(component).packages:
            record = cache.record(name, version)
            print(f"{name}\t{version}\t{record.source if record else '-'}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m artifacts", description="Binaries and images of Kubewright."
    )
    parser.add_argument("--quiet", action="store_true", help="say nothing but results and errors")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    command = commands.add_parser("mirror", help="make a directory with everything hosts fetch")
    command.add_argument("--directory", type=Path, default=directories.cache() / "mirror")
    command.add_argument("--version", action="append", default=[], metavar="COMPONENT=VERSION")
    command.add_argument("--index", type=Path, default=None, help="also write its checksums here, to keep")
    command.set_defaults(run=_mirror)

    command = commands.add_parser("tools", help="put the deployer's tools into a directory")
    command.add_argument("--directory", type=Path, default=directories.cache() / "bin")
    command.set_defaults(run=_tools)

    command = commands.add_parser("push", help="push a mirror's images to a registry")
    command.add_argument("--directory", type=Path, default=directories.cache() / "mirror")
    command.add_argument("--registry", required=True, metavar="HOST:PORT")
    command.add_argument("--ca", type=Path, default=None, help="PEM of the registry's authority")
    command.set_defaults(run=_push)

    command = commands.add_parser("list", help="show the catalogue and what is cached")
    command.set_defaults(run=_list)
    return parser


if __name__ == "__main__":
    sys.exit(main())
