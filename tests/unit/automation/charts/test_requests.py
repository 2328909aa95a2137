"""Tests of the charts that a stack installs."""

from __future__ import annotations

from typing import Any

from assembly import build_topology
from automation.charts.requests import ChartRequest, chart_requests
from settings import load
from settings.charts import charts_of
from settings.registry_logins import RegistryLogin
from tests.unit.settings.support import TWO_WORKERS, with_edits
from tests.unit.settings.wrong_dashboard import CORP
from tests.unit.settings.wrong_dashboard import settings as dashboard_settings
from tests.unit.settings.wrong_grafana import monitored
from tests.unit.settings.wrong_grafana import settings as grafana_settings

LOGIN = {"username": "me", "password": "hunter22"}
ADD_ONS = {
    "api.oidc.corp": CORP,
    "addons": {"dashboard": dashboard_settings(), "monitoring": monitored(grafana_settings())},
}
NFS = {"server": "10.0.0.9", "path": "/exports"}


def requests_of(edits: dict[str, Any], files: dict[str, Any] | None = None) -> dict[str, ChartRequest]:
    settings = load(with_edits(TWO_WORKERS, edits))
    found = chart_requests(settings, build_topology(settings), files or {})
    return {request.setting: request for request in found}


def test_release_has_its_merged_values_and_its_login() -> None:
    release = {
        "chart": "web",
        "version": "1.0.0",
        "namespace": "shop",
        "create_namespace": True,
        "repository": {"url": "https://charts.example", "ca_file": "ca.crt", **LOGIN},
        "values_files": ["a.yaml", "b.yaml"],
        "values": {"image": {"tag": "3"}},
        "images": ["quay.io/team/tool:1"],
    }
    files = {"a.yaml": {"image": {"name": "web", "tag": "1"}}, "b.yaml": {"image": {"tag": "2"}}}
    request = requests_of({"helm_releases": {"web": release}}, files)["helm_releases.web"]
    assert request == ChartRequest(
        setting="helm_releases.web",
        release="web",
        namespace="shop",
        chart="web",
        repository="https://charts.example",
        version="1.0.0",
        ca_file="ca.crt",
        login=RegistryLogin("me", "hunter22"),
        values={"image": {"name": "web", "tag": "3"}},
        images=("quay.io/team/tool:1",),
    )
    assert "hunter22" not in repr(request)


def test_drivers_have_charts_too() -> None:
    requests = requests_of({"helm_releases": {}, "storage.nfs": {"driver": NFS}})
    request = requests["storage.nfs.driver"]
    assert request.release == "csi-driver-nfs"
    assert request.repository.startswith("https://")
    assert request.version
    assert request.values


def test_cilium_has_a_chart() -> None:
    requests = requests_of({"network.cni": "cilium", "helm_releases": {}})
    assert list(requests) == ["network.cilium"]
    assert requests["network.cilium"].namespace == "kube-system"


def test_charts_of_add_ons_have_the_values_of_their_settings() -> None:
    requests = requests_of({**ADD_ONS, "helm_releases": {}})
    dashboard, grafana = requests["addons.dashboard"], requests["addons.monitoring.grafana"]
    assert (dashboard.release, dashboard.namespace) == ("headlamp", "headlamp")
    assert (grafana.release, grafana.namespace) == ("grafana", "monitoring")
    for request in (dashboard, grafana):
        assert request.repository.startswith("https://")
        assert request.version
    assert dashboard.values["clusterRoleBinding"] == {"create": False}
    assert grafana.values["testFramework"] == {"enabled": False}, "its image would be in the mirror"
    assert "not-a-real" not in str(dashboard.values) + str(grafana.values)


def test_every_chart_of_the_settings_is_requested() -> None:
    releases = {"web": {"chart": "./web"}}
    edits = {"network.cni": "cilium", "storage.nfs": {"driver": NFS}, "helm_releases": releases, **ADD_ONS}
    settings = load(with_edits(TWO_WORKERS, edits))
    found = {path.removesuffix(".chart") for path, _ in charts_of(settings)}
    assert set(requests_of(edits)) == found
