"""Tests of the DNS cache of nodes: its service, its address, and what pods ask without it."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from artifacts.mirror import optional_artifacts
from nodeconfig import bundles
from nodeconfig.bundle import Bundle, File
from testkit.bundles import FakeIndex, cluster
from testkit.host import MINIMAL_BUNDLE, EmulatedHost
from topology.model import Role

UNITS = ("dns-cache-1.service", "dns-cache-2.service")
ADDRESS = "169.254.20.10"
SERVICE = "10.96.0.10"
USED: dict[str, object] = {"dns": {"node_cache": "used"}}
IDLE: dict[str, object] = {"dns": {"node_cache": "idle"}}
NONE: dict[str, object] = {}


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


def test_new_pods_ask_a_used_cache_and_then_the_service() -> None:
    assert pod_dns(node(USED)) == [ADDRESS, SERVICE]
    assert pod_dns(node(IDLE)) == [SERVICE]
    assert pod_dns(node(NONE)) == [SERVICE]


def test_idle_cache_answers_pods_that_started_before() -> None:
    """Test that a removal in two steps changes only the kubelet in its first step."""
    used, idle = node(USED), node(IDLE)
    assert used.services == idle.services
    changed = [file.path for file in idle.files if file not in used.files]
    assert changed == ["/etc/kubernetes/kubelet.json"]


@pytest.mark.parametrize("mode", ["nftables", "iptables"])
def test_cache_asks_the_service_by_tcp_in_each_proxy_mode(mode: str) -> None:
    corefile = content(node(USED, proxy_mode=mode), "Corefile")
    assert f"    bind {ADDRESS}\n" in corefile
    assert f"    forward . {SERVICE} {{\n        force_tcp\n" in corefile


def test_metrics_and_health_of_each_process_are_on_loopback() -> None:
    bundle = node(USED)
    corefile = content(bundle, "Corefile")
    assert "    health 127.0.0.1:{$HEALTH_PORT}\n" in corefile
    assert "    prometheus 127.0.0.1:{$METRICS_PORT}\n" in corefile
    ports = [re.findall(r"_PORT=(\d+)$", content(bundle, unit), re.MULTILINE) for unit in UNITS]
    assert ports == [["9254", "9253"], ["9256", "9255"]]


def test_address_belongs_to_the_host_and_not_to_a_process() -> None:
    unit = content(node(USED), "dns-cache-address.service")
    ip = "/usr/local/lib/kubewright/iproute/ip address"
    assert f"ExecStart={ip} replace {ADDRESS}/32 dev lo\n" in unit
    assert f"ExecStop={ip} delete {ADDRESS}/32 dev lo\n" in unit
    assert f"Before={' '.join(UNITS)}\n" in unit


@pytest.mark.parametrize("name", UNITS)
def test_process_starts_again_after_a_second_without_root(name: str) -> None:
    unit = content(node(USED), name)
    assert "Restart=always\nRestartSec=1\n" in unit
    assert "User=coredns\n" in unit
    assert "CapabilityBoundingSet=CAP_NET_BIND_SERVICE\n" in unit


@pytest.mark.parametrize(("answer", "healthy"), [("OK", True), ("", False), ("Service Unavailable", False)])
def test_process_is_ready_when_it_says_so(answer: str, healthy: bool) -> None:
    checks = [item.ready for item in node(USED).services if item.unit in UNITS]
    assert ["9254" in checks[0], "9256" in checks[1]] == [True, True]
    for ready in checks:
        program = f"local_health() {{ printf '%s' '{answer}'; }}\n{ready}"
        assert (subprocess.run(["sh", "-c", program], check=False).returncode == 0) is healthy


@pytest.mark.parametrize("sections", [USED, IDLE])
def test_packet_filter_admits_only_pods_to_the_cache(sections: dict[str, object]) -> None:
    lines = content(node(sections), "firewall.nft").splitlines()
    accepted = [line.strip() for line in lines if "dport 53 " in line]
    assert accepted == [
        f'ip saddr 10.244.0.0/16 ip daddr {ADDRESS} {protocol} dport 53 accept comment "DNS cache"'
        for protocol in ("udp", "tcp")
    ]


@pytest.mark.parametrize("port", [53, "50-60"])
def test_port_of_a_setting_does_not_close_the_cache_to_pods(port: object) -> None:
    """Test a server of names on machines, for clients outside of the cluster."""
    resolver = {"port": port, "protocol": "udp", "sources": ["192.0.2.0/24"], "because": "names"}
    lines = [
        line.strip()
        for line in content(node(USED, ports={"resolver": resolver}), "firewall.nft").splitlines()
    ]
    accepted = lines.index(
        f'ip saddr 10.244.0.0/16 ip daddr {ADDRESS} udp dport 53 accept comment "DNS cache"'
    )
    (closed,) = (
        number
        for number, line in enumerate(lines)
        if line.startswith(f"ip saddr 10.244.0.0/16 udp dport {port} drop ")
    )
    assert accepted < closed


def test_node_without_the_cache_has_nothing_of_it() -> None:
    bundle = node(NONE)
    assert not [item.unit for item in bundle.services if "dns" in item.unit]
    assert not {"coredns", "iproute"} & {artifact.name for artifact in bundle.artifacts}
    assert "dport 53 " not in content(bundle, "firewall.nft")


def test_only_clusters_with_the_cache_need_its_artifacts() -> None:
    for sections in (USED, IDLE):
        assert set(optional_artifacts(cluster(sections=sections))) == {"coredns", "iproute"}
    assert optional_artifacts(cluster()) == ()


def test_setting_restarts_only_the_kubelet() -> None:
    """Test that all other services keep their files, so that pods run on."""
    before, after = node(NONE), node(USED)
    changed = {file.path for file in before.files if file not in after.files}
    restarted = {item.unit for item in after.services if changed & {*item.restart_on} and not item.reload}
    assert restarted == {"kubelet.service"}


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def test_processes_restart_one_after_the_other(host: EmulatedHost) -> None:
    """Test that a changed configuration leaves one process that answers."""
    first = deliverable("one\n")
    assert host.deliver(first).returncode == 0
    host.calls()
    assert host.deliver(deliverable("two\n")).returncode == 0
    restarts = [call for call in host.calls() if call.startswith("restart")]
    assert restarts == [f"restart {UNITS[0]}", f"restart {UNITS[1]}"]


def test_order_of_the_processes_restarts_nothing(host: EmulatedHost) -> None:
    """Test the upgrade from a release without the statement for this order."""
    bundle = deliverable("one\n")
    earlier = tuple(replace(item, restart_after="") for item in bundle.services)
    host.deliver(replace(bundle, services=earlier))
    host.calls()
    assert host.deliver(bundle).stdout == "node unchanged\n"
    assert host.calls() == []


def test_second_process_starts_although_the_first_does_not(host: EmulatedHost) -> None:
    host.add_program("sleep", "#!/bin/sh\nexec /bin/sleep 0.01\n")
    result = host.deliver(deliverable("one\n", ready="false"))
    assert result.returncode == 1
    assert f"restart {UNITS[1]}" in host.calls()


def test_second_process_keeps_running_while_the_first_does_not_start_again(host: EmulatedHost) -> None:
    """Test that one process answers while the new configuration does not start."""
    host.add_program("sleep", "#!/bin/sh\nexec /bin/sleep 0.01\n")
    assert host.deliver(deliverable("one\n")).returncode == 0
    host.calls()
    assert host.deliver(deliverable("two\n", ready="false")).returncode == 1
    assert [call for call in host.calls() if call.startswith("restart")] == [f"restart {UNITS[0]}"]
    assert host.deliver(deliverable("two\n")).returncode == 0
    assert f"restart {UNITS[1]}" in host.calls()


def deliverable(text: str, *, ready: str = "true") -> Bundle:
    """Return a bundle with the two services and their configuration."""
    path = "/etc/dns-cache/Corefile"
    files = (File(path, text), *(File(f"/etc/systemd/system/{unit}", "[Service]\n") for unit in UNITS))
    services = [item for item in node(USED).services if item.unit in UNITS]
    deliverable = tuple(replace(item, restart_on=(path,), ready=ready, timeout=2) for item in services)
    return replace(MINIMAL_BUNDLE, files=files, services=deliverable)
