"""Lab test of the options of the cluster's DNS, with a DNS server outside of the cluster."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

from testkit import pods, stackfile
from testkit.cluster import Cluster
from testkit.dns import serve_names
from testkit.wait import eventually

NAMES = {"db.corp.example": "192.0.2.5", "www.example.org": "192.0.2.6"}


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
