"""Permissions of flannel, the pod network, which runs as a systemd service on every node."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions

from components.api import Api
from components.rbac import READ, Rule, bind_cluster_role, cluster_role, group_subject, user_subject

# flannel writes the address of its VXLAN endpoint into annotations of its own Node. The kubelet's certificate
# permits that; NodeRestriction protects other Nodes, labels and taints.
_FLANNEL = (Rule("", ("nodes",), READ),)


@dataclass(frozen=True, kw_only=True)
class CniArgs:
    """Arguments of `Cni`: the API in which the permissions are created."""

    api: Api


class Cni(ComponentResource):
    """Permissions of flannel. kube-proxy has the upstream permissions of the user `system:kube-proxy`."""

    def __init__(self, name: str, args: CniArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Cni", name, None, opts)
        flannel = "kubewright:flannel"
        cluster_role(f"{name}-flannel-role", flannel, _FLANNEL, args.api.options(self))
        # Hosts that have not received this version yet authenticate as the user.
        subjects = [group_subject("system:nodes"), user_subject(flannel)]
        bind_cluster_role(f"{name}-flannel", flannel, flannel, subjects, args.api.options(self))
        self.register_outputs({})
