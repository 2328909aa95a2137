"""Component of kubelet-csr-approver [B2, B4], which approves the serving certificates and the first client
certificates of kubelets.

The approver runs on every control plane, with leader election. Kubernetes itself does not approve these
requests, because a controller must check that a node requests only its own names and addresses, and that a
host joins only under its own name.
"""

from __future__ import annotations

from nodeconfig.bundle import Service
from nodeconfig.component import Component, combine_components
from nodeconfig.host_paths import BIN, CA, KUBERNETES, LOCAL_API
from nodeconfig.kubeconfig import kubeconfig_with_certificate
from nodeconfig.service_user import ServiceUser
from nodeconfig.systemd import Unit, sandbox
from topology.identities import INVENTORY, reserved_addresses, reserved_names
from topology.model import Topology
from topology.ports import CSR_APPROVER_HEALTH_PORT, CSR_APPROVER_METRICS_PORT

_KUBECONFIG = f"{KUBERNETES}/csr-approver.conf"
_USER = ServiceUser("kubelet-csr-approver")
_YEAR_SECONDS = 366 * 24 * 3600
_NODE_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$$"  # systemd replaces two dollar signs with one


def component(topology: Topology) -> Component:
    """Return the CSR approver component of a control plane."""
    config, leaf = kubeconfig_with_certificate(_KUBECONFIG, LOCAL_API, "csr-approver", _USER)
    flags = {
        "kubeconfig": _USER.copy(_KUBECONFIG),
        "provider-regex": _NODE_NAME,
        "provider-ip-prefixes": ",".join(str(network) for network in topology.network.machines),
        # DNS may not have the names of nodes. Addresses must be in the networks of machines.
        "bypass-dns-resolution": "true",
        "reserved-names": ",".join(reserved_names(topology)),
        "reserved-addresses": ",".join(reserved_addresses(topology)),
        "inventory": f"kube-system/{INVENTORY}",
        "max-expiration-sec": str(_YEAR_SECONDS),
        "leader-election": "true",
        "metrics-bind-address": f"127.0.0.1:{CSR_APPROVER_METRICS_PORT}",
        "health-probe-bind-address": f"127.0.0.1:{CSR_APPROVER_HEALTH_PORT}",
    }
    if topology.network.node_domains:
        flags["provider-domains"] = ",".join(topology.network.node_domains)
    unit = Unit(
        name="kubelet-csr-approver.service",
        description="Approver of kubelets' certificates",
        command=(f"{BIN}/kubelet-csr-approver", *(f"--{name}={value}" for name, value in flags.items())),
        after=("network.target", "kube-apiserver.service", _USER.secrets_unit),
        service=(f"User={_USER.name}", *sandbox()),
    )
    service = Component(
        files=(config, unit.file()),
        secrets=leaf,
        artifacts=(("kubelet-csr-approver", f"{BIN}/kubelet-csr-approver"),),
        services=(
            Service(
                unit.name,
                restart_on=(f"{BIN}/kubelet-csr-approver", config.path, CA),
                ready=f"local_health http://127.0.0.1:{CSR_APPROVER_HEALTH_PORT}/healthz",
            ),
        ),
    )
    return combine_components((_USER.component((config, leaf[1])), service))
