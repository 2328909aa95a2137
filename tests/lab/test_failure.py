"""Lab tests of failed hosts, an unreachable host, and a killed `up`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import UP_SECONDS, Cluster
from testkit.interrupt import act_at_output, kill_at_output, kill_when
from testkit.leftovers import leftovers
from testkit.wait import eventually
from tests.lab.conftest import removed_at_end

MAX_PODS = 96
KILL_POINTS = ("LocallySignedCert", "cp-1-etcd", "cp-1-control-plane", "cp-1-node", "coredns")
"""The points at which `up` is killed: types or names of resources, in order of creation."""


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


@pytest.fixture
def killed_cluster(state: Path) -> Iterator[Cluster]:
    """Yield a cluster that is not created yet, for a test that kills `up` and `down`."""
    slot = lab_slots.reserve("kwkill", state)
    config = stackfile.document(*slot, control_planes=["cp-1"], workers=[])
    with removed_at_end(Cluster(name=slot.name, state=state, config=config)) as cluster:
        yield cluster


def test_next_command_completes_a_killed_command(killed_cluster: Cluster) -> None:
    """The steps are one test, because each step continues with the result of the previous step."""
    _up_completes_a_repeatedly_killed_up(killed_cluster)
    _up_creates_the_cluster_again_after_a_killed_down(killed_cluster)
    _down_completes_a_killed_down(killed_cluster)


def _up_completes_a_repeatedly_killed_up(killed_cluster: Cluster) -> None:
    for point in KILL_POINTS:
        kill_at_output(killed_cluster, "up", rf"{point}.*(creat|updat)", timeout=UP_SECONDS)
    last = killed_cluster.up()
    killed_cluster.wait_all_ready()
    assert "Traceback" not in last.text
    assert killed_cluster.previewed_operations() == {}


def _up_creates_the_cluster_again_after_a_killed_down(killed_cluster: Cluster) -> None:
    _kill_down(killed_cluster)
    killed_cluster.up()
    killed_cluster.wait_all_ready()
    assert killed_cluster.previewed_operations() == {}


def _down_completes_a_killed_down(killed_cluster: Cluster) -> None:
    _kill_down(killed_cluster)
    killed_cluster.down()
    assert leftovers(killed_cluster) == []
    assert not killed_cluster.lab.exists(), "the state of the lab still exists"


def _kill_down(cluster: Cluster) -> None:
    """Kill `down` after it has removed a part of the cluster."""
    resources = len(leftovers(cluster))
    assert resources, "the search for leftovers finds nothing while the cluster runs"
    kill_when(cluster, "down", lambda: len(leftovers(cluster)) < resources, timeout=60)
    assert leftovers(cluster), "`down` ended before it was killed"
