"""Lab tests of the cluster's DNS: its options, with a DNS server outside of the cluster, and lookups during
changes.
"""

from __future__ import annotations

import os
import time
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from testkit import dns_client, pods, stackfile
from testkit.cluster import UP_SECONDS, Cluster, names
from testkit.dns import serve_names
from testkit.figures import RecordFigures
from testkit.wait import eventually

pytestmark = pytest.mark.release

NAMES = {"db.corp.example": "192.0.2.5", "www.example.org": "192.0.2.6"}
SERVICE_NAME = "kubernetes.default.svc.cluster.local."
LOOKUPS_PER_SECOND = 5


def test_names_outside_of_the_cluster_resolve_as_the_settings_say(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    machine = str(IPv4Network(cluster.config[stackfile.LAB]["network"])[-2])
    api = str(cluster.get("service", "kubernetes")["spec"]["clusterIP"])
    cluster.apply(pods.pod(namespace, "client", pods.spec(pods.container("sleep 1000"))))
    cluster.kubectl("wait", "-n", namespace, "pod/client", "--for=condition=Ready", "--timeout=60s")

    def resolve(name: str) -> str:
        return cluster.run_in_pod(namespace, "client", f"nslookup {name}.", check=False).text

    with serve_names(tmp_path, machine, NAMES) as server:
        change = {
            "dns": {
                "upstreams": [server],
                "stub_domains": {"corp.example": [server]},
                "hosts": {"192.0.2.7": ["printer.example"]},
                "rewrites": {"api.example": "kubernetes.default.svc.cluster.local"},
            }
        }
        with cluster.temporary_settings(change):
            preview = cluster.preview().text
            assert "rewrite stop name exact api.example" in preview, "the preview does not show the Corefile"
            cluster.up()
            for name, address in {
                **NAMES,
                "printer.example": "192.0.2.7",
                "api.example": api,
                "kubernetes.default.svc.cluster.local": api,
            }.items():
                eventually(f"{name} is {address}", lambda: address in resolve(name), timeout=30)  # noqa: B023
            assert "NXDOMAIN" in resolve("missing.svc.cluster.local")
        # The names of the removed options are unknown again, and those of the cluster are not.
        assert "192.0.2.7" not in resolve("printer.example")
        assert api in resolve("kubernetes.default.svc.cluster.local")


def test_changes_of_coredns_lose_no_lookup(
    cluster: Cluster, namespace: str, record_figures: RecordFigures
) -> None:
    """A client resolves five names a second while `up` replaces all pods of CoreDNS, two times."""
    service = str(cluster.get("service", "-n", "kube-system", "kube-dns")["spec"]["clusterIP"])
    # An argument of `sleep` by which the client finds the network of the pod; no other test has it.
    marker = str(50_000_000 + os.getpid())
    main = pods.container(f"exec sleep {marker}")
    cluster.apply(pods.pod(namespace, "client", pods.spec(main, **pods.on_node(cluster.workers[0]))))
    cluster.kubectl("wait", "-n", namespace, "pod/client", "--for=condition=Ready", "--timeout=60s")
    servers = cluster.run_in_pod(namespace, "client", "grep ^nameserver /etc/resolv.conf").stdout
    assert servers.split() == ["nameserver", service]

    seconds = 2 * UP_SECONDS
    with dns_client.client(marker, SERVICE_NAME, rate=LOOKUPS_PER_SECOND, seconds=seconds) as client:
        began = time.monotonic()
        original = _coredns_pods(cluster)
        with cluster.temporary_settings({"dns": {"hosts": {"192.0.2.7": ["printer.example"]}}}):
            cluster.up()
            _wait_until_ended(cluster, original)
            changed = _coredns_pods(cluster)
        _wait_until_ended(cluster, changed)
        duration = time.monotonic() - began
        client.stop()
        lookups = client.result(60)
    # The resolver of the C library repeats a lost query after 5 s, so a slow lookup has lost a query.
    record_figures(
        lookups=lookups.count,
        failed=len(lookups.errors),
        slow=lookups.slow,
        longest=round(lookups.longest, 2),
        duration=round(duration, 1),
    )
    assert lookups.count > LOOKUPS_PER_SECOND * duration / 2, "the client did not run during the changes"
    assert not lookups.errors
    assert lookups.slow == 0


def _coredns_pods(cluster: Cluster) -> set[str]:
    """Return the names of the pods of CoreDNS, with those that are being deleted."""
    return set(names(cluster.items("pods", "-n", "kube-system", "-l", "k8s-app=kube-dns")))


def _wait_until_ended(cluster: Cluster, old: set[str]) -> None:
    assert old
    eventually(f"{sorted(old)} ended", lambda: not old & _coredns_pods(cluster), timeout=90)
