"""Permissions of flannel and of the network policy controller, systemd services of every node."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions

from components.api import Api
from components.rbac import READ, Rule, bind_cluster_role, cluster_role, group_subject, user_subject

# flannel writes the address of its VXLAN endpoint into annotations of its own Node. The kubelet's certificate
# permits that; NodeRestriction protects other Nodes, labels and taints.
_FLANNEL = (Rule("", ("nodes",), READ),)
# The rules for the pods of a node depend on labels and addresses of the pods of all nodes. kube-router starts
# its controllers only after it has read Services, EndpointSlices and Nodes too.
_NETWORK_POLICIES = (
    Rule("", ("namespaces", "nodes", "pods", "services"), READ),
    Rule("discovery.k8s.io", ("endpointslices",), READ),
    Rule("networking.k8s.io", ("networkpolicies",), READ),
)


@dataclass(frozen=True, kw_only=True)
class CniArgs:
    """Arguments of `Cni`.

    `api` is the API in which the permissions are created. `enforces_policies` adds those of the network
    policy controller.
    """

    api: Api
    enforces_policies: bool


class Cni(ComponentResource):
    """Permissions of flannel and of the network policy controller.

    kube-proxy has the upstream permissions of the user `system:kube-proxy`.
    """

    def __init__(self, name: str, args: CniArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Cni", name, None, opts)
        flannel = "kubewright:flannel"
        cluster_role(f"{name}-flannel-role", flannel, _FLANNEL, args.api.options(self))
        # Hosts that have not received this version yet authenticate as the user.
        subjects = [group_subject("system:nodes"), user_subject(flannel)]
        bind_cluster_role(f"{name}-flannel", flannel, flannel, subjects, args.api.options(self))
        if args.enforces_policies:
            self._permit_network_policies(name, args.api)
        self.register_outputs({})

    def _permit_network_policies(self, name: str, api: Api) -> None:
        role = "kubewright:network-policies"
        cluster_role(f"{name}-network-policies-role", role, _NETWORK_POLICIES, api.options(self))
        subjects = [group_subject("system:nodes")]
        bind_cluster_role(f"{name}-network-policies", role, role, subjects, api.options(self))
