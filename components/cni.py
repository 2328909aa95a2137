"""The pod network. flannel runs as a service on every node; here is what it may do in the API."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions

from components.api import Api
from components.rbac import READ, Rule, bind, cluster_role, user

_FLANNEL = (
    Rule("", ("nodes",), READ),
    # flannel publishes how a node is reached in the annotations of its Node.
    Rule("", ("nodes/status",), ("patch",)),
)


@dataclass(frozen=True, kw_only=True)
class CniArgs:
    """Where the objects go."""

    api: Api


class Cni(ComponentResource):
    """Rights of flannel. (kube-proxy's are upstream's own: the user `system:kube-proxy` has them.)"""

    def __init__(self, name: str, args: CniArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Cni", name, None, opts)
        flannel = "kubewright:flannel"
        cluster_role(f"{name}-flannel-role", flannel, _FLANNEL, args.api.options(self))
        bind(f"{name}-flannel", flannel, flannel, [user(flannel)], args.api.options(self))
        self.register_outputs({})
