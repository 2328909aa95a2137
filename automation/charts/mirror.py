"""Adds the charts of stacks and the images of their objects to a mirror."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from artifacts import acquire, charts, mirror
from artifacts.cache import Cache
from artifacts.errors import ArtifactError
from artifacts.progress import Progress
from assembly import build_topology
from automation.charts.helm import Helm
from automation.charts.rendered import rendered_images
from automation.charts.requests import ChartRequest, chart_requests
from automation.engine.config import decrypted_config
from automation.engine.program import Engine
from automation.environment import CHECKOUT
from automation.errors import UserError
from automation.lab_stack import CLUSTER_KEY
from automation.stacks.known_secrets import redactor_of_stack
from formats.manifest_patches import PatchError, patch_manifest
from settings import Settings, SettingsError, load
from settings.mirrored_charts import mirrored_chart
from settings.values_files import parse_values


def add_charts(
    engine: Engine, directory: Path, progress: Progress, *, cache: Cache | None = None
) -> list[str]:
    """Add the charts of a stack and their images to a mirror. Return the keys of both in its index.

    Raise UserError with all problems of the stack file, and ArtifactError for a chart or an image that cannot
    be had.
    """
    cache = cache or Cache.default()
    config = decrypted_config(engine)
    try:
        settings = load(config.get(CLUSTER_KEY) or {})
    except SettingsError as error:
        raise UserError(str(error)) from None
    topology = build_topology(settings)
    requests = list(chart_requests(settings, topology, _read_values(settings)))
    program = acquire.provide_tool("helm", cache, progress)
    entries: mirror.Entries = {}
    images: dict[str, str] = {}
    with Helm.start(program, CHECKOUT, redactor_of_stack(engine, config)) as helm:
        for request in requests:
            with progress.step(f"chart of {request.setting}"):
                archive = helm.local_chart(request)
                if archive is None:
                    archive = helm.pull(request)
                    place = mirrored_chart(request.chart, request.repository)
                    key, entry = charts.add_archive(archive, directory, place.directory)
                    entries[key] = entry
                found = _images_of(helm, request, archive, str(topology.versions.kubernetes))
                images |= {image: request.setting for image in found if image not in images}
    added = {
        image: _add_image(image, setting, directory, cache, progress) for image, setting in images.items()
    }
    mirror.record(directory, {}, added, cache, charts=entries)
    return [*entries, *added]


def _read_values(settings: Settings) -> dict[str, Any]:
    """Return the values in the files of values of all releases, by their paths. Raise UserError.

    Other files of the settings, such as keys of hosts, need not exist on the machine that builds a mirror.
    """
    values: dict[str, Any] = {}
    for name, release in settings.helm_releases.items():
        for position, file in enumerate(release.values_files):
            try:
                values[file] = parse_values((CHECKOUT / file).read_text())
            except (OSError, ValueError) as error:
                reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
                raise UserError(
                    f'helm_releases.{name}.values_files[{position}]: "{file}": {reason}'
                ) from None
    return values


def _images_of(helm: Helm, request: ChartRequest, archive: Path, kubernetes: str) -> list[str]:
    """Return the images of a chart: those of its objects after the patches, and those in the settings."""
    manifest = helm.render(request, archive, kubernetes)
    try:
        patched = patch_manifest(manifest, request.patches) if request.patches else manifest
        return list(dict.fromkeys((*rendered_images(patched), *request.images)))
    except PatchError as error:
        raise ArtifactError(f"{request.setting}.{error}") from None
    except yaml.YAMLError:
        raise ArtifactError(
            f"{request.setting}: chart {request.chart} renders no valid YAML; correct its values"
        ) from None


def _add_image(
    image: str, setting: str, directory: Path, cache: Cache, progress: Progress
) -> dict[str, str | int]:
    try:
        return mirror.add_image(image, directory, cache, progress)
    except ArtifactError as error:
        raise ArtifactError(f"{setting}: {error}") from None
