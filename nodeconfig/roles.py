"""Bundles of every machine and pool, built from the components of each role."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address

from nodeconfig import (
    apiserver,
    cilium,
    cni,
    containerd,
    controller_manager,
    csr_approver,
    disks,
    dns_cache,
    etcd,
    etcd_maintenance,
    etcd_proxy,
    flannel,
    gpus,
    host_metrics,
    kubelet,
    load_balancer,
    machine_tokens,
    network_policies,
    nfs,
    operating_system,
    peers,
    proxy,
    public_address,
    scheduler,
    snapshots,
)
from nodeconfig.bundle import Bundle, Program
from nodeconfig.component import BundleError, Component, Index, combine_components, resolve_artifacts
from nodeconfig.disks import NodeDisk, disks_of
from nodeconfig.host_paths import BIN, LOCAL_API
from nodeconfig.host_program import ARTIFACT_NAME, digest
from nodeconfig.node_labels import label_words, taint_words
from topology.encryption import is_encryption
from topology.model import Machine, Member, Pool, Role, Topology

_DRAIN_ON = (
    # Running pods keep the shim and runc that started them, but exec, logs and probes fail while containerd
    # restarts. A new version of these programs affects running pods.
    f"{BIN}/containerd",
    f"{BIN}/containerd-shim-runc-v2",
    f"{BIN}/runc",
    # New settings and patch versions of a kubelet are safe for running pods, but a new minor version is
    # not.
    kubelet.MINOR_VERSION_FILE,
)

AUTHORITIES_BY_ROLE = {
    Role.LOAD_BALANCER: ("kubernetes",),
    Role.ETCD: ("etcd",),
    Role.CONTROL_PLANE: ("kubernetes", "etcd", "front-proxy", "kubelet-serving", "service-account"),
    Role.NODE: ("kubernetes",),
}
"""Names of the CAs and key pairs of `topology.certificates` whose files the bundle of each role contains."""


def has_rotation(role: Role, name: str) -> bool:
    """Check whether the bundle of a role contains files of a rotation, by the name of the rotation."""
    return name in AUTHORITIES_BY_ROLE[role] or (role is Role.CONTROL_PLANE and is_encryption(name))


def bundles(topology: Topology, index: Index) -> dict[tuple[str, Role], Bundle]:
    """Return the bundles of all machines with names, by machine and role, in the order of delivery.

    A pool whose nodes a cloud creates has one bundle, with the name of the pool and `Role.NODE` as the key.
    Raise BundleError for a node without a pool or for conflicting components, and the index's ArtifactError.
    """
    pool_by_node = {node.name: pool for pool in topology.pools for node in pool.nodes}

    @cache
    def shared_bundle(
        pool: Pool, behind: IPv4Address | None = None, own_disks: tuple[NodeDisk, ...] = ()
    ) -> Bundle:
        return pool_bundle(topology, pool, index, behind, own_disks)

    result: dict[tuple[str, Role], Bundle] = {}
    for machine in topology.machines:
        for role in sorted(machine.roles, key=list(Role).index):
            if machine.roles == (Role.NODE,):
                pool = _find_pool(pool_by_node, machine)
                bundle = shared_bundle(pool, machine.public_address, disks_of(pool, machine.name))
            else:
                bundle = _member_bundle(topology, machine, role, pool_by_node, index)
            result[machine.name, role] = bundle
    return result | {
        (pool.name, Role.NODE): shared_bundle(pool) for pool in topology.pools if pool.capacity is not None
    }


def node_artifacts(topology: Topology) -> frozenset[str]:
    """Return the names of the artifacts that nodes fetch."""
    components = (
        # All nodes of a pool fetch the same, except that nodes behind NAT fetch more.
        _node_component(
            topology,
            pool,
            topology.endpoint.url,
            next((node.public_address for node in pool.nodes if node.public_address), None),
        )
        for pool in topology.pools
    )
    return frozenset(name for component in components for name, _ in component.artifacts)


def pool_bundle(
    topology: Topology,
    pool: Pool,
    index: Index,
    behind: IPv4Address | None = None,
    own_disks: tuple[NodeDisk, ...] = (),
) -> Bundle:
    """Return the bundle for role node that all nodes of a pool of workers share, or the bundle of a node
    behind NAT with the public address `behind`, or of a node with disks.
    """
    topology = with_pool_version(topology, pool)
    components = (
        operating_system.component(topology, (Role.NODE,), pool.name),
        _node_component(topology, pool, topology.endpoint.url, behind),
        disks.component(pool, own_disks),
        host_metrics.component(topology, (Role.NODE,), pool=pool.name),
    )
    architecture = pool.capacity.architecture if pool.capacity else ""
    return _build_bundle(topology, Role.NODE, components, architecture, index)


def _member_bundle(
    topology: Topology, machine: Machine, role: Role, pool_by_node: dict[str, Pool], index: Index
) -> Bundle:
    components: list[Component] = []
    if role is min(machine.roles, key=list(Role).index):
        pool = pool_by_node.get(machine.name)
        components += [
            operating_system.component(topology, machine.roles, pool.name if pool else ""),
            peers.component(topology, machine),
            host_metrics.component(
                topology, machine.roles, machine=machine.name, pool=pool.name if pool else ""
            ),
        ]
    member = machine.member
    match role:
        case Role.ETCD:
            components += [
                etcd.component(topology, member),
                snapshots.component(topology, member),
                etcd_maintenance.component(topology, member),
            ]
        case Role.CONTROL_PLANE:
            components.append(_control_plane_component(topology, member))
        case Role.NODE:
            local = Role.CONTROL_PLANE in machine.roles
            server = LOCAL_API if local else topology.endpoint.url
            pool = _find_pool(pool_by_node, machine)
            components.append(_node_component(topology, pool, server, machine.public_address))
            components.append(disks.component(pool, disks_of(pool, machine.name)))
        case Role.LOAD_BALANCER:
            components.append(load_balancer.component(topology, member))
    bundle = _build_bundle(topology, role, components, machine.architecture, index)
    if role is Role.NODE and Role.CONTROL_PLANE in machine.roles:
        own_pool = _find_pool(pool_by_node, machine)
        return replace(bundle, labels=label_words(own_pool), taints=taint_words(own_pool))
    return bundle


def _control_plane_component(topology: Topology, member: Member) -> Component:
    return combine_components(
        (
            etcd_proxy.component(topology, member),
            apiserver.component(topology, member),
            controller_manager.component(topology),
            scheduler.component(topology),
            csr_approver.component(topology),
            machine_tokens.component(topology),
        )
    )


def with_pool_version(topology: Topology, pool: Pool) -> Topology:
    """Return the topology with the Kubernetes version of a pool, which may be older than the version of the
    API servers.
    """
    if not pool.kubernetes:
        return topology
    return replace(topology, versions=replace(topology.versions, kubernetes=pool.kubernetes))


def _node_component(
    topology: Topology, pool: Pool, server: str, behind: IPv4Address | None = None
) -> Component:
    return combine_components(
        (
            public_address.component(behind),
            containerd.component(topology, pool.gpu),
            gpus.component(pool),
            cni.component(topology),
            nfs.component(topology),
            kubelet.component(topology, pool, server, behind),
            cilium.component(topology),
            flannel.component(topology, server, behind),
            proxy.component(topology, server, behind),
            network_policies.component(topology, server),
            dns_cache.component(topology),
        )
    )


def _build_bundle(
    topology: Topology, role: Role, components: Iterable[Component], architecture: str, index: Index
) -> Bundle:
    component = combine_components(tuple(components))
    drain = role is Role.NODE and not _has_one_node(topology)
    return Bundle(
        role=role,
        program=Program(*index.artifact(ARTIFACT_NAME, digest())),
        files=component.files,
        secrets=component.secrets,
        artifacts=resolve_artifacts(component, topology.versions, architecture, index),
        services=component.services,
        directories=component.directories,
        modules=component.modules,
        required_programs=component.required_programs,
        required_kernels=component.required_kernels,
        ca=index.ca,
        drain=drain,
        drain_on=_DRAIN_ON if drain else (),
        drain_seconds=topology.drain_seconds,
        versions=_guarded_versions(topology, role),
        rotations=tuple(
            (name, rotation) for name, rotation in topology.certificates.rotations if has_rotation(role, name)
        ),
    )


def _has_one_node(topology: Topology) -> bool:
    """Return whether the cluster has only one node, so that pods of a drained node could run nowhere else."""
    nodes = sum(Role.NODE in machine.roles for machine in topology.machines)
    return nodes + sum(pool.capacity.max_size for pool in topology.pools if pool.capacity) == 1


def _guarded_versions(topology: Topology, role: Role) -> tuple[tuple[str, str], ...]:
    """Return pairs of component and version whose changes the host checks before it applies the bundle."""
    match role:
        case Role.ETCD:
            return (("etcd", topology.versions.etcd),)
        case Role.CONTROL_PLANE | Role.NODE:
            return (("kubernetes", topology.versions.kubernetes),)
        case _:
            return ()


def _find_pool(pool_by_node: dict[str, Pool], machine: Machine) -> Pool:
    if machine.name not in pool_by_node:
        raise BundleError(f"{machine.name}: is a node, but no pool contains it; add it to a pool")
    return pool_by_node[machine.name]
