"""Valid settings for tests, as the content of `kubewright:cluster`, and functions that edit them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Any

REMOVE = object()
"""The value of an edit that removes a key."""
MIRROR = {"mirror": "https://10.0.0.2:8080"}

ONE_HOST: dict[str, Any] = {
    "name": "one",
    "environment": "lab",
    "artifacts": MIRROR,
    "network": {"machines": ["10.0.0.0/24"], "api_allowed": ["0.0.0.0/0"]},
    "control_planes": {"hosts": ["only"], "schedulable": True},
    "metal": {
        "ssh": {"agent": True, "known_hosts_file": "~/.ssh/known_hosts"},
        "hosts": {"only": {"address": "10.0.0.5", "cpus": 2, "memory": "4Gi"}},
    },
}

TWO_WORKERS: dict[str, Any] = {
    "name": "dev",
    "environment": "lab",
    "artifacts": MIRROR,
    "kubernetes": {"version": "1.36.3"},
    "network": {
        "machines": ["10.89.0.0/24", "10.90.0.0/24"],
        "pods": "10.244.0.0/16",
        "node_prefix": 24,
        "services": "10.96.0.0/20",
        "api_allowed": ["0.0.0.0/0"],
    },
    "control_planes": {"hosts": ["cp-1"]},
    "pools": {"workers": {"hosts": ["w-1", "w-2"], "labels": {"tier": "web"}, "taints": ["a=b:NoSchedule"]}},
    "registries": {"_default": {"endpoint": "https://10.89.0.1:5000"}},
    "metal": {
        "ssh": {"private_key_file": "~/.ssh/id_ed25519", "known_hosts_file": "~/.ssh/known_hosts"},
        "hosts": {
            "cp-1": {"address": "10.89.0.11", "cpus": 2, "memory": "4Gi", "disk": "20Gi"},
            "w-1": {"address": "10.89.0.21", "memory": "3Gi"},
            "w-2": {"address": "10.89.0.22"},
        },
    },
}

HIGHLY_AVAILABLE: dict[str, Any] = {
    "name": "ha",
    "environment": "lab",
    "artifacts": MIRROR,
    "endpoint": {"host": "10.0.0.100"},
    "network": {"machines": ["10.0.0.0/24"], "api_allowed": ["0.0.0.0/0"]},
    "control_planes": {"hosts": ["cp-1", "cp-2", "cp-3"]},
    "load_balancers": {"hosts": ["lb-1", "lb-2"]},
    "pools": {"workers": {"hosts": ["w-1", "w-2", "w-3"]}},
    "metal": {
        "ssh": {"agent": True, "known_hosts_file": "~/.ssh/known_hosts"},
        "hosts": {
            name: {"address": f"10.0.0.{number}"}
            for number, name in enumerate(
                ("cp-1", "cp-2", "cp-3", "lb-1", "lb-2", "w-1", "w-2", "w-3"), start=11
            )
        },
    },
}


@dataclass(frozen=True)
class InvalidSettings:
    """Invalid settings: `edits` of `base` cause a problem at `path` whose message contains `phrase`."""

    path: str
    phrase: str
    edits: Mapping[str, object]
    base: Mapping[str, Any] = field(default_factory=lambda: TWO_WORKERS)
    together_with: int = 0
    """Number of other problems that the same mistake causes."""


def with_edits(base: Mapping[str, Any], edits: Mapping[str, object]) -> dict[str, Any]:
    """Return a copy of the settings `base` with values at dotted paths replaced, added or removed."""
    raw = copy.deepcopy(dict(base))
    for path, value in edits.items():
        *parents, last = path.split(".")
        section = raw
        for key in parents:
            section = section.setdefault(key, {})
        if value is REMOVE:
            section.pop(last)
        else:
            section[last] = copy.deepcopy(value)
    return raw


def with_workers(base: Mapping[str, Any], count: int) -> dict[str, Any]:
    """Return the settings `base` with `count` workers in total, and with a large enough network for
    machines.
    """
    network = IPv4Network("192.168.0.0/16")
    hosts = {f"n-{number}": {"address": str(network[number])} for number in range(1, count + 1)}
    control_plane = base["control_planes"]["hosts"][0]
    return with_edits(
        base,
        {
            "network.machines": [*base["network"]["machines"], str(network)],
            "pools": {"workers": {"hosts": list(hosts)}},
            "metal.hosts": {control_plane: base["metal"]["hosts"][control_plane], **hosts},
        },
    )
