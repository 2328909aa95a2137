"""Lab test of the DNS cache of nodes: pods do not notice that one of its processes is killed, and it is
removed in two steps.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Sequence
from contextlib import ExitStack

from testkit import pods
from testkit.cluster import Cluster
from testkit.dns_client import Client, client
from testkit.messages import assert_readable
from topology.ports import DNS_CACHE_METRICS_PORTS

NAME = "kubernetes.default.svc.cluster.local."
CACHE = "169.254.20.10"
RATE, SECONDS = 200, 12
LOST_SHARE = 0.01
"""Largest share of slow lookups. A killed process loses the queries that it has not answered, on a busy
machine some for each kill, and the resolver of the C library repeats them after 5 s. Without another process
all lookups of a second would be slow.
"""


def marker(number: int) -> str:
    """Return an argument of `sleep` in the pod with this number, by which the client finds its network."""
    return str(10_000_000 * (number + 1) + os.getpid())


def test_pods_do_not_notice_that_the_cache_of_their_node_fails(cluster: Cluster, namespace: str) -> None:
    service = str(cluster.get("service", "-n", "kube-system", "kube-dns")["spec"]["clusterIP"])
    with cluster.temporary_settings({"dns": {"node_cache": "idle"}}):
        with cluster.temporary_settings({"dns": {"node_cache": "used"}}):
            assert f"bind {CACHE}" in cluster.preview().text, "the preview does not show the Corefile"
            cluster.up()
            start_pods(cluster, namespace)
            for node in cluster.workers:
                text = cluster.run_in_pod(namespace, node, "grep ^nameserver /etc/resolv.conf").stdout
                assert text.split() == ["nameserver", CACHE, "nameserver", service]
            with ExitStack() as stack:
                clients = start_clients(cluster, stack, SECONDS)
                time.sleep(1)
                kill_the_cache(cluster)
                expect_answers(clients)
            before = {node: cache_hits(cluster, node) for node in cluster.workers}
            with ExitStack() as stack:
                expect_answers(start_clients(cluster, stack, 2))
            for node, hits in before.items():
                assert cache_hits(cluster, node) - hits > RATE, "pods do not use the cache"
            assert cluster.previewed_operations() == {}
            with cluster.edited_stack_file({"dns": {"node_cache": "none"}}):
                assert_readable(cluster.up(check=False), ["dns.node_cache", "set idle"])
        # The pods still ask the cache.
        with ExitStack() as stack:
            expect_answers(start_clients(cluster, stack, 2))
    for node in cluster.workers:
        assert CACHE not in cluster.ssh(node, "cat /proc/net/fib_trie").stdout


def start_pods(cluster: Cluster, namespace: str) -> None:
    """Start a pod on each worker, with the name of the worker."""
    for number, node in enumerate(cluster.workers):
        main = pods.container(f"exec sleep {marker(number)}")
        cluster.apply(pods.pod(namespace, node, pods.spec(main, **pods.on_node(node))))
    cluster.kubectl("wait", "-n", namespace, "--for=condition=Ready", "pod", "--all", "--timeout=90s")


def start_clients(cluster: Cluster, stack: ExitStack, seconds: int) -> list[Client]:
    """Resolve names in the pod of each worker."""
    return [
        stack.enter_context(client(marker(number), NAME, rate=RATE, seconds=seconds))
        for number, _ in enumerate(cluster.workers)
    ]


def kill_the_cache(cluster: Cluster) -> None:
    """Kill one process of the cache of each worker after the other, six times."""
    for number in (1, 2) * 3:
        for node in cluster.workers:
            cluster.ssh(node, f"systemctl kill --signal=KILL dns-cache-{number}.service")
        # systemd starts the process again after one second.
        time.sleep(1.5)


def expect_answers(clients: Sequence[Client]) -> None:
    """Check that every name was resolved, and that only queries of killed processes waited."""
    for item in clients:
        lookups = item.result(SECONDS + 60)
        print(lookups)
        assert not lookups.errors
        assert lookups.slow <= LOST_SHARE * lookups.count


def cache_hits(cluster: Cluster, node: str) -> float:
    """Return the number of answers from the cache of a node since the last starts of its processes."""
    kubectl = "KUBECONFIG=/none /usr/local/lib/kubewright/bin/kubectl --server=http://127.0.0.1"
    metrics = "".join(
        cluster.ssh(node, f"{kubectl}:{port} get --raw /metrics").stdout for port in DNS_CACHE_METRICS_PORTS
    )
    return sum(map(float, re.findall(r"^coredns_cache_hits_total\{.*\} (\S+)$", metrics, re.MULTILINE)))
