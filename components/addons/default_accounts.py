"""The service accounts `default` of namespaces, without a token in pods."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi_kubernetes.core.v1 as core
from pulumi import ComponentResource, ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.api import Api

NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
"""The namespaces that Kubernetes creates. Other namespaces belong to users."""


@dataclass(frozen=True, kw_only=True)
class DefaultAccountsArgs:
    """Arguments of `DefaultAccounts`."""

    api: Api


class DefaultAccounts(ComponentResource):
    """The service accounts `default` of the namespaces that Kubernetes creates."""

    def __init__(self, name: str, args: DefaultAccountsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:DefaultAccounts", name, None, opts)
        for namespace in NAMESPACES:
            create_default_account(f"{name}-{namespace}", namespace, args.api.options(self))
        self.register_outputs({})


def create_default_account(name: str, namespace: str, opts: ResourceOptions) -> core.ServiceAccount:
    """Create the service account `default` of a namespace, without a token in pods (CIS 5.1.5).

    Kubernetes creates this account too. The Kubernetes provider takes over existing objects. `name` is the
    name of the Pulumi resource.
    """
    return core.ServiceAccount(
        name,
        metadata=ObjectMetaArgs(name="default", namespace=namespace),
        automount_service_account_token=False,
        opts=opts,
    )
