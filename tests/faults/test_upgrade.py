"""Upgrades of the whole cluster while it serves, and an upgrade that is interrupted repeatedly."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit import pods, stackfile
from testkit.cluster import CHECKOUT
from testkit.interrupt import kill_when
from testkit.process import CommandFailed
from testkit.watcher import Watcher
from tests.faults.conftest import Note, stack
from tests.faults.ha import Ha
from tests.faults.load import held, load

NETWORK = "10.100.0.0/24"
OLD = {"version": "1.35.6", "etcd": "3.6.16", "containerd": "2.3.7", "coredns": "1.14.7"}
NEW = "1.36.1"
PATCH = {"version": "1.36.3", "etcd": "3.7.3", "containerd": "2.4.2", "coredns": "1.15.0"}
RUNTIMES = ({"containerd": "2.4.2", "coredns": "1.15.0"}, {"containerd": "2.3.7", "coredns": "1.14.7"})
"""Versions back and forth: every step drains all nodes, and the last version is the newest."""
SECONDS = 900
"""Seconds for an upgrade of every host, one after another, drains included."""
INTERRUPTIONS = 5
WHEN = (6.0, 32.0)
"""Seconds after the start of an `up` that takes longer than that."""
SEED = "KUBEWRIGHT_FAULT_SEED"


@pytest.fixture(scope="module")
def old(state: Path) -> Iterator[Ha]:
    """Return the stack `ha` with the previous minor version."""
    config = stackfile.from_checkout(CHECKOUT / "Pulumi.ha.yaml", "kwupgrade", NETWORK)
    cluster = Ha(name="kwupgrade", state=state, config=config)
    cluster.change({"kubernetes": OLD})
    with stack(cluster) as cluster:
        yield cluster


def test_a_minor_upgrade_of_the_whole_cluster(old: Ha, note: Note) -> None:
    """No gap is longer than 5 s, and of two pods with a disruption budget one is always available."""
    old.whole()
    assert versions(old) == {f"v{OLD['version']}"}
    twins(old)
    with load(old) as client, Watcher(lambda: ready(old), interval=0.5) as watcher:
        old.change({"kubernetes": {"version": NEW}})
        began = time.monotonic()
        old.command("up", timeout=SECONDS)
        note(up=round(time.monotonic() - began, 1))
        old.whole()
        held(client, old, 5, note)
    note(samples=len(watcher.seen), fewest_twins=min(watcher.seen))
    assert len(watcher.seen) > 20
    assert min(watcher.seen) >= 1, "both pods of the Deployment were away at the same time"
    assert versions(old) == {f"v{NEW}"}
    assert old.steps() == {}


@pytest.mark.parametrize("turn", range(INTERRUPTIONS))
def test_an_upgrade_that_is_interrupted_is_completed_by_another_up(old: Ha, note: Note, turn: int) -> None:
    """The engine or a host is killed at random points; the first upgrade covers all components."""
    seed = int(os.environ.get(SEED) or random.SystemRandom().randrange(10**6))
    chance = random.Random(seed)
    after, host = chance.uniform(*WHEN), chance.choice(old.hosts) if turn % 2 else ""
    note(seed=seed, after=round(after, 1), killed=host or "engine")
    old.whole()
    versions_at = PATCH if turn == 0 else RUNTIMES[turn % 2]
    old.change({"kubernetes": versions_at})
    if host:
        with_a_host_killed(old, host, after)
    else:
        deadline = time.monotonic() + after
        kill_when(old, "up", lambda: time.monotonic() > deadline, timeout=after + 5)
    began = time.monotonic()
    old.command("up", timeout=SECONDS)
    note(second_up=round(time.monotonic() - began, 1))
    old.whole()
    assert old.steps() == {}
    running(old, {**PATCH, **versions_at})


def running(cluster: Ha, wanted: dict[str, str]) -> None:
    """Assert that every component has the expected version."""
    assert versions(cluster) == {f"v{wanted['version']}"}
    runtimes = {item["status"]["nodeInfo"]["containerRuntimeVersion"] for item in cluster.items("nodes")}
    assert runtimes == {f"containerd://{wanted['containerd']}"}
    for host in cluster.members:
        said = cluster.ssh(host, "/usr/local/lib/kubewright/bin/etcd --version").stdout
        assert f"etcd Version: {wanted['etcd']}" in said
    image = cluster.items("deployments", "-n", "kube-system", "-l", "k8s-app=kube-dns")[0]
    assert image["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":v{wanted['coredns']}")


def with_a_host_killed(cluster: Ha, host: str, after: float) -> None:
    """Run an `up` during which a host loses its power; the host returns when that `up` has ended."""
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


def twins(cluster: Ha) -> None:
    """Create two pods on two nodes, of which one may be unavailable."""
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


def ready(cluster: Ha) -> int:
    """Return how many of the two pods are Ready."""
    return sum(
        condition["type"] == "Ready" and condition["status"] == "True"
        for pod in cluster.items("pods", "-n", "twins")
        for condition in pod["status"].get("conditions", [])
    )


def versions(cluster: Ha) -> set[str]:
    """Return the versions of the kubelets and of the API."""
    found = {str(node["status"]["nodeInfo"]["kubeletVersion"]) for node in cluster.items("nodes")}
    return found | {server_version(cluster)}


def server_version(cluster: Ha) -> str:
    """Return the version of the API server that answers."""
    found: dict[str, str] = json.loads(cluster.kubectl("get", "--raw", "/version").stdout)
    return found["gitVersion"]
