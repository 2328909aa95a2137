"""Cilium, installed by its official Helm chart before the nodes join [G1]."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions
from pulumi_kubernetes.helm.v3 import Release, RepositoryOptsArgs

from artifacts.catalogue import images_of
from components.api import Api
from topology import cilium as options
from topology.cilium import CGROUP_ROOT, METRICS_PORT, RoutingMode
from topology.images import pinned_image
from topology.model import Role, Topology
from topology.ports import API_PORT, PROXY_HEALTH_PORT

Values = dict[str, object]
_NAMESPACE = "kube-system"
# The capabilities of the chart, except SYS_RESOURCE, with which agents raise the limit of locked memory.
# Since Linux 5.11, the memory of BPF programs counts for the cgroup instead. A container does not start on a
# host that lacks one of its capabilities.
_CLEANER_CAPABILITIES = ("NET_ADMIN", "SYS_MODULE", "SYS_ADMIN")
_AGENT_CAPABILITIES = (
    *_CLEANER_CAPABILITIES,
    *("CHOWN", "KILL", "NET_RAW", "IPC_LOCK", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID", "SYSLOG"),
)


@dataclass(frozen=True, kw_only=True)
class CiliumArgs:
    """Arguments of `Cilium`. `cilium` is the configuration in `topology.network`."""

    api: Api
    topology: Topology
    cilium: options.Cilium


class Cilium(ComponentResource):
    """The Helm release of Cilium.

    Nodes join after the release exists and are Ready when their agent runs. The release itself does not wait
    for its pods, which have no nodes yet, so Helm cannot roll back a failed upgrade.
    """

    def __init__(self, name: str, args: CiliumArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Cilium", name, None, opts)
        cilium = args.cilium
        Release(
            f"{name}-release",
            name="cilium",
            chart=cilium.chart,
            version=cilium.chart_version or None,
            namespace=_NAMESPACE,
            repository_opts=RepositoryOptsArgs(repo=cilium.repository) if cilium.repository else None,
            values=chart_values(args.topology, cilium),
            skip_await=True,
            opts=args.api.options(self),
        )
        self.register_outputs({})


def chart_values(topology: Topology, cilium: options.Cilium) -> Values:
    """Return the values of Cilium's chart.

    The bundles of nodes prepare what privileged init containers of the chart would prepare (mounts, kernel
    settings), see `nodeconfig.cilium`.
    """
    agent, operator = images_of("cilium", cilium.version)
    return {
        "k8s": {"apiServerURLs": _api_servers(topology)},
        # The controller manager gives each Node its part of network.pods.
        "ipam": {"mode": "kubernetes"},
        **_routing(topology, cilium),
        **_services(topology, cilium),
        "image": _image(topology, agent),
        "bpf": {
            "autoMount": {"enabled": False},
            # Packets of pods pass the packet filter of the host, as with flannel.
            "hostLegacyRouting": True,
        },
        "cgroup": {"autoMount": {"enabled": False}, "hostRoot": CGROUP_ROOT},
        "securityContext": {
            "capabilities": {
                "ciliumAgent": list(_AGENT_CAPABILITIES),
                "cleanCiliumState": list(_CLEANER_CAPABILITIES),
            }
        },
        "sysctlfix": {"enabled": False},
        # The value `prometheus` would open the port to other hosts.
        **(
            {"extraConfig": {"prometheus-serve-addr": f"127.0.0.1:{METRICS_PORT}"}}
            if topology.monitoring
            else {}
        ),
        # Only policies for HTTP and DNS names need Envoy and the proxies of the agent.
        "envoy": {"enabled": False},
        "l7Proxy": False,
        "hubble": _hubble(cilium),
        "operator": {
            "image": _image(topology, operator),
            # The replicas use ports of their nodes.
            "replicas": 1 if _has_one_node(topology) else 2,
            "prometheus": {"enabled": False},
            "rollOutPods": True,
        },
        # A changed configuration restarts the agents, one after another. Pods stay connected.
        "rollOutCiliumPods": True,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
    }


def _api_servers(topology: Topology) -> str:
    """Return the URLs of all API servers.

    Agents start before services work. The endpoint is not usable on control planes of every cloud, because a
    machine behind some load balancers cannot reach itself through them.
    """
    return " ".join(f"https://{member.node_address}:{API_PORT}" for member in topology.control_planes)


def _image(topology: Topology, reference: str) -> Values:
    """Return the values of an image: its digest from the pinned index, or else the tag of the chart.

    The digests in the chart are those of upstream's images. A registry can have images that the mirror built.
    """
    image = pinned_image(topology, reference)
    override: Values = {"override": image} if image != reference else {}
    return {"useDigest": False, **override}


def _routing(topology: Topology, cilium: options.Cilium) -> Values:
    mtu: Values = {"MTU": topology.network.mtu} if topology.network.mtu else {}
    if cilium.routing_mode is RoutingMode.TUNNEL:
        return {"routingMode": "tunnel", "tunnelProtocol": "vxlan", **mtu}
    return {
        "routingMode": "native",
        "ipv4NativeRoutingCIDR": str(topology.network.pods),
        "autoDirectNodeRoutes": True,
        **mtu,
    }


def _services(topology: Topology, cilium: options.Cilium) -> Values:
    if not cilium.replaces_kube_proxy:
        # Host ports of pods: without this plugin, Cilium has none and reports no error.
        return {"kubeProxyReplacement": False, "cni": {"chainingMode": "portmap"}}
    first, last = topology.network.node_ports
    return {
        "kubeProxyReplacement": True,
        "kubeProxyReplacementHealthzBindAddr": f"0.0.0.0:{PROXY_HEALTH_PORT}",
        "nodePort": {"range": f"{first},{last}"},
    }


def _hubble(cilium: options.Cilium) -> Values:
    """Return the values of Hubble. Its port on nodes needs no certificates: the packet filter closes it."""
    if not cilium.hubble:
        return {"enabled": False}
    return {"enabled": True, "tls": {"enabled": False}}


def _has_one_node(topology: Topology) -> bool:
    nodes = sum(Role.NODE in machine.roles for machine in topology.machines)
    return nodes + sum(pool.capacity.max_size for pool in topology.pools if pool.capacity) == 1
