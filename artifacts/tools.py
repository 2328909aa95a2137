"""The deployer's tools, in one directory for PATH."""

from __future__ import annotations

import os
from pathlib import Path

from artifacts import acquire, catalogue
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.progress import Progress


def install_tools(directory: Path, cache: Cache, progress: Progress) -> dict[str, Path]:
    """Put the deployer's tools into a directory as links to PATH's or the cache's; gives name to path."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ArtifactError(f"{directory}: cannot be made ({error.strerror})") from None
    tools = {}
    for name in catalogue.TOOLS:
        source = acquire.tool(name, cache, progress)
        link = directory / name
        if link.resolve() != source.resolve():
            part = directory / f".{name}.{os.getpid()}"
            part.symlink_to(source.resolve())
            part.replace(link)
        tools[name] = link
    return tools
