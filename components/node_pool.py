"""The component of a pool: its nodes, and labels and taints that only an administrator may set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi import ComponentResource, Output, Resource, ResourceOptions

from components.provider import Provider, Secrets
from components.tolerate_failure import tolerate_failure
from nodeconfig.bundle import Bundle
from nodeconfig.node_labels import node_labels_script
from topology.model import Pool


@dataclass(frozen=True, kw_only=True)
class NodePoolArgs:
    """Arguments of a pool.

    The keys of `bundles` are names of nodes, or the name of the pool if a cloud creates the nodes. `after`
    are resources that must exist before nodes join. `kubeconfig` has administrator permissions.
    """

    pool: Pool
    bundles: Mapping[str, Bundle]
    secrets: Secrets
    provider: Provider
    kubeconfig: Output[str]
    after: Sequence[Resource] = ()


class NodePool(ComponentResource):
    """The resources of a pool. `nodes` are the health gates of its nodes, `labels` sets their labels and
    taints.
    """

    nodes: Sequence[Resource]
    labels: Resource | None = None

    def __init__(self, name: str, args: NodePoolArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:NodePool", name, None, opts)
        options = ResourceOptions(parent=self, depends_on=list(args.after))
        self.nodes = args.provider.pool(args.pool, args.bundles, args.secrets, options)
        # A kubelet may not set `node-role` and other labels of its node, so an administrator sets labels and
        # removes old ones. Nodes that a cloud creates register with their labels.
        if args.pool.nodes:
            self.labels = args.provider.operate(
                f"{name}-labels",
                node_labels_script(args.pool),
                # Nodes that failed to join must not block the labels of other nodes.
                ResourceOptions(parent=self, depends_on=[tolerate_failure(node) for node in self.nodes]),
                kubeconfig=args.kubeconfig,
            )
        self.register_outputs({"nodes": [node.name for node in args.pool.nodes]})
