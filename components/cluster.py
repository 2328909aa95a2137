"""The cluster: certificates, etcd, control plane and pools, on one provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Output, Resource, ResourceOptions

from components import on_delete
from components.api import Api
from components.bootstrap import Bootstrap, BootstrapArgs
from components.cni import Cni, CniArgs
from components.members import Bundles, ControlPlane, Etcd, LoadBalancers, MembersArgs
from components.node_pool import NodePool, NodePoolArgs
from components.pki import Pki, PkiArgs
from components.provider import Provider, Secrets
from components.tolerate_failure import tolerate_failure
from nodeconfig.trust import needs_publication, publication_script
from topology.certificates import FRONT_PROXY_CA, KUBERNETES_CA, trust_bundle
from topology.model import Member, Role, Topology

Connect = Callable[[Output[str], Sequence[Resource]], kubernetes.Provider]
"""Create the connection to the API from the kubeconfig, after these healthy resources."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """Arguments of the cluster.

    `connect` creates the kubernetes provider, because components create no providers. `secrets` are secret
    files of bundles that are not part of the PKI (credentials of registries).
    """

    topology: Topology
    bundles: Bundles
    provider: Provider
    connect: Connect
    secrets: Mapping[str, Output[str]] = field(default_factory=dict)


class Cluster(ComponentResource):
    """A cluster, in this order: load balancers and etcd, control planes, permissions to join, pools."""

    kubeconfig: Output[str]
    api: Api
    pools: Mapping[str, NodePool]

    def __init__(self, name: str, args: ClusterArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Cluster", name, None, opts)
        self._args = args
        self._child = ResourceOptions(parent=self)
        self.pki = Pki(f"{name}-pki", PkiArgs(topology=args.topology), self._child)
        self._secrets: Secrets = {**self.pki.secrets, **args.secrets}
        self.kubeconfig = self.pki.kubeconfig
        topology = args.topology

        load_balancers = LoadBalancers(
            f"{name}-load-balancers", self._members(topology.load_balancers), self._child
        )
        etcd = Etcd(f"{name}-etcd", self._members(topology.etcd), self._child)
        after = [*load_balancers.members, *etcd.members]
        control = ControlPlane(
            f"{name}-control-plane", self._members(topology.control_planes, after), self._child
        )

        self.api = Api(
            provider=args.connect(self.kubeconfig, control.members),
            stored_in=etcd,
            published=self._publication(f"{name}-published", control.members),
        )
        join_permissions: list[Resource] = [
            *self.api.published,
            Bootstrap(
                f"{name}-bootstrap",
                BootstrapArgs(api=self.api, token=self.pki.secrets["bootstrap.token"]),
                self._child,
            ),
            Cni(f"{name}-cni", CniArgs(api=self.api), self._child),
        ]
        self.pools = {
            pool.name: self._pool(
                f"{name}-pool-{pool.name}", pool.name, [*control.members, *join_permissions]
            )
            for pool in topology.pools
        }
        labels = [pool.labels for pool in self.pools.values() if pool.labels]
        # The name of the resource is part of its URN in existing states.
        self._on_delete(f"{name}-farewell", [*self.nodes, *labels])
        self.register_outputs({"endpoint": topology.endpoint.url, "kubeconfig": self.kubeconfig})

    @property
    def nodes(self) -> Sequence[Resource]:
        """The nodes of all pools."""
        return [node for pool in self.pools.values() for node in pool.nodes]

    def _members(self, members: Sequence[Member], after: Sequence[Resource] = ()) -> MembersArgs:
        return MembersArgs(
            machines={machine.name: machine for machine in self._args.topology.machines},
            members=members,
            bundles=self._args.bundles,
            secrets=self._secrets,
            provider=self._args.provider,
            after=after,
        )

    def _pool(self, name: str, pool_name: str, after: Sequence[Resource]) -> NodePool:
        pool = next(pool for pool in self._args.topology.pools if pool.name == pool_name)
        # Nodes that a cloud creates share one bundle, under the name of the pool.
        names = [pool.name] if pool.capacity else [node.name for node in pool.nodes]
        args = NodePoolArgs(
            pool=pool,
            bundles={node: self._args.bundles[node, Role.NODE] for node in names},
            secrets=self._secrets,
            provider=self._args.provider,
            kubeconfig=self.kubeconfig,
            after=after,
        )
        return NodePool(name, args, self._child)

    def _publication(self, name: str, after: Sequence[Resource]) -> Sequence[Resource]:
        """Wait until pods see the trusted certificates; return nothing for authorities without a rotation."""
        if not needs_publication(self._args.topology):
            return []
        trusted = {ca: self._secrets[f"{trust_bundle(ca)}.crt"] for ca in (KUBERNETES_CA, FRONT_PROXY_CA)}
        script: Output[str] = Output.all(**trusted).apply(
            lambda pems: publication_script(self._args.topology, cast(Mapping[str, str], pems))
        )
        options = ResourceOptions(parent=self, depends_on=list(after))
        # Certificates are no secrets, so a preview may show the script.
        visible = Output.unsecret(script)
        return [self._args.provider.operate(name, visible, options, kubeconfig=self.kubeconfig)]

    def _on_delete(self, name: str, after: Sequence[Resource]) -> Resource:
        """Mark all nodes when `destroy` deletes the whole cluster, so that they are not drained.

        The resource depends on every node, so `destroy` deletes it before them; nothing else deletes it.
        """
        return self._args.provider.operate(
            name,
            on_delete.UNMARK,
            ResourceOptions(parent=self, depends_on=[tolerate_failure(resource) for resource in after]),
            kubeconfig=self.kubeconfig,
            on_delete=on_delete.MARK_DELETING,
        )
