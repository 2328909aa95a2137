"""Upgrades of the whole cluster while it serves, and one that is interrupted again and again."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from testkit.cluster import CHECKOUT
from testkit.interrupt import killed_when
from testkit.process import CommandFailed
from testkit.watcher import Watcher

from testkit import pods, stackfile
from tests.faults.conftest import Note, stack
from tests.faults.ha import Ha
from tests.faults.load import held, load

NETWORK = "10.100.0.0/24"
OLD = {"version": "1.35.6", "etcd": "3.6.16", "containerd": "2.3.7", "coredns": "1.14.7"}
NEW = "1.36.1"
PATCH = {"version": "1.36.3", "etcd": "3.7.3", "containerd": "2.4.2", "coredns": "1.15.0"}
RUNTIMES = ({"containerd": "2.4.2", "coredns": "1.15.0"}, {"containerd": "2.3.7", "coredns": "1.14.7"})
"""To and fro: every step drains all nodes, and leads to the newest in the end."""
SECONDS = 900
"""For an upgrade of every host, one after another, drains included."""
INTERRUPTIONS = 5
WHEN = (6.0, 32.0)
"""Seconds after the beginning of an `up` that takes longer than that."""
SEED = "KUBEWRIGHT_FAULT_SEED"


@pytest.fixture(scope="module")
def old(state: Path) -> Iterator[Ha]:
    """The stack `ha` as it was a minor version ago."""
    config = stackfile.of(CHECKOUT / "Pulumi.ha.yaml", "kwupgrade", NETWORK)
    cluster = Ha(name="kwupgrade", state=state, config=config)
    cluster.change({"kubernetes": OLD})
    with stack(cluster) as cluster:
        yield cluster


def test_a_minor_upgrade_of_the_whole_cluster(old: Ha, note: Note) -> None:
    """No gap above 5 s, and of two pods with a budget one is always there."""
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
    """The engine killed, a host killed, at random points; the first upgrade is of all there is."""
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
        killed_when(old, "up", lambda: time.monotonic() > deadline, timeout=after + 5)
    began = time.monotonic()
    old.command("up", timeout=SECONDS)
    note(second_up=round(time.monotonic() - began, 1))
    old.whole()
    assert old.steps() == {}
    running(old, {**PATCH, **versions_at})


def running(cluster: Ha, wanted: dict[str, str]) -> None:
    """Every component is of the version that is wanted."""
    assert versions(cluster) == {f"v{wanted['version']}"}
    runtimes = {item["status"]["nodeInfo"]["containerRuntimeVersion"] for item in cluster.items("nodes")}
    assert runtimes == {f"containerd://{wanted['containerd']}"}
    for host in cluster.members:
        said = cluster.ssh(host, "/usr/local/lib/kubewright/bin/etcd --version").stdout
        assert f"etcd Version: {wanted['etcd']}" in said
    image = cluster.items("deployments", "-n", "kube-system", "-l", "k8s-app=kube-dns")[0]
    assert image["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f":v{wanted['coredns']}")


def with_a_host_killed(cluster: Ha, host: str, after: float) -> None:
    """An `up` in the midst of which a host loses its power; it comes back when that `up` has ended."""
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
    """Two pods on two nodes, of which one may be away."""
    spec = pods.spec(pods.serving())
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
    cluster.rolled_out("twins", "deployment/twins")


def ready(cluster: Ha) -> int:
    """How many of the two are Ready."""
    return sum(
        condition["type"] == "Ready" and condition["status"] == "True"
        for pod in cluster.items("pods", "-n", "twins")
        for condition in pod["status"].get("conditions", [])
    )


def versions(cluster: Ha) -> set[str]:
    """The kubelets' versions and that of the API."""
    found = {str(node["status"]["nodeInfo"]["kubeletVersion"]) for node in cluster.items("nodes")}
    return found | {server_version(cluster)}


def server_version(cluster: Ha) -> str:
    """The version of the API server that answers."""
    found: dict[str, str] = json.loads(cluster.kubectl("get", "--raw", "/version").stdout)
    return found["gitVersion"]
