"""Acquisition of a binary: from PATH (tools of the deployer), the cache, the official site, or a build."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache as memoize
from pathlib import Path

from artifacts import gobuild, official, relocatable
from artifacts.balancers import HAPROXY, KEEPALIVED
from artifacts.cache import Cache
from artifacts.catalogue import Binary, binary
from artifacts.errors import Unavailable
from artifacts.netfilter import IPROUTE, IPSET, NETFILTER, NFS
from artifacts.progress import Progress

DEBIAN_RECIPES = {recipe.name: recipe for recipe in (NETFILTER, IPSET, IPROUTE, NFS, HAPROXY, KEEPALIVED)}
"""Recipes of the artifacts that are tar archives of Debian programs, by artifact name."""

_VERSION_COMMANDS = {
    "pulumi": ("version",),
    "kubectl": ("version", "--client"),
    "helm": ("version", "--short"),
    "crane": ("version",),
    "age": ("--version",),
    "rclone": ("version",),
}


def fetch_or_build(item: Binary, cache: Cache, progress: Progress) -> Path:
    """Return the path in the cache of a binary of the catalogue; download or build the binary if it is
    missing.

    If the verification of a download fails, raise ArtifactError instead of building the file, so that the
    user notices the problem.
    """
    path = cache.path(item.name, item.version)
    if cache.record(item.name, item.version):
        return path
    with cache.lock(item.key):
        if cache.record(item.name, item.version):  # another process created the file in the meantime
            return path
        with cache.workspace() as workspace:
            file, source = _download_or_build(item, cache, workspace, progress)
            cache.add(item.name, item.version, file, source=source)
    return path


def provide_tool(name: str, cache: Cache, progress: Progress) -> Path:
    """Return the path of a tool of the deployer: a suitable version on PATH, or else the default version."""
    item = binary(name)
    return find_on_path(item) or fetch_or_build(item, cache, progress)


def find_on_path(item: Binary) -> Path | None:
    """Return the path of the tool on PATH; None if no suitable version is there (see `is_suitable`).

    kubectl must have the minor version of the catalogue, because of the version skew policy of Kubernetes.
    The programs of Pulumi's language host are taken from the directory of the engine, and only if a suitable
    engine is on PATH.
    """
    if item.name.startswith("pulumi-language-python"):
        engine = find_on_path(binary("pulumi"))
        companion = engine.resolve().parent / item.name if engine else None
        return companion if companion and companion.is_file() else None
    program = shutil.which(item.name)
    if program is None or item.name not in _VERSION_COMMANDS:
        return None
    return (
        Path(program) if is_suitable(item, _program_version(program, *_VERSION_COMMANDS[item.name])) else None
    )


def is_suitable(item: Binary, version: tuple[int, ...]) -> bool:
    """Check whether a tool of this version can replace the version of the catalogue: same major version,
    not older.

    The comparison uses three numbers. packaging.version would only add pre-releases, which the tools do not
    have.
    """
    catalogue_version = tuple(int(part) for part in item.version.split("."))
    fixed_parts = 2 if item.name == "kubectl" else 1
    return (
        len(version) == 3
        and version[:fixed_parts] == catalogue_version[:fixed_parts]
        and version >= catalogue_version
    )


@memoize
def _program_version(program: str, *arguments: str) -> tuple[int, ...]:
    """Return the three numbers of the version that the program prints; empty if it prints none."""
    try:
        result = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=20, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(r"(\d+)\.(\d+)\.(\d+)", result.stdout)
    return tuple(int(part) for part in match.groups()) if match else ()


def _download_or_build(item: Binary, cache: Cache, workspace: Path, progress: Progress) -> tuple[Path, str]:
    """Download or build a binary in `workspace`.

    Return the path of the file, and its origin for the record of the cache (`Record.source`).
    """
    if item.name in DEBIAN_RECIPES:
        return relocatable.build(DEBIAN_RECIPES[item.name], workspace, progress), "Debian packages"
    if official.is_available(item):
        try:
            return official.download(item, cache, workspace, progress), "official"
        except Unavailable as error:
            progress.note(f"{error}; building {item.name} {item.version} instead")
    return gobuild.build(item, cache, workspace, progress), "built"
