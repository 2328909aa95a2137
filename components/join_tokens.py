"""The bootstrap tokens with which hosts join the cluster, as Secrets.

Machines of cloud pools make their own tokens (`nodeconfig/machine_tokens.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pulumi import ComponentResource, Output, ResourceOptions
from pulumi_kubernetes.core.v1 import Secret
from pulumi_kubernetes.meta.v1 import ObjectMetaArgs

from components.api import Api
from topology.identities import TokenOwner


@dataclass(frozen=True, kw_only=True)
class JoinTokensArgs:
    """Arguments of the tokens. Each token has the form `abcdef.0123456789abcdef`."""

    api: Api
    tokens: Mapping[TokenOwner, Output[str]]


class JoinTokens(ComponentResource):
    """A Secret for each host with a known name.

    Nodes do not depend on the Secrets, because a dependency of each node on each Secret would be quadratic. A
    kubelet tries again until the Secret of its token exists.
    """

    def __init__(self, name: str, args: JoinTokensArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:JoinTokens", name, None, opts)
        options = args.api.options(self)
        for owner, token in args.tokens.items():
            _create_token_secret(f"{name}-{owner.kind}-{owner.name}", owner, token, options)
        self.register_outputs({})


def _create_token_secret(
    name: str, owner: TokenOwner, token: Output[str], options: ResourceOptions
) -> Secret:
    """Create the Secret with a bootstrap token.

    The name of the Secret contains the public part of the token, so a new token creates a new Secret. The
    token does not expire, because a host may join later: the approver of certificates refuses it while the
    Node of its owner exists.
    """
    identifier = Output.unsecret(token.apply(lambda text: text.split(".")[0]))
    secret: Output[str] = token.apply(lambda text: text.split(".")[1])
    return Secret(
        name,
        metadata=ObjectMetaArgs(name=Output.concat("bootstrap-token-", identifier), namespace="kube-system"),
        type="bootstrap.kubernetes.io/token",
        string_data={
            "description": f"join of {owner.kind} {owner.name}",
            "token-id": identifier,
            "token-secret": secret,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "false",
            "auth-extra-groups": owner.group,
        },
        opts=options,
    )
