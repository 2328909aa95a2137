"""Images of a mirror into a registry, under the names that containerd asks a mirror for."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from artifacts import acquire, images
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.mirror import read_index
from artifacts.progress import Progress


def targets(references: Iterable[str], registry: str) -> dict[str, str]:
    """Upstream's name of each image to its name in `registry` (host:port): the same path and tag.

    Raises ArtifactError when two images of different registries would get the same name.
    """
    result: dict[str, str] = {}
    taken: dict[str, str] = {}
    for reference in references:
        _, path, tag = images.split(reference)
        name = f"{registry}/{path}:{tag}"
        if name in taken:
            raise ArtifactError(
                f"{reference} and {taken[name]}: both would be {name}; push one to another registry"
            )
        taken[name] = reference
        result[reference] = name
    return result


def push(
    directory: Path,
    registry: str,
    ca_file: Path | None,
    progress: Progress | None = None,
    *,
    cache: Cache | None = None,
) -> list[str]:
    """Push every image of the mirror `directory`; gives the names pushed. Raises ArtifactError.

    The registry is reached by HTTPS and verified by `ca_file` (None: the system's authorities);
    credentials are crane's, from `crane auth login` or docker's configuration.
    """
    progress = progress or Progress()
    index = read_index(directory)["images"]
    if not index:
        raise ArtifactError(f"{directory}: holds no images; run make mirror first")
    names = targets(index, registry)
    if ca_file is not None and not ca_file.is_file():
        raise ArtifactError(f"{ca_file}: no such file; it should hold the registry's authority as PEM")
    crane = acquire.tool("crane", cache or Cache.default(), progress)
    environment = os.environ | (
        {"SSL_CERT_FILE": str(ca_file), "SSL_CERT_DIR": "/nonexistent"} if ca_file else {}
    )
    with progress.step(f"push {len(names)} images to {registry}"):
        for reference, name in names.items():
            layout = directory / str(index[reference]["path"])
            command = [str(crane), "push", str(layout), name]
            result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
            if result.returncode != 0:
                detail = (result.stderr.strip().splitlines() or ["crane failed"])[-1]
                raise ArtifactError(f"{name}: could not be pushed: {detail}")
    return list(names.values())
