"""Component of kube-proxy [G2], which calls nft and iptables of the artifact `netfilter`."""

from __future__ import annotations

from ipaddress import IPv4Address

from nodeconfig.bundle import File, Service
from nodeconfig.component import Component, json_file
from nodeconfig.extra_flags import with_extra_flags
from nodeconfig.host_paths import BIN, CA, KUBERNETES, LIBRARY, NETFILTER
from nodeconfig.kubeconfig import kubeconfig_with_certificate
from nodeconfig.systemd import Unit
from topology.model import Topology
from topology.ports import PROXY_HEALTH_PORT, PROXY_METRICS_PORT

_CONFIG = f"{KUBERNETES}/kube-proxy.json"
_KUBECONFIG = f"{KUBERNETES}/kube-proxy.conf"
_PROTOCOLS = f"{LIBRARY}/protocols"


def component(topology: Topology, server: str, public_address: IPv4Address | None = None) -> Component:
    """Return the kube-proxy component of a node. `server` is the URL of the API for this node.

    `public_address` is the address of a Node behind NAT. The component is empty if Cilium replaces
    kube-proxy.
    """
    if not topology.network.has_kube_proxy:
        return Component()
    kubeconfig, leaf = kubeconfig_with_certificate(_KUBECONFIG, server, "kube-proxy")
    config = json_file(_CONFIG, _configuration(topology, public_address))
    unit = Unit(
        name="kube-proxy.service",
        description="Kubernetes service proxy",
        command=(f"{BIN}/kube-proxy", f"--config={_CONFIG}", "--hostname-override=${NODE_NAME}"),
        after=("network.target", "kube-apiserver.service"),
        service=(f"ExecStartPre=/bin/sh -c '[ -e /etc/protocols ] || ln -sf {_PROTOCOLS} /etc/protocols'",),
    )
    unit = with_extra_flags(unit, "proxy.extra_args", topology.extra_flags.proxy)
    return Component(
        files=(kubeconfig, config, _protocols_file(), unit.file()),
        secrets=leaf,
        artifacts=(("kube-proxy", f"{BIN}/kube-proxy"), ("netfilter", NETFILTER)),
        services=(
            Service(
                unit.name,
                restart_on=(f"{BIN}/kube-proxy", NETFILTER, config.path, kubeconfig.path, CA),
                ready=f"local_health http://127.0.0.1:{PROXY_HEALTH_PORT}/healthz",
            ),
        ),
    )


def _protocols_file() -> File:
    """Return a file with the names and numbers of protocols, for hosts without /etc/protocols.

    Without names nft lists `tcp` in a rule as `6`. A restarted kube-proxy would assign such an element to
    another service and delete it: all services would be missing until they change.
    """
    return File(_PROTOCOLS, "icmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\nsctp 132 SCTP\n")


def _configuration(topology: Topology, public_address: IPv4Address | None) -> dict[str, object]:
    # The NAT translates the address of the Node, so connections from outside arrive at the other address.
    machines = [str(network) for network in topology.network.machines]
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": _KUBECONFIG},
        "mode": str(topology.network.proxy_mode),
        "clusterCIDR": str(topology.network.pods),
        "nodePortAddresses": machines if public_address else ["primary"],
        "metricsBindAddress": f"127.0.0.1:{PROXY_METRICS_PORT}",
        "healthzBindAddress": f"0.0.0.0:{PROXY_HEALTH_PORT}",
        "enableProfiling": False,
        # Zero keeps the kernel limits, which belong to the machine: other programs may share them.
        "conntrack": {"maxPerCore": 0, "min": 0, "tcpEstablishedTimeout": "0s", "tcpCloseWaitTimeout": "0s"},
    }
