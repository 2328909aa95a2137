"""Installer of the tools of the deployer into one directory for PATH."""

from __future__ import annotations

import filecmp
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.progress import Progress


def install_tools(
    directory: Path, cache: Cache, progress: Progress, names: Sequence[str] = catalogue.TOOLS
) -> dict[str, Path]:
    """Install tools of the deployer, from PATH or the cache, into a directory. Return their paths by name.

    The files are hard links instead of symbolic links, because the language host searches for its companion
    program in its own directory.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        return {
            name: _link_or_copy(acquire.provide_tool(name, cache, progress).resolve(), directory / name)
            for name in progress.track(names)
        }
    except OSError as error:
        raise ArtifactError(f"{error.filename or directory}: {error.strerror}") from None


def _link_or_copy(source: Path, link: Path) -> Path:
    """Make `link` a hard link of the file `source`, or a copy on another file system. Return `link`."""
    if link.exists() and not link.is_symlink() and link.samefile(source):
        return link
    temporary = link.with_name(f".{link.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:  # the cache is on another file system
        if link.exists() and not link.is_symlink() and filecmp.cmp(source, link):
            return link
        shutil.copy2(source, temporary)
    temporary.replace(link)
    return link
