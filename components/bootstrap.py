"""Kubernetes objects that nodes need to join the cluster: permissions, and the inventory of known nodes."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, ResourceOptions
from pulumi_kubernetes.core.v1 import ConfigMap
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.api import Api
from components.rbac import (
    READ,
    Rule,
    bind_cluster_role,
    bind_in_namespace,
    cluster_role,
    group_subject,
    user_subject,
)
from topology.identities import INVENTORY, INVENTORY_KEY

_CERTIFICATES_API = "certificates.k8s.io"
_NAMESPACE = "kube-system"
_CSR_APPROVER = (
    Rule(_CERTIFICATES_API, ("certificatesigningrequests",), READ),
    Rule(_CERTIFICATES_API, ("certificatesigningrequests/approval",), ("update",)),
    Rule(
        _CERTIFICATES_API,
        ("signers",),
        ("approve",),
        ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet"),
    ),
    # The approver refuses certificates for addresses of other nodes and first certificates of existing nodes.
    # It deletes the Nodes of hosts that left, because a node must not delete its own Node.
    Rule("", ("nodes",), (*READ, "delete")),
)
_CSR_APPROVER_IN_NAMESPACE = (
    Rule("", ("configmaps",), ("get",), (INVENTORY,)),
    Rule("coordination.k8s.io", ("leases",), ("create",)),
    Rule("coordination.k8s.io", ("leases",), ("get", "update"), ("kubelet-csr-approver",)),
)
# A node drains itself. It does not delete its own Node, because the Node that it registers again could have
# other labels and taints.
_NODE_SELF_SERVICE = (Rule("apps", ("daemonsets",), ("get",)),)
# Names of bindings, groups and ClusterRoles. The first two are upstream roles for TLS bootstrapping
# (kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping). Kubernetes approves renewals;
# the approver decides about first certificates.
_BINDINGS = (
    ("join", "system:bootstrappers", "system:node-bootstrapper"),
    ("sign-again", "system:nodes", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"),
    ("kubelet-api", "kubewright:kubelet-api-clients", "system:kubelet-api-admin"),
    ("node-self-service", "system:nodes", "kubewright:node-self-service"),
)


@dataclass(frozen=True, kw_only=True)
class BootstrapArgs:
    """Arguments of the bootstrap objects. `inventory` is the result of `topology.identities.inventory`."""

    api: Api
    inventory: str


class Bootstrap(ComponentResource):
    """Permissions for nodes, for the CSR approver, for API servers to call kubelets; the inventory."""

    def __init__(self, name: str, args: BootstrapArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Bootstrap", name, None, opts)
        options = args.api.options(self)
        ConfigMap(
            f"{name}-inventory",
            metadata=ObjectMetaArgs(name=INVENTORY, namespace=_NAMESPACE),
            data={INVENTORY_KEY: args.inventory},
            opts=options,
        )
        cluster_role(
            f"{name}-node-self-service-role", "kubewright:node-self-service", _NODE_SELF_SERVICE, options
        )
        for binding, subject_group, role in _BINDINGS:
            bind_cluster_role(
                f"{name}-{binding}", f"kubewright:{binding}", role, [group_subject(subject_group)], options
            )
        _permit_approver(name, options)
        self.register_outputs({})


def _permit_approver(name: str, options: ResourceOptions) -> None:
    approver = "kubewright:csr-approver"
    local = f"{approver}:{_NAMESPACE}"
    subjects = [user_subject(approver)]
    cluster_role(f"{name}-csr-approver-role", approver, _CSR_APPROVER, options)
    bind_cluster_role(f"{name}-csr-approver", approver, approver, subjects, options)
    cluster_role(f"{name}-csr-approver-local-role", local, _CSR_APPROVER_IN_NAMESPACE, options)
    role = ("ClusterRole", local)
    bind_in_namespace(f"{name}-csr-approver-local", approver, _NAMESPACE, role, subjects, options)
