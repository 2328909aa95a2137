"""A pool of nodes: their bundles, and the labels and taints that only an administrator may set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions

from components.provider import Provider, Secrets
from components.tolerate_failure import tolerate_failure
from nodeconfig.bundle import Bundle
from nodeconfig.node_labels import node_labels
from topology.model import Pool


@dataclass(frozen=True, kw_only=True)
class NodePoolArgs:
    """`bundles` by the node's name, or the pool's where a cloud makes its nodes.

    `after` is what must be there before nodes join; `kubeconfig` is an administrator's.
    """

    pool: Pool
    bundles: Mapping[str, Bundle]
    secrets: Secrets
    provider: Provider
    kubeconfig: Output[str]
    after: Sequence[Resource] = ()


class NodePool(ComponentResource):
    """Nodes that are alike. `nodes` are healthy when they are Ready."""

    nodes: Sequence[Resource]
    labels: Resource | None = None

    def __init__(self, name: str, args: NodePoolArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:NodePool", name, None, opts)
        options = ResourceOptions(parent=self, depends_on=list(args.after))
        self.nodes = args.provider.pool(args.pool, args.bundles, args.secrets, options)
        # A kubelet may not set `node-role` and other labels of its own node: they come from outside,
        # and so does the removal of those no longer asked for. Nodes that a cloud makes bring theirs.
        if args.pool.nodes:
            self.labels = args.provider.operate(
                f"{name}-labels",
                node_labels(args.pool),
                # Nodes that failed to join must not keep the others from getting theirs.
                ResourceOptions(parent=self, depends_on=[tolerate_failure(node) for node in self.nodes]),
                kubeconfig=args.kubeconfig,
            )
        self.register_outputs({"nodes": [node.name for node in args.pool.nodes]})
