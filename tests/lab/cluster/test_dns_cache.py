"""Lab test of the DNS cache of nodes: pods do not notice that one of its processes is killed or restarted,
and the cache is removed in two steps.
"""

from __future__ import annotations

import os
import re
import time
import zlib
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest

from testkit import pods
from testkit.cluster import UP_SECONDS, Cluster
from testkit.dns_client import Client, client
from testkit.figures import RecordFigures
from testkit.messages import assert_readable
from topology.ports import DNS_CACHE_METRICS_PORTS

pytestmark = pytest.mark.release

NAME = "kubernetes.default.svc.cluster.local."
CACHE = "169.254.20.10"
RATE, SECONDS = 200, 12
"""Lookups per second on each node, and the duration in seconds."""
LOST_SHARE = {"default": 0.01, "one-second": 0.0}
"""Largest share of slow lookups by the name of the pods. A process that ends loses the queries that it has
not answered, on a busy machine some for each end. The resolver of the C library repeats them after 5 s, or
after 1 s in pods with the option `timeout:1`. Without another process all lookups of a second would be slow.
"""
ONE_SECOND = {"dnsConfig": {"options": [{"name": "timeout", "value": "1"}]}}
OPTIONS: dict[str, dict[str, Any]] = {"default": {}, "one-second": ONE_SECOND}
"""Fields of the pods by their name."""


def marker(pod: str) -> str:
    """Return an argument of `sleep` in a pod, by which the client finds its network."""
    return str(1_000_000_000 + zlib.crc32(f"{os.getpid()} {pod}".encode()) % 1_000_000_000)


def test_pods_do_not_notice_that_the_cache_of_their_node_fails(
    cluster: Cluster, namespace: str, record_figures: RecordFigures
) -> None:
    service = str(cluster.get("service", "-n", "kube-system", "kube-dns")["spec"]["clusterIP"])
    with cluster.temporary_settings({"dns": {"node_cache": "idle"}}):
        with cluster.temporary_settings({"dns": {"node_cache": "used"}}):
            assert f"bind {CACHE}" in cluster.preview().text, "the preview does not show the Corefile"
            cluster.up()
            start_pods(cluster, namespace)
            for pod in pods_of(cluster):
                text = cluster.run_in_pod(namespace, pod, "grep ^nameserver /etc/resolv.conf").stdout
                assert text.split() == ["nameserver", CACHE, "nameserver", service]
            with ExitStack() as stack:
                clients = start_clients(cluster, stack, SECONDS)
                time.sleep(1)
                kill_the_cache(cluster)
                expect_answers(clients, record_figures, step="kills")
            with ExitStack() as stack:
                clients = start_clients(cluster, stack, UP_SECONDS)
                change_the_cache(cluster)
                for _, item in clients:
                    item.stop()
                expect_answers(clients, record_figures, step="change")
            before = {node: cache_hits(cluster, node) for node in cluster.workers}
            with ExitStack() as stack:
                expect_answers(start_clients(cluster, stack, 2), record_figures, step="unchanged")
            for node, hits in before.items():
                assert cache_hits(cluster, node) - hits > RATE, "pods do not use the cache"
            assert cluster.previewed_operations() == {}
            with cluster.edited_stack_file({"dns": {"node_cache": "none"}}):
                assert_readable(cluster.up(check=False), ["dns.node_cache", "set idle"])
        # The pods still ask the cache.
        with ExitStack() as stack:
            expect_answers(start_clients(cluster, stack, 2), record_figures, step="idle")
    for node in cluster.workers:
        assert CACHE not in cluster.ssh(node, "cat /proc/net/fib_trie").stdout


def pods_of(cluster: Cluster) -> dict[str, str]:
    """Return the name of the options of each pod by the name of the pod. Each worker has a pod for each."""
    return {f"{node}-{options}": options for node in cluster.workers for options in OPTIONS}


def start_pods(cluster: Cluster, namespace: str) -> None:
    """Start the pods on each worker."""
    for node in cluster.workers:
        for options, fields in OPTIONS.items():
            pod = f"{node}-{options}"
            main = pods.container(f"exec sleep {marker(pod)}")
            cluster.apply(pods.pod(namespace, pod, pods.spec(main, **pods.on_node(node), **fields)))
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=90s")


def start_clients(cluster: Cluster, stack: ExitStack, seconds: int) -> list[tuple[str, Client]]:
    """Resolve names in the pods of all workers. Return the clients with the options of their pods."""
    rate = RATE // len(OPTIONS)
    return [
        (options, stack.enter_context(client(marker(pod), NAME, rate=rate, seconds=seconds)))
        for pod, options in pods_of(cluster).items()
    ]


def kill_the_cache(cluster: Cluster) -> None:
    """Kill one process of the cache of each worker after the other, six times."""
    for number in (1, 2) * 3:
        for node in cluster.workers:
            cluster.ssh(node, f"systemctl kill --signal=KILL dns-cache-{number}.service")
        # systemd starts the process again after one second.
        time.sleep(1.5)


def change_the_cache(cluster: Cluster) -> None:
    """Let the host program restart the cache of each worker, as after a change of its files. Both processes
    then have no record of the files that they run with.
    """
    for node in cluster.workers:
        before = cluster.services(node)
        cluster.ssh(node, "for n in 1 2; do : >/var/lib/kubewright/services/dns-cache-$n.service; done")
        cluster.command("repair", "--host", node)
        after = cluster.services(node)
        assert after.keys() == before.keys()
        restarted = {unit for unit in after if after[unit] != before[unit]}
        assert restarted == {"dns-cache-1.service", "dns-cache-2.service"}


def expect_answers(
    clients: Sequence[tuple[str, Client]], record_figures: RecordFigures, *, step: str
) -> None:
    """Check that every name was resolved, and that only queries of ended processes waited."""
    for options, item in clients:
        lookups = item.result(SECONDS + 60)
        record_figures(
            step=step,
            options=options,
            lookups=lookups.count,
            failed=len(lookups.errors),
            slow=lookups.slow,
            longest=round(lookups.longest, 2),
        )
        assert not lookups.errors
        assert lookups.slow <= LOST_SHARE[options] * lookups.count


def cache_hits(cluster: Cluster, node: str) -> float:
    """Return the number of answers from the cache of a node since the last starts of its processes."""
    kubectl = "KUBECONFIG=/none /usr/local/lib/kubewright/bin/kubectl --server=http://127.0.0.1"
    metrics = "".join(
        cluster.ssh(node, f"{kubectl}:{port} get --raw /metrics").stdout for port in DNS_CACHE_METRICS_PORTS
    )
    return sum(map(float, re.findall(r"^coredns_cache_hits_total\{.*\} (\S+)$", metrics, re.MULTILINE)))
