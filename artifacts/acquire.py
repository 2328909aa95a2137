"""One binary, by the order of places: PATH (deployer's tools), the cache, official, built."""

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
from artifacts.netfilter import NETFILTER
from artifacts.progress import Progress

OF_DEBIAN = {recipe.name: recipe for recipe in (NETFILTER, HAPROXY, KEEPALIVED)}
"""Binaries that are tars of Debian's programs."""

_VERSION_COMMANDS = {
    "pulumi": ("version",),
    "kubectl": ("version", "--client"),
    "helm": ("version", "--short"),
    "crane": ("version",),
}


def obtain(item: Binary, cache: Cache, progress: Progress) -> Path:
    """The file of a catalogue's row, in the cache; had officially or built when it is not there yet.

    A download that does not verify is an error and not a reason to build: it must be seen.
    Raises ArtifactError.
    """
    path = cache.path(item.name, item.version)
    if cache.record(item.name, item.version):
        return path
    with cache.lock(item.key):
        if cache.record(item.name, item.version):  # another process made it meanwhile
            return path
        with cache.workspace() as workspace:
            file, source = _make(item, cache, workspace, progress)
            cache.add(item.name, item.version, file, source=source)
    return path


def tool(name: str, cache: Cache, progress: Progress) -> Path:
    """A deployer's tool at its default version, or one on PATH that is as good."""
    item = binary(name)
    return on_path(item) or obtain(item, cache, progress)


def on_path(item: Binary) -> Path | None:
    """The program on PATH if its version will do: the same major one and not older.

    For kubectl the same minor version: others are outside Kubernetes' skew policy sooner or later.
    The parts of Pulumi's language host are taken with the engine that they came with.
    """
    if item.name.startswith("pulumi-language-python"):
        engine = on_path(binary("pulumi"))
        beside = engine.resolve().parent / item.name if engine else None
        return beside if beside and beside.is_file() else None
    found = shutil.which(item.name)
    if found is None or item.name not in _VERSION_COMMANDS:
        return None
    return Path(found) if suitable(item, _version(found, *_VERSION_COMMANDS[item.name])) else None


def suitable(item: Binary, version: tuple[int, ...]) -> bool:
    """Whether a tool of this version does in the place of the catalogue's."""
    wanted = tuple(int(part) for part in item.version.split("."))
    same = 2 if item.name == "kubectl" else 1
    return len(version) == 3 and version[:same] == wanted[:same] and version >= wanted


@memoize
def _version(program: str, *arguments: str) -> tuple[int, ...]:
    try:
        result = subprocess.run(
            [program, *arguments], capture_output=True, text=True, timeout=20, check=False, cwd="/"
        )
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", result.stdout)
    return tuple(int(part) for part in found.groups()) if found else ()


def _make(item: Binary, cache: Cache, workspace: Path, progress: Progress) -> tuple[Path, str]:
    if item.name in OF_DEBIAN:
        return relocatable.build(OF_DEBIAN[item.name], workspace, progress), "Debian packages"
    if official.available(item):
        try:
            return official.obtain(item, cache, workspace, progress), "official"
        except Unavailable as error:
            progress.note(f"{error}; building {item.name} {item.version} instead")
    return gobuild.obtain(item, cache, workspace, progress), "built"
