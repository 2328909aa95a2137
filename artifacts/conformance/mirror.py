"""Adds the programs and images of upstream's end-to-end tests to a mirror."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from artifacts import acquire, fetch, mirror
from artifacts.cache import Cache
from artifacts.catalogue import binary
from artifacts.conformance.table import recipes_of, row_of
from artifacts.errors import ArtifactError, Unavailable
from artifacts.images import registry_host, split_reference
from artifacts.progress import Progress

PROGRAMS = ("e2e.test", "ginkgo")
"""The programs that run the tests."""


@dataclass(frozen=True, slots=True)
class SkippedImage:
    """An image that is not in the mirror, with the reason as a phrase."""

    reference: str
    reason: str


def add(
    directory: Path, kubernetes: str, progress: Progress | None = None, *, cache: Cache | None = None
) -> list[SkippedImage]:
    """Add the programs and images of the tests of a version of Kubernetes to the mirror in `directory`.

    Return the images that can neither be pulled nor built. Raise ArtifactError if a program is unavailable,
    the build of an image fails, or the mirror has another architecture than this machine.
    """
    if not mirror.is_own_architecture(directory):
        architecture = mirror.read_architecture(directory)
        raise ArtifactError(f"{directory}: a mirror for {architecture}; add the tests on such a machine")
    cache = cache or Cache.default()
    progress = progress or Progress()
    rows = [binary(name, kubernetes) for name in PROGRAMS]
    progress.expect_steps(len(rows))
    files = {item.key: mirror.add_file(item, directory, cache, progress) for item in progress.track(rows)}
    references = list_images(acquire.fetch_or_build(rows[0], cache, progress))
    images, skipped = {}, []
    recipes = recipes_of(kubernetes)
    for reference in progress.track(references):
        reason = _reason_to_skip(reference)
        if reason:
            skipped.append(SkippedImage(reference, reason))
            continue
        try:
            images[reference] = mirror.add_image(reference, directory, cache, progress, recipes)
        except Unavailable as error:
            skipped.append(SkippedImage(reference, str(error)))
    mirror.record(directory, files, images, cache)
    return skipped


def list_images(program: Path) -> list[str]:
    """Return the full names of the images that e2e.test lists. Raise ArtifactError if the program fails."""
    try:
        result = subprocess.run(
            [str(program), "--list-images"], capture_output=True, text=True, timeout=120, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ArtifactError(f"{program}: does not list its images: {error}") from None
    listed = parse_images(result.stdout.splitlines())
    if result.returncode != 0 or not listed:
        detail = (result.stderr.strip().splitlines() or ["no output"])[-1]
        raise ArtifactError(f"{program}: does not list its images: {detail}")
    return listed


def parse_images(lines: Sequence[str]) -> list[str]:
    """Return the sorted names of images among lines of output, which can contain log messages."""
    names = (line.strip() for line in lines)
    return sorted({name for name in names if "/" in name and ":" in name and " " not in name})


def _reason_to_skip(reference: str) -> str:
    """Return why an image cannot be in the mirror; empty if it can be pulled or built."""
    row = row_of(reference)
    if row is not None and row.absent:
        return row.why
    if row is not None and row.recipe is not None:
        return ""
    registry, _, _ = split_reference(reference)
    if fetch.reachable(registry_host(registry)):
        return ""
    return (
        row.why if row is not None else f"{registry} does not answer, and there is no recipe for this image"
    )
