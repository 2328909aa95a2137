"""The components of each role, and the bundles of every machine and pool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

from nodeconfig import (
    apiserver,
    cni,
    containerd,
    controller_manager,
    csr_approver,
    etcd,
    flannel,
    kubelet,
    load_balancer,
    operating_system,
    proxy,
    scheduler,
    snapshots,
)
from nodeconfig.bundle import Bundle, Program
from nodeconfig.component import BundleError, Component, Index, join, resolve_artifacts
from nodeconfig.host_paths import BIN, LOCAL_API
from nodeconfig.host_program import NAME, digest
from topology.model import Machine, Member, Pool, Role, Topology

_DRAIN_ON = (
    # Running pods keep the shim and runc that started them, but exec, logs and probes fail while containerd
    # restarts. A new version of these programs affects running pods.
    f"{BIN}/containerd",
    f"{BIN}/containerd-shim-runc-v2",
    f"{BIN}/runc",
    # New settings and patch versions of a kubelet are safe for running pods, but a new minor version is
    # not.
    kubelet.MINOR,
)

TRUSTS = {
    Role.LOAD_BALANCER: ("kubernetes",),
    Role.ETCD: ("etcd",),
    Role.CONTROL_PLANE: ("kubernetes", "etcd", "front-proxy", "service-account"),
    Role.NODE: ("kubernetes",),
}
"""The authorities and key pairs whose files each role has."""


def bundles(topology: Topology, index: Index) -> dict[tuple[str, Role], Bundle]:
    """Return the bundles of all machines with names, by machine and role, in the order of delivery.

    A pool whose nodes a cloud creates has one bundle, with the name of the pool and `Role.NODE` as the key.
    Raise BundleError for a role without a bundle, and the errors of the index.
    """
    pool_of = {node.name: pool for pool in topology.pools for node in pool.nodes}

    @cache
    def shared(pool: Pool) -> Bundle:
        return pool_bundle(topology, pool, index)

    result: dict[tuple[str, Role], Bundle] = {}
    for machine in topology.machines:
        for role in sorted(machine.roles, key=list(Role).index):
            if machine.roles == (Role.NODE,):
                bundle = shared(_find_pool(pool_of, machine))
            else:
                bundle = _member_bundle(topology, machine, role, pool_of, index)
            result[machine.name, role] = bundle
    return result | {
        (pool.name, Role.NODE): shared(pool) for pool in topology.pools if pool.capacity is not None
    }


def pool_bundle(topology: Topology, pool: Pool, index: Index) -> Bundle:
    """Return the bundle of a pool of workers, which is the same for all its nodes."""
    topology = with_pool_version(topology, pool)
    parts = (
        operating_system.component(topology, (Role.NODE,)),
        _node_component(topology, pool, topology.endpoint.url),
    )
    return _build_bundle(topology, Role.NODE, parts, index)


def _member_bundle(
    topology: Topology, machine: Machine, role: Role, pool_of: dict[str, Pool], index: Index
) -> Bundle:
    parts: list[Component] = []
    if role is min(machine.roles, key=list(Role).index):
        parts.append(operating_system.component(topology, machine.roles))
    member = Member(machine.name, machine.address)
    match role:
        case Role.ETCD:
            parts += [etcd.component(topology, member), snapshots.component(topology, member)]
        case Role.CONTROL_PLANE:
            parts.append(_control_plane(topology, member))
        case Role.NODE:
            local = Role.CONTROL_PLANE in machine.roles
            server = LOCAL_API if local else topology.endpoint.url
            parts.append(_node_component(topology, _find_pool(pool_of, machine), server))
        case Role.LOAD_BALANCER:
            parts.append(load_balancer.component(topology, member))
    return _build_bundle(topology, role, parts, index)


def _control_plane(topology: Topology, member: Member) -> Component:
    return join(
        (
            apiserver.component(topology, member),
            controller_manager.component(topology),
            scheduler.component(topology),
            csr_approver.component(topology),
        )
    )


def with_pool_version(topology: Topology, pool: Pool) -> Topology:
    """Return the topology with the Kubernetes version of a pool, which may be older than the version of the
    API servers.
    """
    if not pool.kubernetes:
        return topology
    return replace(topology, versions=replace(topology.versions, kubernetes=pool.kubernetes))


def _node_component(topology: Topology, pool: Pool, server: str) -> Component:
    return join(
        (
            containerd.component(topology),
            cni.component(topology),
            kubelet.component(topology, pool, server),
            flannel.component(topology, server),
            proxy.component(topology, server),
        )
    )


def _build_bundle(topology: Topology, role: Role, parts: Iterable[Component], index: Index) -> Bundle:
    part = join(tuple(parts))
    drain = role is Role.NODE and not _has_one_node(topology)
    return Bundle(
        role=role,
        program=Program(*index.artifact(NAME, digest())),
        files=part.files,
        secrets=part.secrets,
        artifacts=resolve_artifacts(part, topology.versions, index),
        services=part.services,
        directories=part.directories,
        modules=part.modules,
        ca=index.ca,
        drain=drain,
        drain_on=_DRAIN_ON if drain else (),
        drain_seconds=topology.drain_seconds,
        versions=_guarded_versions(topology, role),
        rotations=tuple((name, r) for name, r in topology.certificates.rotations if name in TRUSTS[role]),
    )


def _has_one_node(topology: Topology) -> bool:
    """Check whether the cluster has only one node. Then a drain has no other node for the pods."""
    nodes = sum(Role.NODE in machine.roles for machine in topology.machines)
    return nodes + sum(pool.capacity.max_size for pool in topology.pools if pool.capacity) == 1


def _guarded_versions(topology: Topology, role: Role) -> tuple[tuple[str, str], ...]:
    """Return the components, with versions, whose version changes the host checks before it applies them."""
    match role:
        case Role.ETCD:
            return (("etcd", topology.versions.etcd),)
        case Role.CONTROL_PLANE | Role.NODE:
            return (("kubernetes", topology.versions.kubernetes),)
        case _:
            return ()


def _find_pool(pool_of: dict[str, Pool], machine: Machine) -> Pool:
    if machine.name not in pool_of:
        raise BundleError(f"{machine.name}: is a node, but no pool contains it; add it to a pool")
    return pool_of[machine.name]
