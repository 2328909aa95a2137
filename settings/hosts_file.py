"""A separate file for the inventory of large stacks.

The engine passes the configuration to a Python program in one environment variable (PULUMI_CONFIG), which
Linux limits to 128 KiB: about 1,500 hosts. For a longer configuration the driver writes the inventory to a
file. Users who call the engine directly on such a stack must run `kubewright pulumi` instead of `pulumi`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from settings.problem import CLUSTER_KEY, Problem, SettingsError

HOSTS_FILE_KEY = "kubewright:hosts-file"
"""The key of the engine's configuration with the path of the JSON file that contains `metal.hosts`."""

MAX_CONFIG_BYTES = 120_000
"""Limit of the environment variable, which contains the object as JSON within JSON. MAX_ARG_STRLEN of Linux
is 131,072.
"""

Document = Mapping[str, Any]


def config_size(config: Document) -> int:
    """Return the size in bytes of the engine's environment variable for a stack file's `config`."""
    return len(json.dumps({key: _text(value) for key, value in config.items()}).encode())


def split_hosts(config: Document) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Return the configuration without `metal.hosts`, and the hosts; None if the configuration has no
    hosts.
    """
    hosts = hosts_of(config)
    if hosts is None:
        return None
    cluster = config[CLUSTER_KEY]
    rest = {key: value for key, value in cluster["metal"].items() if key != "hosts"}
    return {**config, CLUSTER_KEY: {**cluster, "metal": rest}}, dict(hosts)


def hosts_of(config: Document) -> Document | None:
    """Return `metal.hosts` of an unchecked configuration; None if the configuration has no hosts."""
    cluster = config.get(CLUSTER_KEY)
    metal = cluster.get("metal") if isinstance(cluster, Mapping) else None
    hosts = metal.get("hosts") if isinstance(metal, Mapping) else None
    return hosts if isinstance(hosts, Mapping) else None


def join_hosts(cluster: Document, file: str | None) -> Document:
    """Return the object `kubewright:cluster` with the hosts of the JSON file `file`; unchanged without a
    file.

    Raise SettingsError for a file that cannot be read.
    """
    if not file:
        return cluster
    try:
        hosts = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not JSON"
        message = f"the driver's file {file} cannot be read: {reason}; run the command again"
        raise SettingsError([Problem("metal.hosts", "", message)]) from None
    return {**cluster, "metal": {**cluster.get("metal", {}), "hosts": hosts}}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
