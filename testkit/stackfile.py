"""Configurations of stack files for tests: a control plane and workers on hosts of a separate lab."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import yaml

CLUSTER = "kubewright:cluster"
LAB = "kubewright:lab"
DELETE = object()
"""Marker in the argument `change` of `merge`: the key with this value is removed."""

Document = dict[str, Any]


def merge(base: Mapping[str, Any], change: Mapping[str, Any]) -> Document:
    """Return `base` with `change` merged into it, mapping by mapping. The value `DELETE` removes a key."""
    result = copy.deepcopy(dict(base))
    for key, value in change.items():
        if value is DELETE:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merge(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def host(network: str, number: int, memory: str = "3Gi") -> Document:
    """Return the inventory entry of a lab host: address `number` of `network`, memory, CPUs and disk."""
    return {"address": str(IPv4Network(network)[number]), "cpus": 2, "memory": memory, "disk": "20Gi"}


def lab_settings(name: str, network: str) -> Document:
    """Return the settings that every cluster in the lab has: mirror, registry and SSH keys."""
    gateway = IPv4Network(network)[1]
    lab = f"$KUBEWRIGHT_STATE/labs/{name}"
    return {
        "artifacts": {"mirror": f"https://{gateway}:8080", "ca_file": f"{lab}/ca.crt"},
        "registries": {"_default": {"endpoint": f"https://{gateway}:5000", "ca_file": f"{lab}/ca.crt"}},
        "metal": {
            "ssh": {
                "private_key_file": f"{lab}/ssh/id_ed25519",
                "known_hosts_file": f"{lab}/ssh/known_hosts",
            },
        },
    }


def document(
    name: str,
    network: str,
    *,
    control_planes: Sequence[str],
    workers: Sequence[str],
    hello: int | None = None,
) -> Document:
    """Return the configuration of a cluster in a lab on `network`.

    Control planes have the addresses from number 11 of the network, workers from number 21. `hello` is the
    NodePort of the page served by the chart in `lab/charts`; without it, no release is installed. Without
    workers, the control plane accepts pods.
    """
    hosts = {member: host(network, 11 + i) for i, member in enumerate(control_planes)}
    hosts |= {member: host(network, 21 + i) for i, member in enumerate(workers)}
    cluster: Document = {
        "name": name,
        "environment": "lab",
        "network": {"machines": [network]},
        "control_planes": {"hosts": list(control_planes), "schedulable": not workers},
        "pools": {"workers": {"hosts": list(workers)}} if workers else {},
        **lab_settings(name, network),
    }
    cluster["metal"]["hosts"] = hosts
    if hello is not None:
        release = {"chart": "./lab/charts/hello", "namespace": "default", "values": {"nodePort": hello}}
        cluster["helm_releases"] = {"hello": release}
    return {LAB: {"network": network}, CLUSTER: cluster}


def from_checkout(path: Path, name: str, network: str) -> Document:
    """Return the configuration of the stack file at `path` with another cluster name and another lab
    network.
    """
    text = path.read_text()
    original = yaml.safe_load(text)["config"]
    old_prefix = str(IPv4Network(original[LAB]["network"])[0]).removesuffix("0")
    text = text.replace(old_prefix, str(IPv4Network(network)[0]).removesuffix("0"))
    text = text.replace(f"labs/{original[CLUSTER]['name']}/", f"labs/{name}/")
    config: Document = yaml.safe_load(text)["config"]
    config[CLUSTER]["name"] = name
    return config


def write(path: Path, config: Mapping[str, Any]) -> None:
    """Write a stack file with this configuration."""
    path.write_text(yaml.safe_dump({"config": dict(config)}, sort_keys=False))
