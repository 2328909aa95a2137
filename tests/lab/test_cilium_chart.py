"""Tests of Cilium's chart with the values of the settings, and of the removal of Cilium from hosts [G1]."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from artifacts.catalogue import DEFAULTS, images_of
from components.cilium import chart_values
from nodeconfig import cilium
from nodeconfig.host_paths import IPROUTE
from testkit.bundles import cluster as topology_of
from testkit.cilium_chart import KubernetesSchemas, copy_chart, render
from testkit.cilium_cluster import OPTIONS
from topology.cilium import CGROUP_ROOT, VERSION

ROUTES = """
ip link add left type veth peer name right
ip address add 10.9.0.21/24 dev left
ip address add 10.244.9.1/24 dev left
ip link set left up
ip route add 10.244.1.0/24 via 10.9.0.22 protocol kernel    # the first two are as those of an agent
ip route add 10.244.2.0/24 via 10.9.0.23 protocol kernel
ip route add 10.244.3.0/24 via 10.9.0.24 protocol static
ip route add 10.245.1.0/24 via 10.9.0.24 protocol kernel
"""

pytestmark = pytest.mark.release


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cilium")


@pytest.fixture(scope="module")
def chart(directory: Path) -> Path:
    return copy_chart(directory)


@pytest.fixture(scope="module")
def schemas(directory: Path) -> KubernetesSchemas:
    return KubernetesSchemas(directory)


def rendered(chart: Path, options: Mapping[str, object]) -> list[dict[str, Any]]:
    """Return the objects of the chart for a cluster with these options."""
    topology = topology_of(cni="cilium", cilium=options)
    assert topology.network.cilium is not None
    return render(chart, chart_values(topology, topology.network.cilium), DEFAULTS.kubernetes)


def find(objects: list[dict[str, Any]], kind: str, name: str) -> Any:  # noqa: ANN401 - JSON
    (item,) = (item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name))
    return item


@pytest.mark.parametrize("name", OPTIONS)
def test_chart_accepts_the_values_and_kubernetes_its_objects(
    chart: Path, schemas: KubernetesSchemas, name: str
) -> None:
    objects = rendered(chart, OPTIONS[name])
    assert [problem for item in objects for problem in schemas.problems(item)] == []
    kinds = {(item["kind"], item["metadata"]["name"]) for item in objects}
    assert {("DaemonSet", "cilium"), ("Deployment", "cilium-operator")} <= kinds
    assert ("DaemonSet", "cilium-envoy") not in kinds


def test_removal_deletes_only_routes_of_the_agent() -> None:
    """The routes are those of a network namespace without other processes."""
    topology = topology_of(cni="cilium", cilium={"routing_mode": "native"})
    assert topology.network.cilium is not None
    removal = cilium._route_removal(topology, topology.network.cilium).replace(f"{IPROUTE}/ip", "ip")
    command = ["unshare", "--net", "sh", "-euc", ROUTES + removal + "ip -4 route show"]
    shown = subprocess.run(command, check=True, timeout=30, stdout=subprocess.PIPE, text=True).stdout
    remaining = {line.split()[0] for line in shown.splitlines()}
    assert remaining == {"10.9.0.0/24", "10.244.3.0/24", "10.244.9.0/24", "10.245.1.0/24"}


def test_schemas_find_mistakes(schemas: KubernetesSchemas) -> None:
    item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "date": {}, "data": {"a": 1}}
    problems = list(schemas.problems(item))
    assert any("date: unknown field" in problem for problem in problems)
    assert any("1 is not of type 'string'" in problem for problem in problems)
    assert list(schemas.problems(item | {"kind": "ConfigMaps"})) == ["ConfigMaps: unknown in v1"]


def test_agent_has_the_options_of_the_settings(chart: Path) -> None:
    def data(name: str) -> dict[str, str]:
        config: dict[str, str] = find(rendered(chart, OPTIONS[name]), "ConfigMap", "cilium-config")["data"]
        return config

    default, native = data("default"), data("native")
    assert (default["routing-mode"], default["tunnel-protocol"]) == ("tunnel", "vxlan")
    assert default["kube-proxy-replacement"] == "false"
    assert default["enable-host-legacy-routing"] == "true"
    assert default["enable-l7-proxy"] == "false"
    assert default["enable-hubble"] == "false"
    assert default["ipam"] == "kubernetes"
    assert default["cgroup-root"] == CGROUP_ROOT
    assert default["k8s-api-server-urls"] == "https://10.9.0.11:6443"
    assert native["routing-mode"] == "native"
    assert native["ipv4-native-routing-cidr"] == "10.244.0.0/16"
    assert native["auto-direct-node-routes"] == "true"
    replaced = data("without-kube-proxy")
    assert replaced["kube-proxy-replacement"] == "true"
    assert replaced["kube-proxy-replacement-healthz-bind-address"] == "0.0.0.0:10256"
    assert replaced["node-port-range"] == "30000,32767"
    assert native["enable-hubble"] == "true"


def test_chart_starts_no_containers_that_prepare_the_host(chart: Path) -> None:
    objects = rendered(chart, {})
    pod = find(objects, "DaemonSet", "cilium")["spec"]["template"]["spec"]
    names = [container["name"] for container in pod["initContainers"]]
    assert not {"mount-cgroup", "apply-sysctl-overwrites", "mount-bpf-fs"} & set(names)
    containers = [*pod["initContainers"], *pod["containers"]]
    assert not [item["name"] for item in containers if item.get("securityContext", {}).get("privileged")]
    operator = find(objects, "Deployment", "cilium-operator")["spec"]["template"]["spec"]
    used = {item["image"] for item in (*containers, *operator["containers"])}
    assert used == set(images_of("cilium", VERSION)), "without the digests of upstream's images"


def test_containers_have_the_capabilities_of_the_chart_but_one(chart: Path) -> None:
    wanted = yaml.safe_load((chart / "values.yaml").read_text())["securityContext"]["capabilities"]
    pod = find(rendered(chart, {}), "DaemonSet", "cilium")["spec"]["template"]["spec"]
    for container, key in (("cilium-agent", "ciliumAgent"), ("clean-cilium-state", "cleanCiliumState")):
        (context,) = (
            item["securityContext"]
            for item in (*pod["initContainers"], *pod["containers"])
            if item["name"] == container
        )
        assert {*context["capabilities"]["add"], "SYS_RESOURCE"} == set(wanted[key])
