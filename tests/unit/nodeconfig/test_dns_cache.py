"""Tests of the DNS cache of nodes: its service, its address, and what pods ask without it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle
from nodeconfig.roles import optional_artifacts
from testkit.bundles import FakeIndex, cluster
from topology.model import Role

UNIT = "dns-cache.service"
ADDRESS = "169.254.20.10"
SERVICE = "10.96.0.10"
ON: dict[str, object] = {"dns": {"node_cache": True}}
OFF: dict[str, object] = {}


def node(sections: dict[str, object], **network: Any) -> Bundle:  # noqa: ANN401
    return bundles(cluster(sections=sections, **network), FakeIndex())["w-1", Role.NODE]


def content(bundle: Bundle, name: str) -> str:
    """Return the file of a bundle with this name."""
    (text,) = (file.content for file in bundle.files if file.path.endswith(f"/{name}"))
    return text


def pod_dns(bundle: Bundle) -> list[str]:
    (text,) = (file.content for file in bundle.files if file.path.endswith("/kubelet.json"))
    servers: list[str] = json.loads(text)["clusterDNS"]
    return servers


def test_pods_ask_the_cache_and_then_the_service() -> None:
    assert pod_dns(node(ON)) == [ADDRESS, SERVICE]
    assert pod_dns(node(OFF)) == [SERVICE]


@pytest.mark.parametrize("mode", ["nftables", "iptables"])
def test_cache_asks_the_service_by_tcp_in_each_proxy_mode(mode: str) -> None:
    corefile = content(node(ON, proxy_mode=mode), "Corefile")
    assert f"    bind {ADDRESS}\n" in corefile
    assert f"    forward . {SERVICE} {{\n        force_tcp\n" in corefile


def test_metrics_and_health_are_on_loopback() -> None:
    corefile = content(node(ON), "Corefile")
    assert "    health 127.0.0.1:9254\n" in corefile
    assert "    prometheus 127.0.0.1:9253\n" in corefile


def test_address_stays_while_the_cache_is_down() -> None:
    """Test that a failure of the cache removes no address: the kernel then refuses queries at once."""
    bundle = node(ON)
    assert "address" not in content(bundle, UNIT).partition("[Service]")[2]
    unit = content(bundle, "dns-cache-address.service")
    assert f"ip address replace {ADDRESS}/32 dev lo\n" in unit
    assert f"ExecStop=/usr/local/lib/kubewright/iproute/ip address delete {ADDRESS}/32 dev lo\n" in unit


def test_cache_starts_again_after_a_second_without_root() -> None:
    unit = content(node(ON), UNIT)
    assert "Restart=always\nRestartSec=1\n" in unit
    assert "User=coredns\n" in unit
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in unit


@pytest.mark.parametrize(("answer", "healthy"), [("OK", True), ("", False), ("Service Unavailable", False)])
def test_cache_is_ready_when_it_says_so(answer: str, healthy: bool) -> None:
    (ready,) = (item.ready for item in node(ON).services if item.unit == UNIT)
    program = f"local_health() {{ printf '%s' '{answer}'; }}\n{ready}"
    assert (subprocess.run(["sh", "-c", program], check=False).returncode == 0) is healthy


def test_packet_filter_admits_only_pods_to_the_cache() -> None:
    lines = content(node(ON), "firewall.nft").splitlines()
    accepted = [line.strip() for line in lines if "dport 53 " in line]
    assert accepted == [
        f'ip saddr 10.244.0.0/16 {protocol} dport 53 accept comment "DNS cache"'
        for protocol in ("udp", "tcp")
    ]


@pytest.mark.parametrize("sections", [ON, OFF])
def test_node_without_the_address_refuses_queries_at_once(sections: dict[str, object]) -> None:
    """Test this also without the setting: pods that started with the setting still ask the cache first."""
    _, _, forward = content(node(sections), "firewall.nft").partition("chain forward")
    assert f"ip daddr {ADDRESS} reject" in forward


def test_setting_off_delivers_nothing() -> None:
    bundle = node(OFF)
    assert not [item.unit for item in bundle.services if "dns" in item.unit]
    assert not {"coredns", "iproute"} & {artifact.name for artifact in bundle.artifacts}
    assert "dport 53 " not in content(bundle, "firewall.nft")


def test_only_clusters_with_the_cache_need_its_artifacts() -> None:
    assert set(optional_artifacts(cluster(sections=ON))) == {"coredns", "iproute"}
    assert optional_artifacts(cluster()) == ()


def test_setting_restarts_only_the_kubelet() -> None:
    """Test that all other services keep their files, so that pods run on."""
    before, after = node(OFF), node(ON)
    changed = {file.path for file in before.files} - {
        file.path for file in before.files if file in after.files
    }
    restarted = {item.unit for item in after.services if changed & {*item.restart_on} and not item.reload}
    assert restarted == {"kubelet.service"}
