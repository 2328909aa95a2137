"""Component of network policies [G1, G3]: kube-router, which runs as a systemd service of each node.

Only the network policy controller of kube-router runs. It translates the NetworkPolicy objects for the pods
of its node into rules of iptables and sets of ipset. The rules stay in the kernel while the service is
stopped.
"""

from __future__ import annotations

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component
from nodeconfig.host_paths import (
    BIN,
    CA,
    IPSET,
    KUBELET_CLIENT,
    KUBERNETES,
    LIBRARY,
    NETFILTER,
    SYSTEMD_UNITS,
)
from nodeconfig.kubeconfig import authority_file, kubeconfig
from nodeconfig.systemd import TOOLS_PATH, Unit, sandbox
from topology.model import Topology
from topology.ports import NETWORK_POLICY_METRICS_PORT

_UNIT = "kube-router.service"
_KUBECONFIG = f"{KUBERNETES}/kube-router.conf"
_REMOVE_RULES = f"{LIBRARY}/remove-network-policies"
_METRICS = f"http://127.0.0.1:{NETWORK_POLICY_METRICS_PORT}/metrics"
_SYNCHRONIZED = "kube_router_controller_iptables_v4_restore_time_count "
"""Name of the metric that counts the complete synchronizations since the controller started."""


def component(topology: Topology, server: str) -> Component:
    """Return the network policy controller of a node. `server` is the URL of the API for this node.

    The component is empty if the settings do not enforce network policies.
    """
    if not topology.network.enforces_policies:
        return Component()
    # With the certificate of its node, the controller can change no object but its Node.
    config = kubeconfig(
        _KUBECONFIG, server, {"client-certificate": KUBELET_CLIENT, "client-key": KUBELET_CLIENT}
    )
    unit = _service_unit(topology)
    return Component(
        files=(config, _removal_program(), unit.file()),
        secrets=(authority_file("kubernetes-ca"),),
        artifacts=(
            ("kube-router", f"{BIN}/kube-router"),
            ("netfilter", NETFILTER),
            ("ipset", IPSET),
        ),
        services=(
            Service(
                unit.name,
                restart_on=(f"{BIN}/kube-router", NETFILTER, IPSET, config.path, CA),
                ready=f"case $(local_health {_METRICS}) in *'{_SYNCHRONIZED}'[1-9]*) ;; *) false ;; esac",
                timeout=120,
            ),
        ),
    )


def _service_unit(topology: Topology) -> Unit:
    network = topology.network
    first, last = network.node_ports
    flags = (
        "--run-firewall=true",
        "--run-router=false",
        "--run-service-proxy=false",
        f"--kubeconfig={_KUBECONFIG}",
        "--hostname-override=${NODE_NAME}",
        f"--service-cluster-ip-range={network.services}",
        # kube-router refuses a range of one port.
        f"--service-node-port-range={min(first, last - 1)}-{last}",
        # The health port would listen on all addresses.
        "--health-port=0",
        "--metrics-addr=127.0.0.1",
        f"--metrics-port={NETWORK_POLICY_METRICS_PORT}",
    )
    return Unit(
        name=_UNIT,
        description="Network policy controller",
        command=(f"{BIN}/kube-router", *flags),
        after=("network.target", "kubewright-firewall.service", "kube-apiserver.service"),
        # The controller exits until its node has a certificate and is registered.
        restart_seconds=1,
        service=(
            f"Environment=PATH={IPSET}:{TOOLS_PATH}",
            f"ExecStopPost={_REMOVE_RULES}",
            *sandbox(capabilities=("CAP_NET_ADMIN", "CAP_NET_RAW")),
        ),
    )


def _removal_program() -> File:
    """Return a program that removes the rules when the unit is removed, and keeps them when the unit stops.

    Without this program, the last rules would apply to pods that later get the same addresses. The option
    --cleanup-config of kube-router would also remove what its other controllers own, such as all sets.
    """
    content = f"""#!/bin/sh
# Removes the rules of network policies when their unit is disabled; a unit that only stops keeps its rules.
set -eu
[ ! -L {SYSTEMD_UNITS}/multi-user.target.wants/{_UNIT} ] || exit 0
iptables-save -t filter | while IFS= read -r line; do
    case $line in *KUBE-ROUTER* | *KUBE-NWPLCY-* | *KUBE-POD-FW-*) ;; *) printf '%s\\n' "$line" ;; esac
done | iptables-restore -T filter
ipset list -name | while read -r name; do
    case $name in KUBE-SRC-* | KUBE-DST-*) ipset destroy "$name" ;; esac
done
"""
    return File(_REMOVE_RULES, content, mode=0o755)
