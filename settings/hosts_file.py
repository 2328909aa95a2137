"""Descriptions that are too long for the engine's way to the program.

The engine hands a program in Python its configuration in one variable of the environment (PULUMI_CONFIG), and
Linux takes 128 KiB in one: some 1,500 hosts. Of a longer description the driver gives the inventory in a file
of its own. Users see nothing of that; who runs `pulumi` by hand on such a stack goes by `kubewright pulumi`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from settings.problem import OBJECT, Problem, SettingsError

HOSTS_FILE = "kubewright:hosts-file"
"""The key of the engine's configuration that names the file with `metal.hosts`, as JSON."""

MAX_CONFIG_BYTES = 120_000
"""Of the variable, which has the key and the object as JSON within JSON: Linux' MAX_ARG_STRLEN is 131,072."""

Document = Mapping[str, Any]


def config_size(config: Document) -> int:
    """Bytes of the engine's variable for a stack file's `config`."""
    return len(json.dumps({key: _text(value) for key, value in config.items()}).encode())


def split_hosts(config: Document) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The configuration without the inventory's hosts, and these; None where there are none."""
    cluster = config.get(OBJECT)
    metal = cluster.get("metal") if isinstance(cluster, Mapping) else None
    hosts = metal.get("hosts") if isinstance(metal, Mapping) else None
    if not isinstance(cluster, Mapping) or not isinstance(metal, Mapping) or not isinstance(hosts, Mapping):
        return None
    rest = {key: value for key, value in metal.items() if key != "hosts"}
    return {**config, OBJECT: {**cluster, "metal": rest}}, dict(hosts)


def join_hosts(cluster: Document, file: str | None) -> Document:
    """The object `kubewright:cluster`, with the hosts in that file if one is named.

    Raises SettingsError for a file that is gone.
    """
    if not file:
        return cluster
    try:
        hosts = json.loads(Path(file).read_text())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no JSON"
        problem = Problem("metal.hosts", "", f"the driver's file of them: {reason}; run the command again")
        raise SettingsError([problem]) from None
    return {**cluster, "metal": {**cluster.get("metal", {}), "hosts": hosts}}


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
