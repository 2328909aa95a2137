"""What both programs build: the hosts, their addresses and the cluster's ranges."""

from __future__ import annotations

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import yaml

from lab.spec import LabHost, LabSpec
from testkit import stackfile

NAME = "kwready"
NETWORK = IPv4Network("10.98.0.0/24")
PODS = "10.244.0.0/16"
SERVICES = "10.96.0.0/20"
CONTROL_PLANES = ("cp-1", "cp-2", "cp-3")
WORKERS = ("w-1", "w-2", "w-3")
HOSTS = (*CONTROL_PLANES, *WORKERS)
MEMORY = {**dict.fromkeys(CONTROL_PLANES, 3 * 1024**3), **dict.fromkeys(WORKERS, 2 * 1024**3)}
"""Bytes, by host."""
API_PORT = 6443


@dataclass(frozen=True, slots=True)
class Site:
    """Where one cluster is built: the state's directory, and the mirror that the lab serves."""

    state: Path
    mirror: Path

    @property
    def lab(self) -> Path:
        """The lab's state: keys and the authority of mirror and registry."""
        return self.state / "labs" / NAME

    @property
    def spec(self) -> LabSpec:
        """The lab: the same hosts for both programs."""
        hosts = tuple(LabHost(name=host, address=address(host), memory=MEMORY[host]) for host in HOSTS)
        return LabSpec(name=NAME, network=NETWORK, hosts=hosts, mirror=self.mirror)

    def disk(self, host: str) -> Path:
        """What a host has written to its root, as the machine sees it."""
        return self.lab / "hosts" / host / "upper"


def address(host: str) -> IPv4Address:
    """A host's address."""
    first = 11 if host in CONTROL_PLANES else 21
    group = CONTROL_PLANES if host in CONTROL_PLANES else WORKERS
    return NETWORK[first + group.index(host)]


def endpoint() -> str:
    """The API's address for both programs: the benchmark's own balancer, on the lab's machine."""
    return f"{NETWORK[-2]}:{API_PORT}"


def stack(path: Path) -> Path:
    """Writes Kubewright's stack file of this cluster."""
    hosts: dict[str, Any] = {
        host: {"address": str(address(host)), "cpus": 2, "memory": f"{MEMORY[host] // 1024**3}Gi"}
        for host in HOSTS
    }
    cluster: stackfile.Document = {
        "name": NAME,
        "environment": "lab",
        "endpoint": {"host": str(NETWORK[-2]), "port": API_PORT},
        "network": {"machines": [str(NETWORK)], "pods": PODS, "services": SERVICES},
        "control_planes": {"hosts": list(CONTROL_PLANES)},
        "pools": {"workers": {"hosts": list(WORKERS)}},
        **stackfile.in_lab(NAME, str(NETWORK)),
    }
    cluster["metal"]["hosts"] = hosts
    config = {stackfile.LAB: {"network": str(NETWORK)}, stackfile.CLUSTER: cluster}
    path.write_text(yaml.safe_dump({"config": json.loads(json.dumps(config))}, sort_keys=False))
    return path
