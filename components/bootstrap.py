"""Kubernetes objects that nodes need to join the cluster: a bootstrap token, and permissions."""

from __future__ import annotations

from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.api import Api
from components.rbac import READ, Rule, bind_cluster_role, cluster_role, group_subject, user_subject

_CERTIFICATES_API = "certificates.k8s.io"
_CSR_APPROVER = (
    Rule(_CERTIFICATES_API, ("certificatesigningrequests",), READ),
    Rule(_CERTIFICATES_API, ("certificatesigningrequests/approval",), ("update",)),
    Rule(_CERTIFICATES_API, ("signers",), ("approve",), ("kubernetes.io/kubelet-serving",)),
    # The approver compares addresses, so that a node gets no certificate for the address of another node.
    Rule("", ("nodes",), ("list",)),
    Rule("coordination.k8s.io", ("leases",), ("create", "get", "list", "watch", "update", "patch")),
    Rule("", ("events",), ("create", "patch")),
)
# A node drains itself and deletes its own Node. NodeRestriction protects the other nodes.
_NODE_SELF_SERVICE = (
    Rule("apps", ("daemonsets",), ("get",)),
    Rule("", ("nodes",), ("delete",)),
)
# Names of bindings, groups and ClusterRoles. The first three are upstream roles for TLS bootstrapping
# (kubernetes.io/docs/reference/access-authn-authz/kubelet-tls-bootstrapping).
_BINDINGS = (
    ("join", "system:bootstrappers", "system:node-bootstrapper"),
    (
        "sign-first",
        "system:bootstrappers",
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
    ),
    ("sign-again", "system:nodes", "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient"),
    ("kubelet-api", "kubewright:kubelet-api-clients", "system:kubelet-api-admin"),
    ("node-self-service", "system:nodes", "kubewright:node-self-service"),
)


@dataclass(frozen=True, kw_only=True)
class BootstrapArgs:
    """Arguments of the bootstrap objects. `token` has the form `abcdef.0123456789abcdef`."""

    api: Api
    token: Output[str]


class Bootstrap(ComponentResource):
    """The bootstrap token, and permissions for nodes, for the CSR approver, and for API servers to call
    kubelets.
    """

    def __init__(self, name: str, args: BootstrapArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Bootstrap", name, None, opts)
        options = args.api.options(self)
        _create_token_secret(f"{name}-token", args.token, options)
        cluster_role(
            f"{name}-node-self-service-role", "kubewright:node-self-service", _NODE_SELF_SERVICE, options
        )
        cluster_role(f"{name}-csr-approver-role", "kubewright:csr-approver", _CSR_APPROVER, options)
        for binding, subject_group, role in _BINDINGS:
            bind_cluster_role(
                f"{name}-{binding}", f"kubewright:{binding}", role, [group_subject(subject_group)], options
            )
        approver = "kubewright:csr-approver"
        bind_cluster_role(f"{name}-csr-approver", approver, approver, [user_subject(approver)], options)
        self.register_outputs({})


def _create_token_secret(name: str, token: Output[str], options: ResourceOptions) -> Secret:
    """Create the Secret with the bootstrap token.

    The name of the Secret contains the public part of the token, so a new token creates a new Secret. The
    token does not expire, because workers can join at any time.
    """
    identifier = Output.unsecret(token.apply(lambda text: text.split(".")[0]))
    secret: Output[str] = token.apply(lambda text: text.split(".")[1])
    return Secret(
        name,
        metadata=ObjectMetaArgs(name=Output.concat("bootstrap-token-", identifier), namespace="kube-system"),
        type="bootstrap.kubernetes.io/token",
        string_data={
            "token-id": identifier,
            "token-secret": secret,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "false",
            "auth-extra-groups": "system:bootstrappers:kubewright",
        },
        opts=options,
    )
