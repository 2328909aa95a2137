"""Lab tests of network policies [G1, G3]: what they refuse and allow, and that restarts keep them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import pytest

from testkit.cluster import Cluster
from testkit.policy_field import CASES, DENY_INGRESS, ENFORCED_SECONDS, Field, policy_field
from testkit.wait import eventually

DENY_ALL = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
RESTARTED_UNITS = ("kube-router", "kubelet", "flanneld", "kube-proxy", "containerd")


@pytest.fixture(scope="module")
def field(cluster: Cluster) -> Iterator[Field]:
    with policy_field(cluster, *cluster.workers) as field:
        yield field


@pytest.fixture(autouse=True)
def no_policies(field: Field) -> Iterator[None]:
    yield
    field.remove_policies()


def test_default_deny_refuses_the_next_connection_and_its_removal_opens_again(field: Field) -> None:
    field.expect({"near": True, "far": True})
    field.policy("deny", DENY_INGRESS)
    applied = time.monotonic()
    while field.connects("far", wait=1) or field.connects("near", wait=1):
        assert time.monotonic() - applied < ENFORCED_SECONDS, "the policy is not enforced"
    field.remove("deny")
    field.expect({"near": True, "far": True})


@pytest.mark.parametrize("case", CASES)
def test_policy_allows_what_it_says(field: Field, case: str) -> None:
    CASES[case](field)


@pytest.mark.parametrize("unit", RESTARTED_UNITS)
def test_policy_survives_a_restart(field: Field, unit: str) -> None:
    """No connection succeeds during the restart, and the same policies apply after it."""
    field.policy("deny", DENY_ALL)
    field.expect({"near": False, "far": False})
    worker = field.cluster.workers[0]
    field.cluster.ssh(worker, f"systemctl restart --no-block {unit}.service")
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        assert not field.connects("far", wait=1), f"open during the restart of {unit}"
    eventually(
        f"{unit} runs",
        lambda: field.cluster.ssh(worker, f"systemctl is-active {unit}", check=False).code == 0,
        timeout=60,
    )


def test_policy_stays_enforced_while_the_controller_is_stopped(field: Field) -> None:
    field.policy("deny", DENY_INGRESS)
    field.expect({"near": False, "far": False})
    worker = field.cluster.workers[0]
    field.cluster.ssh(worker, "systemctl stop kube-router.service")
    try:
        time.sleep(5)
        assert not field.connects("near")
        assert not field.connects("far")
    finally:
        field.cluster.ssh(worker, "systemctl start kube-router.service")


def test_services_work_beside_the_policies_of_other_pods(field: Field, cluster: Cluster) -> None:
    """A pod that no policy selects is not restricted by a deny-all policy of another pod."""
    only_server = {"podSelector": {"matchLabels": {"app": "server"}}, "policyTypes": ["Ingress"]}
    field.policy("server", only_server)
    field.expect({"near": False, "far": False})
    answer = cluster.run_in_pod(field.namespace, "far", "nslookup kubernetes.default.svc.cluster.local.")
    assert "Address" in answer.stdout


def test_controller_listens_only_on_loopback(cluster: Cluster) -> None:
    for host in cluster.nodes:
        kubectl = "/usr/local/lib/kubewright/bin/kubectl --kubeconfig=/dev/null"
        metrics = cluster.ssh(host, f"{kubectl} --server=http://127.0.0.1:20244 get --raw /metrics").stdout
        assert "kube_router_controller_policy_chains" in metrics
        url = f"http://{cluster.address(host)}:20244"
        assert cluster.ssh(host, f"{kubectl} --server={url} get --raw /metrics", check=False).code != 0


def other_services(cluster: Cluster, host: str) -> dict[str, str]:
    return {unit: start for unit, start in cluster.services(host).items() if unit != "kube-router.service"}


@pytest.mark.release
def test_none_removes_the_rules_and_warns_authors(field: Field, cluster: Cluster) -> None:
    """No other service restarts, in either direction, and a policy takes effect when `none` is removed."""
    tools = "PATH=$PATH:/usr/local/lib/kubewright/netfilter"
    before = {host: other_services(cluster, host) for host in cluster.nodes}
    with cluster.temporary_settings({"network": {"policies": "none"}}):
        assert "NetworkPolicy objects have no effect" in cluster.preview().text
        cluster.up()
        for host in cluster.nodes:
            rules = cluster.ssh(host, f"{tools} iptables-save").stdout
            assert not [line for line in rules.splitlines() if "KUBE-ROUTER" in line or "KUBE-POD-FW" in line]
        manifest = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "spec": DENY_INGRESS}
        manifest |= {"metadata": {"name": "deny", "namespace": field.namespace}}
        created = cluster.kubectl("create", "-f", "-", stdin=json.dumps(manifest))
        assert "does not enforce network policies" in created.text
        field.expect({"near": True, "far": True})
    field.expect({"near": False, "far": False})
    assert {host: other_services(cluster, host) for host in cluster.nodes} == before
