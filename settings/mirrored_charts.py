"""Where a mirror has the charts of chart repositories and registries.

A mirror has a chart repository of static files for each source: the directory `charts/<host>/<path>` with an
index and the archives of the charts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from settings.charts import is_oci_reference, is_path
from settings.helm_releases import HelmReleaseSettings, HelmRepositorySettings

if TYPE_CHECKING:
    from settings.cluster import Settings

DIRECTORY = "charts"
"""The directory of charts in a mirror."""


@dataclass(frozen=True, slots=True)
class MirroredChart:
    """The place of a chart in a mirror: its directory, relative to the mirror, and its name."""

    directory: str
    name: str


def mirrored_chart(chart: str, repository: str) -> MirroredChart:
    """Return the place in a mirror of a chart in a repository, or of an `oci://` reference."""
    if is_oci_reference(chart):
        path, _, name = chart.removeprefix("oci://").partition("@")[0].rpartition("/")
        return MirroredChart(f"{DIRECTORY}/{path}", name)
    parts = urlsplit(repository)
    return MirroredChart(f"{DIRECTORY}/{parts.netloc}{parts.path.rstrip('/')}", chart)


def is_mirrored(settings: Settings) -> bool:
    """Whether the releases of a stack install charts of the mirror."""
    return settings.artifacts.charts == "mirror"


def resolve_releases(settings: Settings) -> Mapping[str, HelmReleaseSettings]:
    """Return the releases with the sources of their charts: their own sources, or the mirror."""
    if not is_mirrored(settings):
        return settings.helm_releases
    return {
        name: release if is_path(release.chart) else _with_source(release, settings)
        for name, release in settings.helm_releases.items()
    }


def _with_source(release: HelmReleaseSettings, settings: Settings) -> HelmReleaseSettings:
    """Return a release that installs its chart from the mirror."""
    url = (release.repository and release.repository.url) or ""
    found = mirrored_chart(release.chart, url)
    repository = HelmRepositorySettings(
        url=f"{settings.artifacts.mirror}/{found.directory}", ca_file=settings.artifacts.ca_file
    )
    return release.model_copy(update={"chart": found.name, "repository": repository})
