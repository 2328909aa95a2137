"""Compares the texts that hosts receive with recorded texts. A changed text can restart services of hosts.

`texts/*.txt` are the texts of a cluster with the default settings, with the name of a program in place of
its content. `texts/*.diff` are the lines that other settings change. `KUBEWRIGHT_UPDATE_TEXTS=1` writes the
files; review the difference before you commit them, and list restarts in CHANGELOG.md.
"""

from __future__ import annotations

import os
from dataclasses import replace
from difflib import unified_diff
from pathlib import Path

import pytest

from assembly import build_topology
from nodeconfig import bundles
from nodeconfig.bundle import IDENTITY_AT_BOOT, Identity
from nodeconfig.host_program import ARTIFACT_NAME
from nodeconfig.render import script
from nodeconfig.sources import read_code
from settings import load
from testkit.bundles import FakeIndex
from testkit.cluster import CHECKOUT
from tests.unit.settings.support import HIGHLY_AVAILABLE, with_edits
from topology.model import Pool, Registry, Role, Topology, Versions
from topology.options import Backend, ProxyMode
from topology.rotations import Certificates, Rotation

RECORDED = Path(__file__).parent / "texts"
PROGRAMS = sorted(path.name for path in (CHECKOUT / "nodeconfig/host").glob("*.sh"))
# The versions do not follow the catalogue, so that a new default version changes no recorded text.
VERSIONS = Versions("1.36.1", "3.7.3", "2.4.2", "1.5.2", "1.9.1", "0.28.4", "1.15.0", "0.9.0")
TARGETS = {
    "recipients": ["age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
    "to": {
        "offsite": {
            "keep": 60,
            "s3": {
                "endpoint": "https://s3.corp.example:9000",
                "bucket": "etcd",
                "region": "eu-1",
                "access_key_id": "kubewright",
                "secret_access_key": "never-in-a-text",
            },
        },
        "blob": {
            "prefix": "clusters/ha",
            "azure_blob": {
                "account": "backups",
                "container": "etcd",
                "sas_token": "sv=1&sig=never-in-a-text",
            },
        },
        "nas": {"path": "/mnt/nas"},
    },
}


class StableIndex(FakeIndex):
    """An index in which a changed host program keeps its URL and digest."""

    def artifact(self, name: str, version: str) -> tuple[str, str]:
        return super().artifact(name, "1" if name == ARTIFACT_NAME else version)


def topology(edits: dict[str, object]) -> Topology:
    built = build_topology(load(with_edits(HIGHLY_AVAILABLE, edits)))
    return replace(built, versions=VERSIONS)


def with_all_options() -> Topology:
    """Return a topology in which options that texts depend on differ from their defaults."""
    built = topology(
        {
            "api.names": ["api.example.org"],
            "control_planes.schedulable": True,
            "etcd.snapshots": {
                "every": "2h",
                "keep": 3,
                "copy_to": "/mnt/snapshots",
                "verify": "weekly",
                **TARGETS,
            },
            "etcd.defragmentation": {"every": "12h", "free_percent": 40},
            "leader_election": {"lease": 60, "renew": 40, "retry": 5},
            "network.mtu": 1400,
            "network.node_ports": "31000-31999",
            "network.api_allowed": ["192.0.2.0/24", "198.51.100.7/32"],
            "pools.workers.labels": {"tier": "web"},
            "pools.workers.taints": ["only=web:NoSchedule", "slow=:PreferNoSchedule"],
            "pools.workers.kubelet": {"max_pods": 60, "pod_pids_limit": 1000},
        }
    )
    registries = (
        Registry("docker.io", "https://mirror.example:5000/hub", "-----CA-----\n", "registry-docker.io"),
        Registry("_default", "https://mirror.example", "", ""),
    )
    rotations = (("etcd", Rotation(2, (1, 2))), ("kubernetes", Rotation(1, (1, 2))))
    return replace(
        built,
        network=replace(
            built.network, backend=Backend.HOST_GW, proxy_mode=ProxyMode.IPTABLES, ssh_ports=(22, 2222)
        ),
        registries=registries,
        certificates=Certificates(leaves=2, rotations=rotations),
        drain_seconds=120,
        external_cloud=True,
        pools=tuple(map(with_older_version, built.pools)),
    )


def with_older_version(pool: Pool) -> Pool:
    return pool if pool.name == "control-plane" else replace(pool, kubernetes="1.35.6")


HOSTS = {("cp-2", role) for role in (Role.ETCD, Role.CONTROL_PLANE, Role.NODE)} | {
    ("lb-1", Role.LOAD_BALANCER),
    ("w-1", Role.NODE),
}


def texts(topology: Topology, identity: Identity, *, sudo: bool) -> dict[str, str]:
    """Return the scripts of `HOSTS`, with the name of each program in place of its content."""
    result = {}
    for (host, role), bundle in bundles(topology, StableIndex()).items():
        if (host, role) in HOSTS:
            text = script(bundle, identity, sudo=sudo)
            for program in PROGRAMS:
                text = text.replace(read_code(program), f"({program})\n")
            result[f"{host}-{role}"] = text
    return result


def recorded(current: dict[str, str]) -> dict[str, str]:
    """Return the recorded texts with the names of `current`, or record these texts."""
    if os.environ.get("KUBEWRIGHT_UPDATE_TEXTS"):
        for name, text in current.items():
            (RECORDED / name).write_text(text)
    return {name: (RECORDED / name).read_text() for name in current}


@pytest.fixture(scope="module")
def default_texts() -> dict[str, str]:
    return texts(topology({}), Identity("a-host", "10.0.0.99"), sudo=False)


def test_hosts_receive_the_recorded_texts(default_texts: dict[str, str]) -> None:
    current = {f"{name}.txt": text for name, text in default_texts.items()}
    assert current == recorded(current)


def test_settings_change_the_recorded_lines(default_texts: dict[str, str]) -> None:
    current = {
        f"{name}.diff": "".join(
            unified_diff(
                default_texts[name].splitlines(True), text.splitlines(True), "default", "changed", n=0
            )
        )
        for name, text in texts(with_all_options(), IDENTITY_AT_BOOT, sudo=True).items()
    }
    assert current == recorded(current)


def test_every_host_and_role_has_a_recorded_text(default_texts: dict[str, str]) -> None:
    names = {f"{host}-{role}" for host, role in HOSTS}
    assert default_texts.keys() == names
    assert {file.stem for file in RECORDED.iterdir()} == default_texts.keys()
