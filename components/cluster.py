"""The cluster as a component: certificates, etcd, control plane and pools, created by one provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import pulumi_kubernetes as kubernetes
from pulumi import ComponentResource, Output, Resource, ResourceOptions, ResourceTransform

from components import on_delete
from components.api import Api
from components.bootstrap import Bootstrap, BootstrapArgs
from components.cilium import Cilium, CiliumArgs
from components.cni import Cni, CniArgs
from components.join_tokens import JoinTokens, JoinTokensArgs
from components.members import Bundles, ControlPlane, Etcd, LoadBalancers, MembersArgs
from components.node_pool import NodePool, NodePoolArgs
from components.pki import Pki, PkiArgs
from components.provider import Provider, Secrets
from components.refused_changes import recorded_inputs
from components.tolerate_failure import tolerate_failure
from nodeconfig.trust import needs_publication, publication_script
from topology.certificates import FRONT_PROXY_CA, KUBERNETES_CA, trust_bundle
from topology.identities import inventory, token_owners
from topology.model import Member, Role, Topology
from topology.options import NetworkPlugin

Connect = Callable[[Output[str], Sequence[Resource]], kubernetes.Provider]
"""Function that creates the connection to the API from a kubeconfig, after these resources are healthy."""


@dataclass(frozen=True, kw_only=True)
class ClusterArgs:
    """Arguments of the cluster.

    `connect` creates the kubernetes provider, because components create no providers. `secrets` are secret
    files of bundles that are not part of the PKI (credentials of registries). `pool_transforms` are
    Pulumi transforms for all resources of a pool, by the name of the pool.
    """

    topology: Topology
    bundles: Bundles
    provider: Provider
    connect: Connect
    secrets: Mapping[str, Output[str]] = field(default_factory=dict)
    pool_transforms: Mapping[str, Sequence[ResourceTransform]] = field(default_factory=dict)


class Cluster(ComponentResource):
    """All resources of a cluster, created in this order: load balancers and etcd, control planes,
    permissions, pools.
    """

    kubeconfig: Output[str]
    api: Api
    pools: Mapping[str, NodePool]

    def __init__(self, name: str, args: ClusterArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("kubewright:index:Cluster", name, None, opts)
        self._args = args
        self._child_options = ResourceOptions(parent=self)
        self.pki = Pki(f"{name}-pki", PkiArgs(topology=args.topology), self._child_options)
        self._secrets: Secrets = {**self.pki.secrets, **args.secrets}
        self.kubeconfig = self.pki.kubeconfig
        topology = args.topology

        load_balancers = LoadBalancers(
            f"{name}-load-balancers", self._members_args(topology.load_balancers), self._child_options
        )
        versions = topology.versions
        etcd = Etcd(f"{name}-etcd", self._members_args(topology.etcd, versions.etcd), self._child_options)
        after = [*load_balancers.members, *etcd.members]
        control_plane = ControlPlane(
            f"{name}-control-plane",
            self._members_args(topology.control_planes, versions.kubernetes, after),
            self._child_options,
        )

        self.api = Api(
            provider=args.connect(self.kubeconfig, control_plane.members),
            stored_in=etcd,
            publication=self._await_publication(f"{name}-published", control_plane.members),
        )
        join_permissions = [*self.api.publication, *self._create_join_objects(name)]
        self.pools = {
            pool.name: self._create_pool(
                f"{name}-pool-{pool.name}", pool.name, [*control_plane.members, *join_permissions]
            )
            for pool in topology.pools
        }
        labels = [pool.labels for pool in self.pools.values() if pool.labels]
        # The resource name is part of a URN in existing states.
        self._create_delete_marker(f"{name}-farewell", [*self.nodes, *labels])
        self.register_outputs({"endpoint": topology.endpoint.url, "kubeconfig": self.kubeconfig})

    @property
    def nodes(self) -> Sequence[Resource]:
        """The health gates of the nodes of all pools."""
        return [node for pool in self.pools.values() for node in pool.nodes]

    def _members_args(
        self, members: Sequence[Member], version: str = "", after: Sequence[Resource] = ()
    ) -> MembersArgs:
        return MembersArgs(
            machines={machine.name: machine for machine in self._args.topology.machines},
            members=members,
            bundles=self._args.bundles,
            secrets=self._secrets,
            provider=self._args.provider,
            version=version,
            recorded=recorded_inputs(self._args.topology),
            after=after,
        )

    def _create_join_objects(self, name: str) -> Sequence[Resource]:
        """Create what nodes need to join. Return the objects that must exist before."""
        topology = self._args.topology
        tokens = {owner: self.pki.secrets[owner.secret] for owner in token_owners(topology)}
        JoinTokens(f"{name}-join-tokens", JoinTokensArgs(api=self.api, tokens=tokens), self._child_options)
        known = inventory(topology, self._args.provider.machine_names)
        bootstrap = BootstrapArgs(api=self.api, inventory=known)
        objects: list[Resource] = [Bootstrap(f"{name}-bootstrap", bootstrap, self._child_options)]
        if topology.network.cni is NetworkPlugin.FLANNEL:
            cni = CniArgs(api=self.api, enforces_policies=topology.network.enforces_policies)
            objects.append(Cni(f"{name}-cni", cni, self._child_options))
        if topology.network.cilium:
            cilium = CiliumArgs(api=self.api, topology=topology, cilium=topology.network.cilium)
            objects.append(Cilium(f"{name}-cilium", cilium, self._child_options))
        return objects

    def _create_pool(self, name: str, pool_name: str, after: Sequence[Resource]) -> NodePool:
        pool = next(pool for pool in self._args.topology.pools if pool.name == pool_name)
        # Nodes that a cloud creates share one bundle, which has the name of the pool.
        names = [pool.name] if pool.capacity else [node.name for node in pool.nodes]
        args = NodePoolArgs(
            pool=pool,
            bundles={node: self._args.bundles[node, Role.NODE] for node in names},
            secrets=self._secrets,
            provider=self._args.provider,
            kubeconfig=self.kubeconfig,
            after=after,
        )
        transforms = list(self._args.pool_transforms.get(pool_name, ()))
        return NodePool(name, args, ResourceOptions(parent=self, transforms=transforms))

    def _await_publication(self, name: str, after: Sequence[Resource]) -> Sequence[Resource]:
        """Create the resource that waits until pods see rotated CAs. Return [] without a rotation."""
        if not needs_publication(self._args.topology):
            return []
        certificates = {
            ca: self._secrets[f"{trust_bundle(ca)}.crt"] for ca in (KUBERNETES_CA, FRONT_PROXY_CA)
        }
        script: Output[str] = Output.all(**certificates).apply(
            lambda pems: publication_script(self._args.topology, cast(Mapping[str, str], pems))
        )
        options = ResourceOptions(parent=self, depends_on=list(after))
        # Certificates are no secrets, so a preview may show the script.
        public_script = Output.unsecret(script)
        return [self._args.provider.operate(name, public_script, options, kubeconfig=self.kubeconfig)]

    def _create_delete_marker(self, name: str, after: Sequence[Resource]) -> Resource:
        """Create the resource that annotates all nodes when `destroy` deletes the whole cluster, so that
        nodes are not drained.

        The resource depends on all nodes, so `destroy` deletes it before the nodes. No other operation
        deletes it.

        """
        return self._args.provider.operate(
            name,
            on_delete.UNMARK_NODES,
            ResourceOptions(parent=self, depends_on=[tolerate_failure(resource) for resource in after]),
            kubeconfig=self.kubeconfig,
            on_delete=on_delete.MARK_NODES,
        )
