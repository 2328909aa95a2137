"""The cluster that Kubewright and kubeadm both create: hosts, addresses and address ranges."""

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
"""Memory of each host, in bytes."""
API_PORT = 6443


@dataclass(frozen=True, slots=True)
class ClusterSetup:
    """The directories of a benchmark cluster: its state, and the mirror that the lab serves."""

    state: Path
    mirror: Path

    @property
    def lab(self) -> Path:
        """Return the state directory of the lab, with its keys and the mirror's certificate authority."""
        return self.state / "labs" / NAME

    @property
    def spec(self) -> LabSpec:
        """Return the specification of the lab, which has the same hosts for Kubewright and kubeadm."""
        hosts = tuple(LabHost(name=host, address=address(host), memory=MEMORY[host]) for host in HOSTS)
        return LabSpec(name=NAME, network=NETWORK, hosts=hosts, mirror=self.mirror)

    def disk(self, host: str) -> Path:
        """Return the directory on this machine with the files that a host has written."""
        return self.lab / "hosts" / host / "upper"


def address(host: str) -> IPv4Address:
    """Return the address of a host."""
    first = 11 if host in CONTROL_PLANES else 21
    group = CONTROL_PLANES if host in CONTROL_PLANES else WORKERS
    return NETWORK[first + group.index(host)]


def endpoint() -> str:
    """Return the API's address, which is that of the benchmark's load balancer for Kubewright and kubeadm."""
    return f"{NETWORK[-2]}:{API_PORT}"


def write_stack_file(path: Path) -> Path:
    """Write the stack file of this cluster for Kubewright."""
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
        **stackfile.lab_settings(NAME, str(NETWORK)),
    }
    cluster["metal"]["hosts"] = hosts
    config = {stackfile.LAB: {"network": str(NETWORK)}, stackfile.CLUSTER: cluster}
    path.write_text(yaml.safe_dump({"config": json.loads(json.dumps(config))}, sort_keys=False))
    return path
