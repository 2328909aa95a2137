"""Tests of charts that releases install from the mirror."""

from __future__ import annotations

from typing import Any

import pytest

from settings import load
from settings.mirrored_charts import MirroredChart, mirrored_chart, resolve_releases
from settings.registry_logins import registry_logins
from tests.unit.settings.support import TWO_WORKERS, with_edits

DIGEST = "sha256:" + "a" * 64
LOGIN = {"username": "me", "password": "hunter22"}
RELEASES: dict[str, Any] = {
    "metrics": {"chart": "prometheus", "version": "27.0.0", "repository": "https://charts.example/stable"},
    "cache": {"chart": "oci://registry.example:5000/team/cache", "version": "1.4.0", "repository": LOGIN},
    "web": {"chart": "./charts/web"},
}


@pytest.mark.parametrize(
    ("chart", "repository", "directory", "name"),
    [
        ("prometheus", "https://charts.example", "charts/charts.example", "prometheus"),
        ("web", "https://charts.example:8443/a/b/", "charts/charts.example:8443/a/b", "web"),
        ("oci://registry.example/team/cache", "", "charts/registry.example/team", "cache"),
        (f"oci://registry.example/cache@{DIGEST}", "", "charts/registry.example", "cache"),
    ],
)
def test_place_of_a_chart(chart: str, repository: str, directory: str, name: str) -> None:
    assert mirrored_chart(chart, repository) == MirroredChart(directory, name)


def load_stack(**artifacts: object) -> Any:  # noqa: ANN401
    edits = {"helm_releases": RELEASES, **{f"artifacts.{key}": value for key, value in artifacts.items()}}
    return load(with_edits(TWO_WORKERS, edits))


def test_releases_keep_their_sources_by_default() -> None:
    settings = load_stack()
    assert resolve_releases(settings) == settings.helm_releases
    assert set(registry_logins(settings)) == {"registry.example:5000"}


def test_releases_of_the_mirror_need_no_login() -> None:
    settings = load_stack(charts="mirror", ca_file="mirror.crt")
    releases = resolve_releases(settings)
    sources = {
        name: (release.chart, release.version, release.repository and release.repository.model_dump())
        for name, release in releases.items()
    }
    mirror = settings.artifacts.mirror
    more = {"ca_file": "mirror.crt", "username": None, "password": None}
    assert sources == {
        "metrics": ("prometheus", "27.0.0", {"url": f"{mirror}/charts/charts.example/stable", **more}),
        "cache": ("cache", "1.4.0", {"url": f"{mirror}/charts/registry.example:5000/team", **more}),
        "web": ("./charts/web", None, None),
    }
    assert registry_logins(settings) == {}
