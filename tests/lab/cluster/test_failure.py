"""Lab tests of hosts that lose power, and of an unreachable host."""

from __future__ import annotations

import time

import pytest

from testkit import pods
from testkit.cluster import UP_SECONDS, Cluster
from testkit.interrupt import act_at_output
from testkit.wait import eventually

MAX_PODS = 96


@pytest.mark.parametrize("host", ["w-1", "cp-1"])
def test_host_returns_with_its_pods_after_power_loss(cluster: Cluster, namespace: str, host: str) -> None:
    cluster.apply(pods.pod(namespace, "stays", pods.spec(pods.serving_container(), **pods.on_node(host))))
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod/stays", "--timeout=60s")
    uid = cluster.get("pod", "-n", namespace, "stays")["metadata"]["uid"]
    booted = cluster.get("node", host)["status"]["nodeInfo"]["bootID"]
    running = set(cluster.services(host))
    cluster.stop_host(host)
    time.sleep(2)
    cluster.start_host(host)
    eventually(f"services of {host} run", lambda: running <= set(cluster.services(host)), timeout=60)

    def is_running_again() -> bool:
        pod = cluster.get("pod", "-n", namespace, "stays")
        state = pod["status"]["containerStatuses"][0]
        assert pod["metadata"]["uid"] == uid, "the pod was replaced"
        return bool(state["ready"]) and state["restartCount"] >= 1

    eventually(f"the pod on {host} (boot {booted}) runs again", is_running_again, timeout=120)
    cluster.wait_all_ready()
    eventually(
        "DNS and metrics are available",
        lambda: all(
            cluster.get("deployment", "-n", "kube-system", name)["status"].get("unavailableReplicas", 0) == 0
            for name in ("coredns", "metrics-server")
        ),
        timeout=120,
    )


def test_unreachable_host_does_not_stop_other_hosts(cluster: Cluster) -> None:
    """`up` completes the other hosts and names the host in the error. The next `up` completes the host."""
    change = {"pools": {"workers": {"kubelet": {"max_pods": MAX_PODS}, "max_unavailable": 1}}}
    with cluster.temporary_settings(change):
        # Stop the host after the engine has started: before that, `up` boots stopped hosts of the lab.
        failed = act_at_output(
            cluster, "up", r"^Updating", lambda: cluster.stop_host("w-1"), timeout=UP_SECONDS
        )
        assert failed.code != 0, "an `up` with an unreachable host succeeded"
        errors = [line for line in failed.stdout.splitlines() if "error" in line.lower()]
        assert any("w-1" in line or cluster.address("w-1") in line for line in errors), failed.text
        assert "Traceback" not in failed.text, failed.text
        assert _pod_capacity(cluster, "w-2") == str(MAX_PODS), "the reachable host was not changed"
        assert _pod_capacity(cluster, "w-1") != str(MAX_PODS)
        cluster.up()
        assert _pod_capacity(cluster, "w-1") == str(MAX_PODS)
        assert cluster.previewed_operations() == {}
    cluster.wait_all_ready()


def _pod_capacity(cluster: Cluster, node: str) -> str:
    """Return the maximum number of pods of a node."""
    return str(cluster.get("node", node)["status"]["capacity"]["pods"])
