"""Which components a role is made of, and the bundles of every machine and pool."""

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
from nodeconfig.component import BundleError, Component, Index, join, resolve
from nodeconfig.host_paths import BIN, LOCAL_API
from nodeconfig.host_program import NAME, digest
from topology.model import Machine, Member, Pool, Role, Topology

_DRAIN_ON = (
    # Running pods stay with the shim and runc they were started by, and lose exec, logs and probes
    # while containerd is away; a new version of these is a change under the pods.
    f"{BIN}/containerd",
    f"{BIN}/containerd-shim-runc-v2",
    f"{BIN}/runc",
    # A kubelet's settings and patch versions are safe under running pods, a new minor is not.
    kubelet.MINOR,
)

TRUSTS = {
    Role.LOAD_BALANCER: ("kubernetes",),
    Role.ETCD: ("etcd",),
    Role.CONTROL_PLANE: ("kubernetes", "etcd", "front-proxy", "service-account"),
    Role.NODE: ("kubernetes",),
}
"""The authorities and key pairs whose files a role has."""


def bundles(topology: Topology, index: Index) -> dict[tuple[str, Role], Bundle]:
    """The bundles of all machines with names, by machine and role, in the order of delivery.

    Of a pool whose nodes a cloud makes there is one, by the pool's name and `Role.NODE`. Raises BundleError
    for a role that cannot be made, and what the index raises.
    """
    pool_of = {node.name: pool for pool in topology.pools for node in pool.nodes}

    @cache
    def shared(pool: Pool) -> Bundle:
        return pool_bundle(topology, pool, index)

    result: dict[tuple[str, Role], Bundle] = {}
    for machine in topology.machines:
        for role in sorted(machine.roles, key=list(Role).index):
            if machine.roles == (Role.NODE,):
                bundle = shared(_pool(pool_of, machine))
            else:
                bundle = _member_bundle(topology, machine, role, pool_of, index)
            result[machine.name, role] = bundle
    return result | {
        (pool.name, Role.NODE): shared(pool) for pool in topology.pools if pool.capacity is not None
    }


def pool_bundle(topology: Topology, pool: Pool, index: Index) -> Bundle:
    """The bundle that every node of a pool of workers gets: nothing in it differs between two of them."""
    topology = at_version_of(topology, pool)
    parts = (operating_system.component(topology, (Role.NODE,)), _node(topology, pool, topology.endpoint.url))
    return _bundle(topology, Role.NODE, parts, index)


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
            parts.append(_node(topology, _pool(pool_of, machine), server))
        case Role.LOAD_BALANCER:
            parts.append(load_balancer.component(topology, member))
    return _bundle(topology, role, parts, index)


def _control_plane(topology: Topology, member: Member) -> Component:
    return join(
        (
            apiserver.component(topology, member),
            controller_manager.component(topology),
            scheduler.component(topology),
            csr_approver.component(topology),
        )
    )


def at_version_of(topology: Topology, pool: Pool) -> Topology:
    """The cluster as the nodes of a pool see it that stays behind the API servers."""
    if not pool.kubernetes:
        return topology
    return replace(topology, versions=replace(topology.versions, kubernetes=pool.kubernetes))


def _node(topology: Topology, pool: Pool, server: str) -> Component:
    return join(
        (
            containerd.component(topology),
            cni.component(topology),
            kubelet.component(topology, pool, server),
            flannel.component(topology, server),
            proxy.component(topology, server),
        )
    )


def _bundle(topology: Topology, role: Role, parts: Iterable[Component], index: Index) -> Bundle:
    part = join(tuple(parts))
    drain = role is Role.NODE and not _is_alone(topology)
    return Bundle(
        role=role,
        program=Program(*index.artifact(NAME, digest())),
        files=part.files,
        secrets=part.secrets,
        artifacts=resolve(part, topology.versions, index),
        services=part.services,
        directories=part.directories,
        modules=part.modules,
        ca=index.ca,
        drain=drain,
        drain_on=_DRAIN_ON if drain else (),
        drain_seconds=topology.drain_seconds,
        versions=_guarded(topology, role),
        rotations=tuple((name, r) for name, r in topology.certificates.rotations if name in TRUSTS[role]),
    )


def _is_alone(topology: Topology) -> bool:
    """A cluster of one node has nowhere to drain to."""
    nodes = sum(Role.NODE in machine.roles for machine in topology.machines)
    return nodes + sum(pool.capacity.max_size for pool in topology.pools if pool.capacity) == 1


def _guarded(topology: Topology, role: Role) -> tuple[tuple[str, str], ...]:
    """Whose steps between versions the host checks before it changes anything."""
    match role:
        case Role.ETCD:
            return (("etcd", topology.versions.etcd),)
        case Role.CONTROL_PLANE | Role.NODE:
            return (("kubernetes", topology.versions.kubernetes),)
        case _:
            return ()


def _pool(pool_of: dict[str, Pool], machine: Machine) -> Pool:
    if machine.name not in pool_of:
        raise BundleError(f"{machine.name}: is a node but in no pool")
    return pool_of[machine.name]
