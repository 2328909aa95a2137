"""The charts that a stack installs, with the values of their releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from components.addons.ceph_storage import driver_values
from components.addons.grafana_values import grafana_values
from components.addons.headlamp_values import headlamp_values
from components.addons.nfs_storage import nfs_driver_values
from components.addons.velero_values import velero_values
from components.cilium import chart_values
from settings import Settings
from settings.charts import is_path
from settings.helm_releases import HelmReleaseSettings
from settings.registry_logins import RegistryLogin
from settings.values_files import merge_values
from topology import dashboard, monitoring, velero
from topology.charts import Chart
from topology.model import Topology
from topology.storage_drivers import NFS_NAMESPACE

_VELERO = "velero"
_SYSTEM_NAMESPACE = "kube-system"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartRequest:
    """A chart to add to a mirror, and the release for which it is rendered.

    `repository` is empty for a path and for an `oci://` reference. `images` are the images that the rendered
    objects do not name. `values` and `login` can contain secrets.
    """

    setting: str
    release: str
    namespace: str
    chart: str
    repository: str = ""
    version: str = ""
    ca_file: str = ""
    login: RegistryLogin | None = field(default=None, repr=False)
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    images: tuple[str, ...] = ()
    patches: tuple[Mapping[str, Any], ...] = ()
    updates_dependencies: bool = False


def chart_requests(
    settings: Settings, topology: Topology, files: Mapping[str, Mapping[str, Any]]
) -> Iterator[ChartRequest]:
    """Yield the charts of a stack. `files` has the values in the files of values, by their paths.

    The charts that clouds need are left out, because machines of a cloud reach its services.
    """
    for name, release in settings.helm_releases.items():
        yield _release_request(name, release, files)
    if cilium := topology.network.cilium:
        chart = Chart(chart=cilium.chart, repository=cilium.repository, version=cilium.chart_version)
        yield _add_on_request(
            "network.cilium", "cilium", _SYSTEM_NAMESPACE, chart, chart_values(topology, cilium)
        )
    storage = topology.storage
    if storage.nfs and storage.nfs.driver:
        nfs_values = nfs_driver_values(snapshots=storage.snapshots)
        chart = storage.nfs.driver.chart
        yield _add_on_request("storage.nfs.driver", "csi-driver-nfs", NFS_NAMESPACE, chart, nfs_values)
    if ceph := storage.ceph:
        for setting, driver in (("storage.ceph.rbd", ceph.block), ("storage.ceph.cephfs", ceph.files)):
            if driver is not None:
                release_name = driver.chart.chart.rpartition("/")[2]
                ceph_values = driver_values(topology, ceph)
                yield _add_on_request(setting, release_name, release_name, driver.chart, ceph_values)
    if topology.monitoring and (grafana := topology.monitoring.grafana):
        values = grafana_values(topology, topology.monitoring, grafana)
        setting, namespace = "addons.monitoring.grafana", monitoring.NAMESPACE
        yield _add_on_request(setting, monitoring.GRAFANA, namespace, grafana.chart, values)
    if headlamp := topology.dashboard:
        yield _add_on_request(
            "addons.dashboard",
            dashboard.NAMESPACE,
            dashboard.NAMESPACE,
            headlamp.chart,
            headlamp_values(headlamp),
        )
    if add_on := topology.velero:
        yield _add_on_request(
            "addons.velero", _VELERO, velero.NAMESPACE, add_on.chart, velero_values(add_on, topology, {})
        )


def _release_request(
    name: str, release: HelmReleaseSettings, files: Mapping[str, Mapping[str, Any]]
) -> ChartRequest:
    values: dict[str, Any] = {}
    for file in release.values_files:
        values = merge_values(values, files[file])
    repository = release.repository
    login = None
    if repository and repository.username and repository.password:
        login = RegistryLogin(repository.username, repository.password.get_secret_value())
    return ChartRequest(
        setting=f"helm_releases.{name}",
        release=name,
        namespace=release.namespace,
        chart=release.chart,
        repository=(repository and repository.url) or "",
        version=release.version or "",
        ca_file=(repository and repository.ca_file) or "",
        login=login,
        values=merge_values(values, dict(release.values)),
        images=release.images,
        patches=tuple(patch.to_json() for patch in release.patches),
        updates_dependencies=release.dependency_update,
    )


def _add_on_request(
    setting: str, release: str, namespace: str, chart: Chart, values: Mapping[str, Any]
) -> ChartRequest:
    return ChartRequest(
        setting=setting,
        release=release if not is_path(release) else namespace,
        namespace=namespace,
        chart=chart.chart,
        repository=chart.repository,
        version=chart.version,
        values=values,
    )
