"""Fault tests: the whole cluster is upgraded while it serves requests, and an upgrade is interrupted
repeatedly.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import lab_slots, pods, stackfile
from testkit.cluster import CHECKOUT
from testkit.figures import RecordFigures
from testkit.interrupt import kill_when
from testkit.process import CommandFailed
from testkit.watcher import Watcher
from tests.faults.conftest import running_stack
from tests.faults.ha import HaCluster
from tests.faults.load import assert_limits, running_client

OLD_VERSIONS = {"version": "1.35.6", "etcd": "3.6.16", "containerd": "2.3.7", "coredns": "1.14.7"}
NEW_VERSION = "1.36.1"
PATCH_VERSIONS = {"version": "1.36.3", "etcd": "3.7.3", "containerd": "2.4.2", "coredns": "1.15.0"}
RUNTIME_VERSIONS = (
    {"containerd": "2.4.2", "coredns": "1.15.0"},
    {"containerd": "2.3.7", "coredns": "1.14.7"},
)
"""Versions that the interrupted upgrades alternate between. Every such change drains all nodes."""
SECONDS = 900
"""Time limit in seconds for an upgrade of all hosts one after another, including drains."""
INTERRUPTIONS = 5
KILL_AFTER = (6.0, 32.0)
"""Seconds after the start of an `up` for an interruption; every such `up` takes longer."""
SEED_VARIABLE = "KUBEWRIGHT_FAULT_SEED"


@pytest.fixture(scope="module")
def old_stack(state: Path) -> Iterator[HaCluster]:
    """Yield a running cluster of the stack `ha` with the previous minor version of Kubernetes."""
    slot = lab_slots.reserve("kwupgrade", state)
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", *slot)
    cluster = HaCluster(name=slot.name, state=state, config=config)
    cluster.merge_settings({"kubernetes": OLD_VERSIONS})
    with running_stack(cluster) as cluster:
        yield cluster


def test_minor_upgrade_of_the_whole_cluster(old_stack: HaCluster, record_figures: RecordFigures) -> None:
    """Writes pause for at most 5 s, and one of two pods with a disruption budget is always available."""
    old_stack.wait_healthy()
    assert versions(old_stack) == {f"v{OLD_VERSIONS['version']}"}
    create_pod_pair(old_stack)
    with (
        running_client(old_stack) as client,
        Watcher(lambda: count_ready_pods(old_stack), interval=0.5) as watcher,
    ):
        old_stack.merge_settings({"kubernetes": {"version": NEW_VERSION}})
        began = time.monotonic()
        old_stack.command("up", timeout=SECONDS)
        record_figures(up=round(time.monotonic() - began, 1))
        old_stack.wait_healthy()
        assert_limits(client, old_stack, 5, record_figures)
    record_figures(samples=len(watcher.values), min_ready_pods=min(watcher.values))
    assert len(watcher.values) > 20
    assert min(watcher.values) >= 1, "both pods of the Deployment were unavailable at the same time"
    assert versions(old_stack) == {f"v{NEW_VERSION}"}
    assert old_stack.previewed_operations() == {}


@pytest.mark.parametrize("interruption", range(INTERRUPTIONS))
def test_another_up_completes_an_interrupted_upgrade(
    old_stack: HaCluster, record_figures: RecordFigures, interruption: int
) -> None:
    """The test kills the engine or a host at a random time during `up`, and runs `up` again.

    The first interrupted upgrade changes the versions of all components, each later one only containerd and
    CoreDNS.
    """
    seed = int(os.environ.get(SEED_VARIABLE) or random.SystemRandom().randrange(10**6))
    generator = random.Random(seed)
    after, host = (
        generator.uniform(*KILL_AFTER),
        generator.choice(old_stack.hosts) if interruption % 2 else "",
    )
    record_figures(seed=seed, after=round(after, 1), killed=host or "engine")
    old_stack.wait_healthy()
    target_versions = PATCH_VERSIONS if interruption == 0 else RUNTIME_VERSIONS[interruption % 2]
    old_stack.merge_settings({"kubernetes": target_versions})
    if host:
        up_with_killed_host(old_stack, host, after)
    else:
        deadline = time.monotonic() + after
        kill_when(old_stack, "up", lambda: time.monotonic() > deadline, timeout=after + 5)
    began = time.monotonic()
    old_stack.command("up", timeout=SECONDS)
    record_figures(second_up=round(time.monotonic() - began, 1))
    old_stack.wait_healthy()
    assert old_stack.previewed_operations() == {}
    assert_versions(old_stack, {**PATCH_VERSIONS, **target_versions})


def assert_versions(cluster: HaCluster, expected: dict[str, str]) -> None:
    """Assert that every component has the expected version."""
    assert versions(cluster) == {f"v{expected['version']}"}
    runtimes = {item["status"]["nodeInfo"]["containerRuntimeVersion"] for item in cluster.items("nodes")}
    assert runtimes == {f"containerd://{expected['containerd']}"}
    for host in cluster.members:
        output = cluster.ssh(host, "/usr/local/lib/kubewright/bin/etcd --version").stdout
        assert f"etcd Version: {expected['etcd']}" in output
    image = cluster.items("deployments", "-n", "kube-system", "-l", "k8s-app=kube-dns")[0]
    assert image["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":v{expected['coredns']}")


def up_with_killed_host(cluster: HaCluster, host: str, after: float) -> None:
    """Run `up`, kill a host `after` seconds after its start, and boot the host at the end of the `up`."""
    process = subprocess.Popen(
        cluster.argv("up"),
        cwd=cluster.state,
        env={**os.environ, **cluster.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        time.sleep(after)
        assert process.poll() is None, "`up` ended before the host was killed"
        cluster.stop_host(host)
        process.wait(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        raise CommandFailed(("up",), f"did not end {SECONDS} s after {host} was gone", "") from None
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        cluster.start_host(host)


def create_pod_pair(cluster: HaCluster) -> None:
    """Create two pods on two nodes, with a disruption budget that allows one unavailable pod."""
    spec = pods.spec(pods.serving_container())
    apart = {"labelSelector": {"matchLabels": {"app": "twins"}}, "topologyKey": "kubernetes.io/hostname"}
    spec["affinity"] = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [apart]}}
    budget = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"namespace": "twins", "name": "twins"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "twins"}}},
    }
    cluster.apply(pods.namespace("twins"))
    cluster.apply(pods.deployment("twins", "twins", 2, spec), budget)
    cluster.wait_rollout("twins", "deployment/twins")


def count_ready_pods(cluster: HaCluster) -> int:
    """Return the number of Ready pods among those of `create_pod_pair`."""
    return sum(
        condition["type"] == "Ready" and condition["status"] == "True"
        for pod in cluster.items("pods", "-n", "twins")
        for condition in pod["status"].get("conditions", [])
    )


def versions(cluster: HaCluster) -> set[str]:
    """Return the versions of the kubelets and of the API server."""
    kubelets = {str(node["status"]["nodeInfo"]["kubeletVersion"]) for node in cluster.items("nodes")}
    return kubelets | {server_version(cluster)}


def server_version(cluster: HaCluster) -> str:
    """Return the version of the API server that answers at the endpoint."""
    version: dict[str, str] = json.loads(cluster.kubectl("get", "--raw", "/version").stdout)
    return version["gitVersion"]
