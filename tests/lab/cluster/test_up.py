"""Lab tests of `up`: the created cluster works, and a second `up` changes nothing."""

from __future__ import annotations

import json
import re
from urllib.request import urlopen

from testkit.cluster import Cluster, tool
from testkit.process import run
from tests.lab.cluster.conftest import HELLO_PORT


def test_every_node_of_the_stack_file_is_ready(cluster: Cluster) -> None:
    assert cluster.ready_nodes() == sorted(cluster.nodes)


def test_nodes_have_their_addresses_and_run_upstreams_binaries(cluster: Cluster) -> None:
    for node in cluster.items("nodes"):
        name = node["metadata"]["name"]
        addresses = {entry["type"]: entry["address"] for entry in node["status"]["addresses"]}
        assert addresses["InternalIP"] == cluster.address(name), name
        info = node["status"]["nodeInfo"]
        assert re.fullmatch(r"v1\.\d+\.\d+", info["kubeletVersion"]), f"{name}: {info['kubeletVersion']}"
        assert info["containerRuntimeVersion"].startswith("containerd://2."), name


def test_dns_and_metrics_are_available(cluster: Cluster) -> None:
    for name in ("coredns", "metrics-server"):
        status = cluster.get("deployment", "-n", "kube-system", name)["status"]
        conditions = {item["type"]: item["status"] for item in status["conditions"]}
        assert conditions["Available"] == "True", f"{name}: {conditions}"
    service = cluster.get("apiservice", "v1beta1.metrics.k8s.io")
    conditions = {item["type"]: item["status"] for item in service["status"]["conditions"]}
    assert conditions["Available"] == "True", f"metrics API: {conditions}"


def test_helm_release_is_deployed(cluster: Cluster) -> None:
    argv = [tool("helm"), "list", "--all-namespaces", "--output", "json"]
    listed = json.loads(run(argv, timeout=30, env={"KUBECONFIG": str(cluster.kubeconfig)}).stdout)
    releases = {item["name"]: item["status"] for item in listed}
    assert "deployed" in releases.values(), f"releases: {releases}"
    assert any(name.startswith("hello") for name in releases), f"releases: {releases}"


def test_page_of_the_release_is_served_on_every_node(cluster: Cluster) -> None:
    for host in cluster.nodes:
        with urlopen(f"http://{cluster.address(host)}:{HELLO_PORT}/", timeout=10) as answer:
            page = answer.read().decode()
        assert answer.status == 200
        assert "kubewright" in page.lower(), f"{host}: {page[:200]}"


def test_preview_after_up_is_empty(cluster: Cluster) -> None:
    assert cluster.previewed_operations() == {}


def test_second_up_changes_nothing_on_the_hosts(cluster: Cluster) -> None:
    before = {host: cluster.services(host) for host in cluster.nodes}
    cluster.up()
    assert {host: cluster.services(host) for host in cluster.nodes} == before


def test_outputs_have_endpoint_and_members_and_mask_the_kubeconfig(cluster: Cluster) -> None:
    outputs = json.loads(cluster.pulumi("stack", "output", "--json"))
    assert outputs["endpoint"] == f"https://{cluster.address('cp-1')}:6443"
    assert "cp-1" in json.dumps(outputs["members"])
    assert outputs["kubeconfig"] == "[secret]"
    assert cluster.kubeconfig.stat().st_mode & 0o077 == 0, "the kubeconfig is readable by others"
