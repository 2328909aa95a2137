"""Topology of a small cluster for tests of bundles, and an index of artifacts that needs no mirror."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from artifacts.acquire import DEBIAN_RECIPES
from artifacts.catalogue import DEFAULTS, indexed_version, version_of
from assembly import build_topology
from settings import load
from topology.architectures import AMD64
from topology.model import Topology, Versions


class FakeIndex:
    """An index of artifacts for amd64 and arm64. URLs and digests are derived from names and versions."""

    ca = "-----BEGIN CERTIFICATE-----\nauthority\n-----END CERTIFICATE-----\n"

    def version(self, name: str, versions: Versions, architecture: str) -> str:
        return indexed_version(version_of(name, versions), architecture, AMD64)

    def artifact(self, name: str, version: str) -> tuple[str, str]:
        return f"https://mirror/{name}/{version}", sha256(f"{name} {version}".encode()).hexdigest()

    def member(self, name: str, version: str) -> str:
        return "*" if name in DEBIAN_RECIPES else ""


def cluster(
    *,
    etcd: int = 1,
    workers: int = 2,
    max_pods: int = 110,
    sections: Mapping[str, object] | None = None,
    **network: object,
) -> Topology:
    """Return the topology of hosts with one control plane `cp-1`, and with workers `w-1`, `w-2`, ….

    With more than one etcd member, etcd has dedicated hosts, `e-0`, `e-1`, …. `sections` are further sections
    of the settings, such as `api`. `network` replaces keys of the setting `network`.
    """
    hosts = {"cp-1": {"address": "10.9.0.11"}}
    hosts |= {f"w-{number}": {"address": f"10.9.0.{20 + number}"} for number in range(1, workers + 1)}
    raw: dict[str, object] = {
        "name": "t",
        "environment": "lab",
        "artifacts": {"mirror": "https://mirror"},
        "network": {"machines": ["10.9.0.0/24"], **network},
        "control_planes": {"hosts": ["cp-1"], "schedulable": not workers},
        "metal": {"ssh": {"private_key_file": "k", "known_hosts_file": "h"}, "hosts": hosts},
    }
    if etcd > 1:
        hosts |= {f"e-{number}": {"address": f"10.9.0.{100 + number}"} for number in range(etcd)}
        raw["etcd"] = {"hosts": [f"e-{number}" for number in range(etcd)]}
    if workers:
        names = [f"w-{number}" for number in range(1, workers + 1)]
        raw["pools"] = {
            "workers": {
                "hosts": names,
                "labels": {"tier": "web"},
                "taints": ["only=web:NoSchedule"],
                "kubelet": {"max_pods": max_pods},
            }
        }
    result = build_topology(load(raw | dict(sections or {})))
    assert result.versions == DEFAULTS or sections
    return result
