"""Tests of the service that enforces network policies, and of the program that removes its rules."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nodeconfig import bundles
from nodeconfig.bundle import Bundle, Service
from testkit.bundles import FakeIndex, cluster
from topology.model import Role

UNIT = "kube-router.service"
LINK = "/etc/systemd/system/multi-user.target.wants/kube-router.service"
SAVED = """\
*filter
:INPUT ACCEPT [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-POD-FW-A - [0:0]
:KUBE-NWPLCY-B - [0:0]
:KUBE-ROUTER-INPUT - [0:0]
-A INPUT -m comment --comment "kube-router netpol - X" -j KUBE-ROUTER-INPUT
-A INPUT -m comment --comment "KUBE-ROUTER rule to explicitly ACCEPT traffic" -m mark --mark 0x20000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "back\\slash" -j ACCEPT
-A KUBE-ROUTER-INPUT -d 10.244.0.4/32 -j KUBE-POD-FW-A
-A KUBE-POD-FW-A -j KUBE-NWPLCY-B
COMMIT
"""
SETS = "KUBE-SRC-A\nmine\nKUBE-DST-B"
REMAINING = """\
*filter
:INPUT ACCEPT [0:0]
:KUBE-FORWARD - [0:0]
-A KUBE-FORWARD -m comment --comment "back\\slash" -j ACCEPT
COMMIT
"""


def node(**network: Any) -> Bundle:  # noqa: ANN401
    return bundles(cluster(**network), FakeIndex())["w-1", Role.NODE]


def content(bundle: Bundle, name: str) -> str:
    """Return the file of a bundle with this name."""
    (text,) = (file.content for file in bundle.files if file.path.endswith(f"/{name}"))
    return text


def service(bundle: Bundle) -> Service:
    (found,) = (item for item in bundle.services if item.unit == UNIT)
    return found


def test_nodes_enforce_network_policies_by_default() -> None:
    bundle = node()
    unit = content(bundle, UNIT)
    for flag in (
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        "--service-cluster-ip-range=10.96.0.0/20",
        "--service-node-port-range=30000-32767",
    ):
        assert f"  {flag} " in unit
    assert {"kube-router", "netfilter", "ipset"} <= {artifact.name for artifact in bundle.artifacts}


def test_one_node_port_is_a_range_that_the_controller_accepts() -> None:
    assert "  --service-node-port-range=30007-30008 " in content(node(node_ports="30008-30008"), UNIT)


def test_health_and_metrics_are_on_loopback() -> None:
    unit = content(node(), UNIT)
    assert "  --health-port=0 " in unit
    assert "  --metrics-addr=127.0.0.1 " in unit


def test_controller_authenticates_as_its_node() -> None:
    (user,) = json.loads(content(node(), "kube-router.conf"))["users"]
    certificate = "/var/lib/kubelet/pki/kubelet-client-current.pem"
    assert user["user"] == {"client-certificate": certificate, "client-key": certificate}


def test_none_delivers_nothing() -> None:
    bundle = node(policies="none")
    assert UNIT not in {item.unit for item in bundle.services}
    assert not [file.path for file in bundle.files if "kube-router" in file.path]
    assert not {"kube-router", "ipset"} & {artifact.name for artifact in bundle.artifacts}


def test_the_setting_changes_no_other_service() -> None:
    def others(bundle: Bundle) -> list[Service]:
        return [item for item in bundle.services if item.unit != UNIT]

    assert others(node()) == others(node(policies="none"))


@pytest.mark.parametrize(("count", "healthy"), [("", False), ("0", False), ("1", True), ("27", True)])
def test_service_is_healthy_after_the_first_synchronization(count: str, healthy: bool) -> None:
    metrics = f"# HELP kube_router_controller_iptables_v4_restore_time_count {'x' if count else ''}\n"
    if count:
        metrics += f"kube_router_controller_iptables_v4_restore_time_count {count}\n"
    ready = f"local_health() {{ cat <<'EOF'\n{metrics}EOF\n}}\n{service(node()).ready}"
    assert (subprocess.run(["sh", "-c", ready], check=False).returncode == 0) == healthy


@pytest.fixture
def removal(tmp_path: Path) -> str:
    """Return the removal program with a fake systemd directory, and fake programs on its PATH."""
    tools = {
        "iptables-save": f"cat <<'EOF'\n{SAVED}EOF",
        "iptables-restore": f'echo "$*" >{tmp_path}/arguments; cat >{tmp_path}/restored',
        "ipset": f"[ $1 != list ] || exec echo '{SETS}'\necho $* >>{tmp_path}/sets",
    }
    (tmp_path / "bin").mkdir()
    for name, text in tools.items():
        program = tmp_path / "bin" / name
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    (tmp_path / LINK.lstrip("/")).parent.mkdir(parents=True)
    return content(node(), "remove-network-policies").replace("/etc/", f"{tmp_path}/etc/")


def run(program: str, directory: Path) -> None:
    environment = {"PATH": f"{directory}/bin:{os.environ['PATH']}"}
    subprocess.run(["sh", "-c", program], check=True, env=environment)


def test_removed_service_removes_its_rules_and_sets(removal: str, tmp_path: Path) -> None:
    run(removal, tmp_path)
    assert (tmp_path / "restored").read_text() == REMAINING
    assert (tmp_path / "arguments").read_text() == "-T filter\n"
    assert (tmp_path / "sets").read_text() == "destroy KUBE-SRC-A\ndestroy KUBE-DST-B\n"


def test_stopped_service_keeps_its_rules(removal: str, tmp_path: Path) -> None:
    (tmp_path / LINK.lstrip("/")).symlink_to("/etc/systemd/system/kube-router.service")
    run(removal, tmp_path)
    assert not (tmp_path / "restored").exists()
    assert not (tmp_path / "sets").exists()
