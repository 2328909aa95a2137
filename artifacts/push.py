"""Push of the images of a mirror to a registry, under the names that containerd requests from a registry
mirror.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path

from artifacts import acquire, fetch, images
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.mirror import read_index
from artifacts.progress import Progress


def target_names(references: Iterable[str], registry: str) -> dict[str, str]:
    """Return the names of images in `registry` (host:port), by their upstream references.

    The path and tag are the same. Raise ArtifactError if two images would get the same name.
    """
    result: dict[str, str] = {}
    reference_by_name: dict[str, str] = {}
    for reference in references:
        _, path, tag = images.split_reference(reference)
        name = f"{registry}/{path}:{tag}"
        if name in reference_by_name:
            raise ArtifactError(
                f"{reference} and {reference_by_name[name]}: both would be {name}; "
                "push one to another registry"
            )
        reference_by_name[name] = reference
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
    """Push all images of the mirror `directory` to a registry and return the names that they have there.

    `ca_file` verifies the HTTPS connection to the registry (None: the CAs of the system). crane reads the
    credentials from `crane auth login` or from the docker configuration. Raise ArtifactError if the mirror
    has no images or the registry rejects an image.
    """
    progress = progress or Progress()
    index = read_index(directory)["images"]
    if not index:
        raise ArtifactError(f"{directory}: holds no images; run make mirror first")
    names = target_names(index, registry)
    if ca_file is not None and not ca_file.is_file():
        raise ArtifactError(f"{ca_file}: no such file; it should hold the registry's authority as PEM")
    _check_registry(registry, ca_file)
    crane = acquire.provide_tool("crane", cache or Cache.default(), progress)
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


def _check_registry(registry: str, ca_file: Path | None) -> None:
    """Raise ArtifactError unless a registry answers by verified HTTPS.

    crane would try plain HTTP for private addresses. This check fails earlier and with a clear reason.
    """
    url = f"https://{registry}/v2/"
    try:
        with urllib.request.urlopen(url, timeout=fetch.READ_TIMEOUT, context=fetch.tls_context(ca_file)):
            pass
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.UNAUTHORIZED:  # status 401: a registry that requires credentials
            raise ArtifactError(f"registry {registry}: {fetch.failure_reason(error)} to {url}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ArtifactError(
            f"registry {registry}: {fetch.failure_reason(error)}; is it up, and --ca its authority?"
        ) from None
