"""Approves kubelets' requests for serving certificates [B2], on every control plane, leader by lease.

Kubernetes signs these only once somebody has checked that a node asks for its own names and addresses.
"""

from __future__ import annotations

from nodeconfig.bundle import Service
from nodeconfig.component import Component
from nodeconfig.host_paths import BIN, CA, KUBERNETES, LOCAL_API
from nodeconfig.kubeconfig import by_certificate
from nodeconfig.systemd import Unit
from topology.model import Topology

_KUBECONFIG = f"{KUBERNETES}/csr-approver.conf"
_YEAR_SECONDS = 366 * 24 * 3600
_NODE_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$$"  # systemd makes one dollar of two


def component(topology: Topology) -> Component:
    """The approver's part of a control plane."""
    config, leaf = by_certificate(_KUBECONFIG, LOCAL_API, "csr-approver")
    flags = {
        "kubeconfig": _KUBECONFIG,
        "provider-regex": _NODE_NAME,
        "provider-ip-prefixes": ",".join(str(network) for network in topology.network.machines),
        # Names of nodes need not be in DNS; addresses must be the machines'.
        "bypass-dns-resolution": "true",
        "max-expiration-sec": str(_YEAR_SECONDS),
        "leader-election": "true",
        "metrics-bind-address": "127.0.0.1:8181",
        "health-probe-bind-address": "127.0.0.1:8182",
    }
    if topology.network.node_domains:
        flags["provider-domains"] = ",".join(topology.network.node_domains)
    unit = Unit(
        name="kubelet-csr-approver.service",
        description="Approver of kubelets' serving certificates",
        command=(f"{BIN}/kubelet-csr-approver", *(f"--{name}={value}" for name, value in flags.items())),
        after=("network.target", "kube-apiserver.service"),
    )
    return Component(
        files=(config, unit.file()),
        secrets=leaf,
        artifacts=(("kubelet-csr-approver", f"{BIN}/kubelet-csr-approver"),),
        services=(
            Service(
                unit.name,
                restart_on=(f"{BIN}/kubelet-csr-approver", config.path, CA),
                ready="local_health http://127.0.0.1:8182/healthz",
            ),
        ),
    )
