"""Checks which images the cluster's registry mirror has."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from artifacts import fetch
from artifacts.conformance.table import row_of
from artifacts.images import split_reference
from automation.errors import UserError
from settings.versions import RegistrySettings

_MEDIA_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_PARALLEL = 8

Lookup = Callable[[str, Path | None], bool]
"""A function that checks whether a URL of a manifest exists, with the CA of the registry."""


@dataclass(frozen=True, slots=True)
class Images:
    """The images of the tests. `unchecked` are images of registries that no mirror of the stack replaces."""

    present: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()


def check_images(
    references: Iterable[str], registries: Mapping[str, RegistrySettings], lookup: Lookup | None = None
) -> Images:
    """Return which images the registry mirrors of a stack have.

    `registries` is the setting of that name. Nodes pull the images of other registries from upstream, which
    this machine may not reach, so these images are unchecked. The same applies to mirrors with a password.
    Images that must not exist are in no list. Raise UserError if a mirror does not answer.
    """
    lookup = lookup or manifest_exists
    urls: dict[str, tuple[str, Path | None]] = {}
    unchecked = []
    for reference in references:
        row = row_of(reference)
        if row is not None and row.absent:
            continue
        registry, path, tag = split_reference(reference)
        mirror = registries.get(registry) or registries.get("_default")
        if mirror is None or mirror.username is not None:
            unchecked.append(reference)
            continue
        ca_file = None if mirror.ca_file is None else Path(mirror.ca_file)
        urls[reference] = (f"{str(mirror.endpoint).rstrip('/')}/v2/{path}/manifests/{tag}", ca_file)
    with ThreadPoolExecutor(_PARALLEL) as pool:
        exists = dict(zip(urls, pool.map(lambda item: lookup(*item), urls.values()), strict=True))
    return Images(
        present=tuple(name for name in urls if exists[name]),
        missing=tuple(name for name in urls if not exists[name]),
        unchecked=tuple(unchecked),
    )


def manifest_exists(url: str, ca_file: Path | None) -> bool:
    """Check whether a registry has a manifest. Raise UserError if the registry does not answer."""
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": ", ".join(_MEDIA_TYPES)})
    try:
        with urllib.request.urlopen(request, timeout=fetch.READ_TIMEOUT, context=fetch.tls_context(ca_file)):
            return True
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.NOT_FOUND:
            return False
        reason = fetch.failure_reason(error)
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = fetch.failure_reason(error)
    raise UserError(f"registry mirror: {url}: {reason}; is the registry of the stack (`registries`) up?")
