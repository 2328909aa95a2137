"""Component of the CNI plugins [G1], which connect pods to a bridge in the pod subnet of the node.

The upstream plugin `firewall` is not used, because it needs iptables. It is also unnecessary: the ruleset
of the host filters only incoming packets and no forwarded packets.
"""

from __future__ import annotations

import json

from nodeconfig.bundle import File
from nodeconfig.component import Component
from nodeconfig.host_paths import CNI, FLANNEL_SUBNET, LIBRARY
from topology.model import Topology
from topology.options import NetworkPlugin

_NAME = "kubewright"
_ADDRESSES = f"/var/lib/cni/networks/{_NAME}"
_PLUGINS = ("bridge", "loopback", "host-local", "portmap")
"""The plugins that pods of flannel need."""
_PLUGINS_OF_CILIUM = ("loopback", "portmap")
"""The plugin that containerd needs, and the plugin of host ports. Cilium installs its own plugin and another
`loopback`.
"""
_PLUGINS_WITHOUT_KUBE_PROXY = ("loopback",)
"""Cilium serves host ports itself if it replaces kube-proxy."""
_OTHER_PLUGINS = (
    *("bandwidth", "dhcp", "dummy", "firewall", "host-device", "ipvlan", "macvlan", "ptp", "sbr", "static"),
    *("tap", "tuning", "vlan", "vrf"),
)
"""The other plugins of upstream's release for Linux, which other CNIs and their chains of plugins may use."""
_OWN_CNI_PLUGINS = "/opt/cni/bin"
"""The directory where CNIs install their plugins."""
WRITE_CONFLIST = f"{LIBRARY}/write-conflist"
"""Path on a host of the program that writes the CNI configuration with the pod subnet of `FLANNEL_SUBNET`."""


def component(topology: Topology) -> Component:
    """Return the CNI component of a node. The user's own CNI can use all plugins of upstream."""
    flannel = topology.network.cni is NetworkPlugin.FLANNEL
    of_cilium = _PLUGINS_OF_CILIUM if topology.network.has_kube_proxy else _PLUGINS_WITHOUT_KUBE_PROXY
    plugins = {
        NetworkPlugin.FLANNEL: _PLUGINS,
        NetworkPlugin.CILIUM: of_cilium,
        NetworkPlugin.NONE: (*_PLUGINS, *_OTHER_PLUGINS),
    }[topology.network.cni]
    own = () if flannel else (File(_OWN_CNI_PLUGINS, "", mode=0o755),)
    return Component(
        files=(File(WRITE_CONFLIST, _write_conflist(topology), mode=0o755),) if flannel else (),
        artifacts=tuple((f"cni-{name}", f"{CNI}/{name}") for name in plugins),
        directories=(
            File("/etc/cni", "", mode=0o755),
            File("/etc/cni/net.d", "", mode=0o755),
            File("/var/lib/cni", "", mode=0o700),
            *own,
        ),
    )


def plugin_directories(topology: Topology) -> tuple[str, ...]:
    """Return the directories in which nodes look for CNI plugins, in this order.

    The plugins that Cilium or the user's own CNI installs come first. They are in another directory than
    Kubewright's, because many CNIs install plugins of upstream too: they would replace the links of
    Kubewright, or fail because of them.
    """
    return (CNI,) if topology.network.cni is NetworkPlugin.FLANNEL else (_OWN_CNI_PLUGINS, CNI)


def _write_conflist(topology: Topology) -> str:
    bridge = {
        "type": "bridge",
        "bridge": "cni0",
        "isDefaultGateway": True,
        # A node that registers again can get another subnet.
        "forceAddress": True,
        "hairpinMode": True,
        "mtu": "MTU",
        "ipam": {"type": "host-local", "ranges": [[{"subnet": "$subnet"}]]},
    }
    portmap = {
        "type": "portmap",
        "backend": str(topology.network.proxy_mode),
        "capabilities": {"portMappings": True},
    }
    conflist = {"cniVersion": "1.0.0", "name": _NAME, "plugins": [bridge, portmap]}
    text = json.dumps(conflist, indent=2).replace('"MTU"', "$FLANNEL_MTU")
    return f"""#!/bin/sh
# Writes the pods' network configuration from the subnet that flannel was given.
set -eu
. {FLANNEL_SUBNET}
# flannel names the bridge's address, the first of the subnet; IPAM wants the subnet itself.
address=${{FLANNEL_SUBNET%/*}}
subnet=${{address%.*}}.$((${{address##*.}} - 1))/${{FLANNEL_SUBNET#*/}}
umask 077
mkdir -p -m 0755 /etc/cni/net.d
# The plugin host-local would create this file with mode 0750.
mkdir -p {_ADDRESSES}
: >>{_ADDRESSES}/lock
chmod 0600 {_ADDRESSES}/lock
cat >/etc/cni/net.d/.kubewright <<EOF
{text}
EOF
mv /etc/cni/net.d/.kubewright /etc/cni/net.d/10-kubewright.conflist
"""
