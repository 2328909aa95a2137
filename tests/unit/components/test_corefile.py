"""Tests of the configuration of CoreDNS and of the number of its replicas."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

from components.addons.corefile import corefile
from testkit.bundles import cluster
from tests.unit.components.conftest import Deploy
from tests.unit.components.graph import Graph, cluster_config
from topology.dns import Dns, Upstream
from topology.model import Topology

TOPOLOGY = cluster(workers=1)


def with_dns(dns: Dns) -> Topology:
    return replace(TOPOLOGY, dns=dns)


def test_the_corefile_serves_the_domain_and_has_matching_braces() -> None:
    network = replace(TOPOLOGY.network, domain="cluster.example")
    text = corefile(replace(TOPOLOGY, network=network))
    assert "kubernetes cluster.example in-addr.arpa" in text
    assert "forward . /etc/resolv.conf {" in text
    assert text.count("{") == text.count("}")
    assert "insecure" not in text


def test_upstreams_replace_the_servers_of_the_node() -> None:
    text = corefile(
        with_dns(
            Dns(upstreams=(Upstream(IPv4Address("192.0.2.1")), Upstream(IPv4Address("192.0.2.2"), 5353)))
        )
    )
    assert "    forward . 192.0.2.1:53 192.0.2.2:5353 {\n" in text
    assert "/etc/resolv.conf" not in text


def test_stub_domain_is_a_server_of_its_own() -> None:
    text = corefile(with_dns(Dns(stub_domains=(("corp.example", (Upstream(IPv4Address("192.0.2.1")),)),))))
    block, _, rest = text.partition("}\n")
    assert block.startswith("corp.example:53 {\n")
    assert "    forward . 192.0.2.1:53\n" in block
    assert rest.startswith(".:53 {\n")


def test_hosts_and_rewrites_come_before_the_names_of_the_cluster() -> None:
    dns = Dns(
        hosts=((IPv4Address("192.0.2.9"), ("db.example", "old-db.example")),),
        rewrites=(("registry.example", "registry.tools.svc.cluster.local"),),
    )
    text = corefile(with_dns(dns))
    assert "        192.0.2.9 db.example old-db.example\n        fallthrough\n" in text
    assert "rewrite stop name exact registry.example registry.tools.svc.cluster.local answer auto\n" in text
    assert text.index("rewrite") < text.index("hosts") < text.index("kubernetes")


def replicas(graph: Graph) -> int:
    return int(json.loads(json.dumps(graph.node("coredns-deployment").value("spec")))["replicas"])


def test_replicas_of_the_deployment_follow_the_nodes(deploy: Deploy, tmp_path: Path) -> None:
    assert replicas(deploy(cluster_config(tmp_path, workers=32))) == 3


def test_configured_replicas_of_the_deployment(deploy: Deploy, tmp_path: Path) -> None:
    assert replicas(deploy(cluster_config(tmp_path, workers=2, dns={"replicas": 4}))) == 4
