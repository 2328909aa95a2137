"""The network policies of Prometheus, Alertmanager and kube-state-metrics [H4]."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pulumi_kubernetes.networking.v1 as networking
from pulumi import Resource, ResourceOptions
from pulumi_kubernetes.meta.v1 import LabelSelectorArgs, ObjectMetaArgs

from components.addons.monitoring_pods import labels
from topology.model import Topology
from topology.monitoring import ALERTMANAGER, NAMESPACE, PROMETHEUS


def create_policy(
    name: str,
    component: str,
    topology: Topology,
    ports: Sequence[int],
    clients: Iterable[str],
    opts: ResourceOptions,
) -> Resource:
    """Open the ports of a component to Prometheus and to `clients`, and Prometheus to all pods and machines.

    Nodes can always connect to their own pods.
    """
    peers = [
        networking.NetworkPolicyPeerArgs(pod_selector=LabelSelectorArgs(match_labels=labels(peer)))
        for peer in dict.fromkeys((PROMETHEUS, component, *clients))
    ]
    if component == PROMETHEUS:
        # API servers connect to a service for `kubectl get --raw`. With VXLAN, the packets of a machine
        # to pods of another node have the address of its VXLAN device, which is in the network of pods.
        network = topology.network
        peers = [
            networking.NetworkPolicyPeerArgs(namespace_selector=LabelSelectorArgs()),
            *(
                networking.NetworkPolicyPeerArgs(ip_block=networking.IPBlockArgs(cidr=str(source)))
                for source in (*network.machines, network.pods)
            ),
        ]
    protocols = ("TCP", "UDP") if component == ALERTMANAGER else ("TCP",)
    allowed = [
        networking.NetworkPolicyPortArgs(port=port, protocol=protocol)
        for port in ports
        for protocol in protocols
    ]
    return networking.NetworkPolicy(
        name,
        metadata=ObjectMetaArgs(name=component, namespace=NAMESPACE),
        spec=networking.NetworkPolicySpecArgs(
            pod_selector=LabelSelectorArgs(match_labels=labels(component)),
            policy_types=["Ingress"],
            ingress=[networking.NetworkPolicyIngressRuleArgs(from_=peers, ports=allowed)],
        ),
        opts=opts,
    )
