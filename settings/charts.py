"""Where a Helm chart comes from: the kinds of values of `chart` in the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from settings.cluster import Settings
    from settings.storage_drivers import DriverSettings


class ChartSection(Protocol):
    """A section of the settings that selects a chart of Kubewright."""

    @property
    def chart(self) -> str:
        """Name of the chart, an `oci://` reference or a path."""

    @property
    def repository(self) -> str:
        """URL of the chart repository."""

    @property
    def version(self) -> str:
        """Version of the chart."""

    @property
    def model_fields_set(self) -> set[str]:
        """The keys that the stack file has."""


def is_path(chart: str) -> bool:
    """Whether a chart is a directory or archive of the checkout."""
    return chart.startswith(("./", "../", "/"))


def is_oci_reference(chart: str) -> bool:
    """Whether a chart comes from an OCI registry."""
    return chart.startswith("oci://")


def needs_repository(chart: str) -> bool:
    """Whether a chart is a name in a chart repository."""
    return not is_path(chart) and not is_oci_reference(chart)


def digest_of(chart: str) -> str | None:
    """Return the digest in the reference of a chart, such as `sha256:…`; None without a digest, or for a
    path.
    """
    return None if is_path(chart) else chart.partition("@")[2] or None


def charts_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the setting and the value of every chart that a cluster installs."""
    for name, release in settings.helm_releases.items():
        yield f"helm_releases.{name}.chart", release.chart
    if cilium := settings.network.cilium_options:
        yield "network.cilium.chart", cilium.chart
    yield from ((f"{path}.chart", driver.chart) for path, driver in volume_drivers(settings).items())
    if velero := settings.addons.velero:
        yield "addons.velero.chart", velero.chart
    if settings.addons.monitoring and (grafana := settings.addons.monitoring.grafana):
        yield "addons.monitoring.grafana.chart", grafana.chart
    if dashboard := settings.addons.dashboard:
        yield "addons.dashboard.chart", dashboard.chart


def volume_drivers(settings: Settings) -> dict[str, DriverSettings]:
    """Return the sections of the CSI drivers by their paths."""
    nfs, ceph, cloud = settings.storage.nfs, settings.storage.ceph, settings.cloud
    drivers: dict[str, DriverSettings | None] = {
        "storage.nfs.driver": nfs.driver if nfs else None,
        "storage.ceph.rbd": ceph.rbd if ceph else None,
        "storage.ceph.cephfs": ceph.cephfs if ceph else None,
        f"{settings.cloud_name}.file_storage": cloud.file_storage if cloud else None,
    }
    return {path: driver for path, driver in drivers.items() if driver is not None}
