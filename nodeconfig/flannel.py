"""Component of the pod network [G1]: flannel, which runs as a systemd service of each node.

A systemd service needs no image, and nodes become Ready sooner than with a DaemonSet.
"""

from __future__ import annotations

from ipaddress import IPv4Address

from nodeconfig.bundle import File, Service
from nodeconfig.cni import WRITE_CONFLIST
from nodeconfig.component import Component, json_file
from nodeconfig.host_paths import BIN, CA, FLANNEL_SUBNET, KUBELET_CLIENT, KUBERNETES, NETFILTER
from nodeconfig.kubeconfig import authority_file, kubeconfig
from nodeconfig.systemd import Unit
from topology.model import Topology
from topology.options import Backend, NetworkPlugin, ProxyMode

_NETWORK_CONFIG = "/etc/kube-flannel/net-conf.json"
_KUBECONFIG = f"{KUBERNETES}/flannel.conf"


def component(topology: Topology, server: str, public_address: IPv4Address | None = None) -> Component:
    """Return the flannel component of a node. `server` is the URL of the API for this node.

    With `public_address`, all other nodes send packets for the pods of this node to this address.
    The component is empty for a cluster with another CNI.
    """
    if topology.network.cni is not NetworkPlugin.FLANNEL:
        return Component()
    # With the certificate of its node, flannel can change no other Node.
    config = kubeconfig(
        _KUBECONFIG, server, {"client-certificate": KUBELET_CLIENT, "client-key": KUBELET_CLIENT}
    )
    network_config = json_file(_NETWORK_CONFIG, _network_configuration(topology), mode=0o644)
    unit = _service_unit(public_address)
    return Component(
        files=(config, network_config, _link_file(), unit.file()),
        secrets=(authority_file("kubernetes-ca"),),
        artifacts=(("flanneld", f"{BIN}/flanneld"), ("netfilter", NETFILTER)),
        services=(
            Service(
                unit.name,
                restart_on=(f"{BIN}/flanneld", network_config.path, config.path, WRITE_CONFLIST, CA),
                ready=f"[ -s {FLANNEL_SUBNET} ]",
                timeout=120,
            ),
        ),
        directories=(File("/etc/kube-flannel", "", mode=0o755),),
    )


def _network_configuration(topology: Topology) -> dict[str, object]:
    network = topology.network
    backend: dict[str, object] = {"Type": str(network.backend)}
    if network.backend is Backend.VXLAN and network.mtu:
        backend["MTU"] = (
            network.mtu - 50
        )  # flannel subtracts the VXLAN header only from the MTU of the device
    return {
        "Network": str(network.pods),
        "EnableNFTables": network.proxy_mode is ProxyMode.NFTABLES,
        "Backend": backend,
    }


def _service_unit(public_address: IPv4Address | None) -> Unit:
    flags = (
        "--kube-subnet-mgr",
        f"--kubeconfig-file={_KUBECONFIG}",
        f"--net-config-path={_NETWORK_CONFIG}",
        f"--subnet-file={FLANNEL_SUBNET}",
        "--iface=${NODE_IP}",
        "--ip-masq",
        "--healthz-ip=127.0.0.1",
    )
    return Unit(
        name="flanneld.service",
        description="flannel pod network",
        command=(f"{BIN}/flanneld", *flags),
        after=("network.target", "kubewright-firewall.service", "kube-apiserver.service"),
        # flannel exits until its node has a certificate and a range of pod addresses.
        restart_seconds=1,
        type="notify",
        service=(*_annotate_node(public_address), f"ExecStartPost={WRITE_CONFLIST}"),
    )


def _annotate_node(public_address: IPv4Address | None) -> tuple[str, ...]:
    """Return the line of the unit that sets flannel's annotation with the public address of the node.

    With its flag --public-ip, flannel would also send packets from the public address, which a NAT does not
    translate.
    """
    if public_address is None:
        return ()
    kubectl = f"{BIN}/kubectl --kubeconfig={_KUBECONFIG} --cache-dir=/run/flannel/kubectl"
    annotation = f"flannel.alpha.coreos.com/public-ip-overwrite={public_address}"
    return (f"ExecStartPre={kubectl} annotate --overwrite node ${{NODE_NAME}} {annotation}",)


def _link_file() -> File:
    """Return a link file that keeps systemd 242 or later from changing MAC addresses, which breaks VXLAN."""
    return File(
        "/etc/systemd/network/10-kubewright-flannel.link",
        "[Match]\nOriginalName=flannel.*\n\n[Link]\nMACAddressPolicy=none\n",
    )
