"""What tests of clusters with three control planes share: their configuration, and the gap of writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from testkit.stackfile import Document, merge
from tests.clouds.stack import POOL
from tests.clouds.variants import configuration

MEMBERS = ("cp-1", "cp-2", "cp-3")
WORKERS = 2
MAX_GAP_SECONDS = 15
"""Allowed time without an acknowledged write. The machines of the emulation end without a shutdown, as in a
power failure, and tests/faults allows the same time for such a host.
"""


def stack_config(cloud: str, name: str, network: str, change: Mapping[str, Any]) -> Document:
    """Return the configuration of a cluster with a control plane in each of three zones, and two workers.

    `network` are the first two bytes of its network, with a dot at the end. `change` is merged into
    `kubewright:cluster`.
    """
    cluster = {
        "control_planes": {"hosts": list(MEMBERS)},
        "pools": {POOL: {"size": {"min": WORKERS, "max": WORKERS}}},
        # A pod on a node whose kubelet has failed never ends.
        "drain_timeout": "1m",
    }
    return configuration(cloud, name, network, merge(cluster, change))
