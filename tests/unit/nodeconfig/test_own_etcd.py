"""Tests of API servers that use only the etcd member on the same host."""

from __future__ import annotations

from pathlib import Path

import pytest

from nodeconfig.bundle import Bundle, File, Service
from testkit.host import PROGRAM, EmulatedHost
from topology.model import Role

UNITS = "/etc/systemd/system"
PEERS = "".join(f"cp-{number}=https://192.0.2.{number}:2380\n" for number in (1, 2, 3))
OWN, OTHER = "https://192.0.2.1:2379", "https://192.0.2.2:2379"


@pytest.fixture
def host(tmp_path: Path) -> EmulatedHost:
    return EmulatedHost(tmp_path, "sh")


def etcd_bundle(setting: str, peers: str) -> Bundle:
    unit = File(f"{UNITS}/etcd.service", f"[Service]\nExecStart=etcd --{setting}\n")
    return Bundle(
        role=Role.ETCD,
        program=PROGRAM,
        files=(unit, File("/etc/etcd/peers", peers)),
        secrets=(),
        artifacts=(),
        services=(Service("etcd.service", timeout=2),),
    )


def api_bundle(servers: str) -> Bundle:
    unit = f"[Service]\nExecStart=kube-apiserver \\\n  --etcd-servers={servers} \\\n  --event-ttl=1h\n"
    return Bundle(
        role=Role.CONTROL_PLANE,
        program=PROGRAM,
        files=(File(f"{UNITS}/kube-apiserver.service", unit),),
        secrets=(),
        artifacts=(),
        services=(Service("kube-apiserver.service", timeout=2),),
    )


@pytest.mark.parametrize(
    ("servers", "peers", "restarted"),
    [
        (OWN, PEERS, "kube-apiserver.service etcd.service"),
        (f"{OWN},{OTHER}", PEERS, "etcd.service"),
        (OWN, PEERS.splitlines(keepends=True)[0], "etcd.service"),
    ],
    ids=["own member", "all members", "only member"],
)
def test_api_server_ends_before_its_only_etcd_member_restarts(
    host: EmulatedHost, servers: str, peers: str, restarted: str
) -> None:
    """The API server is first, because systemctl requests one unit after another."""
    host.deliver(etcd_bundle("a", peers))
    host.deliver(api_bundle(servers))
    host.deliver(etcd_bundle("b", peers))
    assert host.calls()[-1] == f"restart {restarted}"


def test_etcd_restarts_alone_without_an_api_server(host: EmulatedHost) -> None:
    host.deliver(etcd_bundle("a", PEERS))
    host.deliver(etcd_bundle("b", PEERS))
    assert host.calls()[-1] == "restart etcd.service"
