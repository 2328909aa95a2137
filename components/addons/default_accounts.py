"""The service accounts `default` of the namespaces that Kubernetes creates, without a token in pods."""

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
    """The service accounts `default`, without a token in pods (CIS 5.1.5).

    Kubernetes creates these accounts too. The Kubernetes provider takes over existing objects.
    """

    def __init__(self, name: str, args: DefaultAccountsArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:DefaultAccounts", name, None, opts)
        for namespace in NAMESPACES:
            core.ServiceAccount(
                f"{name}-{namespace}",
                metadata=ObjectMetaArgs(name="default", namespace=namespace),
                automount_service_account_token=False,
                opts=args.api.options(self),
            )
        self.register_outputs({})
